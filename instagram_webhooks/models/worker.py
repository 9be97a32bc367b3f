"""The worker processes, by their heartbeat."""

from django.db import models

from audit.ids import uuid7


class Worker(models.Model):
    """One process that claims events. Silent for WORKER_SILENT_S, it is taken for dead."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    parent_id = models.UUIDField(null=True)  # of the process that forked it, which claims nothing itself
    host = models.CharField(max_length=100)
    pid = models.IntegerField()
    pool = models.CharField(max_length=16)
    slots = models.SmallIntegerField()
    started_at = models.DateTimeField()
    pulse_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)  # when the broker last gave it a message
    in_flight = models.SmallIntegerField(default=0)
    stopped_at = models.DateTimeField(null=True)
    unwell = models.CharField(max_length=8, default="", db_default="")  # why it ended by itself: deaf, stuck

    class Meta:
        default_permissions = ()
        indexes = (models.Index("pulse_at", name="worker_pulse"),)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


class Turn(models.Model):
    """A task that one process does at a time, and when the next may take it (inbox/turn.py).

    taken_at: when it was last begun.
    Of a name that ends in "done": when it was last done.
    """

    name = models.CharField(max_length=32, primary_key=True)
    free_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = verbose_name_plural = "upkeep"

    def __str__(self) -> str:
        return self.name
