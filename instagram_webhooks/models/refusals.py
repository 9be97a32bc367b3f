"""Webhooks that were refused at the door because of their signature."""

from django.db import models


class Refusals(models.Model):
    """How many in one minute for one provider; inbox/refusals.py adds to it.

    unmatched: those of them with a well-formed signature that none of our app secrets makes.
    """

    pk = models.CompositePrimaryKey("minute", "provider")
    minute = models.DateTimeField()
    provider = models.CharField(max_length=16)
    count = models.IntegerField()
    unmatched = models.IntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.provider}"
