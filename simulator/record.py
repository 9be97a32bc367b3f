"""Every call that came in, newest kept, counted where forgotten."""

from collections import Counter, OrderedDict, deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

MAX_RECIPIENTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. at: ISO 8601, UTC. account: whose token it bore, or "". status: 0 where no answer came.

    edge: `messages`, `conversations`, `sender_action` or another; answer: the step told, or `refused`.
    mid: the id given to a message that was taken. The token itself is not kept.
    """

    at: str
    method: str
    path: str
    edge: str
    account: str
    recipient: str
    text: str = field(default="", repr=False)
    answer: str = "ok"
    status: int = 200
    taken: bool = False
    mid: str = ""

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class Record:
    """The newest calls, and counts of all. Not safe for threads: the Graph holds its lock around it."""

    def __init__(self, keep: int) -> None:
        self._calls: deque[Call] = deque(maxlen=keep)
        self._taken: OrderedDict[str, int] = OrderedDict()
        self.clear()

    def clear(self) -> None:
        self._calls.clear()
        self._taken.clear()
        self._answers: Counter[str] = Counter()
        self._edges: Counter[str] = Counter()
        self._taken_in_all = self._recipients_forgotten = 0

    def add(self, call: Call) -> None:
        self._calls.append(call)
        self._edges[call.edge] += 1
        self._answers[call.answer] += 1
        if call.taken:
            self._taken_in_all += 1
            self._taken[call.recipient] = self._taken.pop(call.recipient, 0) + 1
            if len(self._taken) > MAX_RECIPIENTS:
                self._taken.popitem(last=False)
                self._recipients_forgotten += 1

    def calls(self, recipient: str | None = None) -> list[Call]:
        """The calls kept, oldest first."""
        return [call for call in self._calls if recipient in (None, call.recipient)]

    def summary(self) -> dict[str, object]:
        """Counts of all calls. `taken`: messages per recipient; `taken_more_than_once`: the suspicious."""
        in_all = sum(self._edges.values())
        return {
            "calls": in_all,
            "calls_forgotten": in_all - len(self._calls),
            "edges": dict(self._edges),
            "answers": dict(self._answers),
            "taken_in_all": self._taken_in_all,
            "taken": dict(self._taken),
            "taken_more_than_once": {who: count for who, count in self._taken.items() if count > 1},
            "recipients_forgotten": self._recipients_forgotten,
        }


def iso(at_s: float) -> str:
    """The time as the record shows it: UTC, milliseconds, `Z`."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
