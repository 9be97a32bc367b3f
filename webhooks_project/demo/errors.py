"""
How the demo can end before its end.

    DemoEnded
      Refused       it must not start here: not the demo's database, or another demo runs
      NotSeen       something that the story tells did not come true
    Interrupted     a signal, or nobody reads what is printed
"""


class DemoEnded(Exception):
    """A sentence that says why."""


class Refused(DemoEnded):
    """It must not start here; the sentence says what to do."""


class NotSeen(DemoEnded):
    """What did not come true. process: whose last words may tell more, by name."""

    def __init__(self, message: str, *, process: str = "worker") -> None:
        super().__init__(message)
        self.process = process
        self.last_words = ""


class Interrupted(BaseException):
    """Somebody wants it to end. No Exception: nothing on the way may take it for a failure."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
