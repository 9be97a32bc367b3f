"""Which heads of lanes ops were told of."""

from django.db import models


class HeadAlarm(models.Model):
    """A head that waited too long, and when an alarm tried to tell of it and did; kept for a while."""

    event_id = models.UUIDField(primary_key=True, editable=False)
    tried_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index("tried_at", name="head_alarm_tried"),)

    def __str__(self) -> str:
        return str(self.event_id)
