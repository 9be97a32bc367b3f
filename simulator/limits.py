"""How many calls in a second Meta allows before it refuses."""

from collections import OrderedDict, deque

MAX_ACCOUNTS = 1000


class Pace:
    """Counts the calls of the last second per account; not safe for threads by itself."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, account: str, *, per_s: int, now_s: float) -> bool:
        """True when one more call fits, which is then counted; 0 per second means no limit.

        A refused call counts too: who goes on calling waits longer.
        """
        if per_s <= 0:
            return True
        recent = self._recent.setdefault(account, deque(maxlen=per_s))
        fits = len(recent) < per_s or now_s - recent[0] >= 1.0
        recent.append(now_s)
        if len(self._recent) > MAX_ACCOUNTS:
            self._recent.popitem(last=False)
        return fits
