"""When each account was last heard of."""

from django.db import models


class Arrival(models.Model):
    """When the newest event of an account came, connected or not; kept minute by minute (inbox/arrivals.py).

    Not a column of the account: that row is locked where work writes to it, and no event may wait for it.
    """

    provider = models.CharField(max_length=16)
    account = models.CharField(max_length=64)
    last_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = (models.UniqueConstraint("provider", "account", name="arrival_once"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.account}"
