"""The column of this product, started as the tests of its processes start it."""

from benchmarks.column import Column
from benchmarks.installation import Place
from tests.processes.process import Process


class Ours(Column):
    """The product in the installation's own database, which it made."""

    name = "ours"
    DONE = """
        SELECT NOT EXISTS (
            SELECT 1 FROM instagram_webhooks_webhookevent WHERE lane IS NOT NULL AND finished_at IS NULL
        )"""
    COUNTS = """
        SELECT count(*), count(*) FILTER (WHERE state = 'processed'),
               (SELECT count(*) FROM audit_auditentry WHERE action = 'event.processed')
          FROM instagram_webhooks_webhookevent"""

    def __init__(self, place: Place, *, slots: int = 1) -> None:
        super().__init__(place, slots=slots)
        self.port, self.database_url = place.product.port, place.product.database_url

    def web(self) -> Process:
        """Its web process."""
        return self.started(self.place.product.web(WORKER_CONCURRENCY=str(self.slots)))

    def worker(self) -> Process:
        """Its worker, which listens already."""
        return self.started(self.place.product.worker(WORKER_CONCURRENCY=str(self.slots)))

    def is_quiet(self) -> bool:
        """Whether no wake-up is left."""
        return bool(self.place.product.queued() == 0)
