"""What the door answers."""

from django.http import HttpResponse


class Answer(HttpResponse):
    """Ends without Django's signal: it has each connection of the request's thread looked at, and the door has none.

    That took 18 of a webhook's 180 µs.
    """

    def close(self) -> None:
        """Nothing was opened."""
        self.closed = True
