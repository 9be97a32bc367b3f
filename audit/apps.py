import logging

from django.apps import AppConfig

from audit import uncaught


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit"

    def ready(self) -> None:
        """Send warnings and uncaught exceptions through the log, where redaction sees them."""
        logging.captureWarnings(True)
        uncaught.install()
