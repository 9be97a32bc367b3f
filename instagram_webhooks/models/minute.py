"""What happened in each minute, counted once: what charts and figures are made of."""

from django.db import models


class Minute(models.Model):
    """One minute of all accounts together.

    dead: became dead letters. p50_ms, p95_ms: of what was processed in it, from its arrival to its end; NULL without.
    """

    minute = models.DateTimeField(primary_key=True)
    received = models.IntegerField()
    processed = models.IntegerField()
    dead = models.IntegerField()
    p50_ms = models.IntegerField(null=True)
    p95_ms = models.IntegerField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M}"
