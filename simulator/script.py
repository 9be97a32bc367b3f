"""
Answers told beforehand: for one recipient or for all, a queue of steps, each for some calls or for ever.

A step is written as a word, with details after colons and, at the end, `*3` for three calls or `*` for ever:

    ok                        the message is taken
    slow:SECONDS              it is taken, and answered after so many seconds
    http:STATUS[:CODE[:SUB]]  refused with Meta's error; without a code the body is plain words, as of a proxy
    http-after:STATUS[…]      the same answer, though the message was taken
    429[:SECONDS]             too many calls, with Retry-After where seconds are given
    usage:MINUTES             too many calls (400, code 80002), the usage header names the minutes to wait
    reset-before, reset-after      the connection breaks, the message was not taken, or was
    timeout-before[:SECONDS], timeout-after[:SECONDS]   no answer comes; the connection is held so long
    not-json[:STATUS], not-json-after[:STATUS]          the body is a web page
"""

import json
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from simulator.exchange import Reply, refusal

EVERYONE = "*"
EDGES = ("messages", "conversations")
MAX_STEPS = 10_000
MAX_RECIPIENTS = 20_000
HOLD_S = 60.0  # how long a time-out holds the connection at most, unless the step says otherwise
BEFORE = ("http", "429", "usage", "reset-before", "timeout-before", "not-json")
AFTER = ("ok", "slow", "http-after", "reset-after", "timeout-after", "not-json-after")  # the message is taken
NEEDS_NUMBER = frozenset({"slow", "http", "http-after", "usage"})
WEB_PAGE = "<html><body><h1>Something went wrong</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One scripted answer. numbers: what stood after the colons; times: calls it serves, None for ever."""

    word: str
    numbers: tuple[float, ...] = ()
    times: int | None = 1

    @property
    def is_taking(self) -> bool:
        """True when the message reaches the customer, whatever the answer says."""
        return self.word in AFTER

    def __str__(self) -> str:
        return ":".join([self.word, *map(_written, self.numbers)])

    def reply(self, account: str, taken: Reply) -> Reply:
        """What this step answers; `taken` is the answer to a message that was simply taken."""
        first = self.numbers[0] if self.numbers else None
        match self.word:
            case "ok":
                return taken
            case "slow":
                return Reply(body=taken.body, delay_s=first or 0.0)
            case "http" | "http-after":
                return self._error()
            case "429":
                return refusal(4, status=429, headers={} if first is None else {"Retry-After": _written(first)})
            case "usage":
                return refusal(80002, headers={"X-Business-Use-Case-Usage": _usage(account, int(first or 0))})
            case "reset-before" | "reset-after":
                return Reply(ending="reset")
            case "timeout-before" | "timeout-after":
                return Reply(ending="timeout", hold_s=HOLD_S if first is None else first)
            case _:
                return Reply(status=int(first or 502), body=WEB_PAGE, content_type="text/html")

    def _error(self) -> Reply:
        status, *codes = (int(number) for number in self.numbers)
        if not codes:
            return Reply(status=status, body="The server could not answer.", content_type="text/plain")
        return refusal(codes[0], codes[1] if len(codes) > 1 else None, status=status)


OK = Step(word="ok", times=None)


def step(written: str) -> Step:
    """The step that these words mean; ValueError with a sentence when they mean none."""
    what, star, times = written.strip().partition("*")
    word, *details = what.split(":")
    if word not in BEFORE + AFTER:
        raise ValueError(f"No answer is called {word!r}; there are {', '.join(sorted(BEFORE + AFTER))}.")
    try:
        numbers = tuple(float(detail) for detail in details)
        count = None if star and not times else int(times or 1)
    except ValueError:
        raise ValueError(f"In {written!r} a number was expected after a colon or a star.") from None
    if (word in NEEDS_NUMBER and not numbers) or (count is not None and count < 1):
        raise ValueError(f"{written!r} lacks a number, or says less than one call.")
    if word.startswith("http") and not 200 <= numbers[0] <= 599:
        raise ValueError(f"{written!r} names no HTTP status.")
    if any(not 0 <= number <= 10**9 for number in numbers):
        raise ValueError(f"{written!r} holds a number out of bounds.")
    return Step(word=word, numbers=numbers, times=count)


class Scripts:
    """The queues of all recipients. Not safe for threads: the Graph holds its lock around it."""

    def __init__(self) -> None:
        self._queues: OrderedDict[tuple[str, str], deque[Step]] = OrderedDict()

    def tell(self, recipient: str, steps: Iterable[str | Step], *, edge: str = "messages") -> None:
        """Replace what the next calls of this edge about the recipient get; no steps: as if never told."""
        if edge not in EDGES:
            raise ValueError(f"Answers can be told for {' and '.join(EDGES)}.")
        queue = deque(one if isinstance(one, Step) else step(one) for one in steps)
        if len(queue) > MAX_STEPS:
            raise ValueError(f"A script has at most {MAX_STEPS} steps.")
        self._queues.pop((edge, recipient), None)
        if queue:
            self._queues[edge, recipient] = queue
        if len(self._queues) > MAX_RECIPIENTS:
            self._queues.popitem(last=False)

    def next(self, recipient: str, *, edge: str = "messages") -> Step:
        """The step of this call: the recipient's own, else that of everyone, else `ok`."""
        for key in ((edge, recipient), (edge, EVERYONE)):
            queue = self._queues.get(key)
            if queue:
                return self._taken_from(queue, key)
        return OK

    def _taken_from(self, queue: deque[Step], key: tuple[str, str]) -> Step:
        now = queue[0]
        if now.times is None:
            return now
        queue.popleft()
        if now.times > 1:
            queue.appendleft(Step(word=now.word, numbers=now.numbers, times=now.times - 1))
        if not queue:
            del self._queues[key]
        return now

    def clear(self) -> None:
        self._queues.clear()

    def __len__(self) -> int:
        return len(self._queues)


def _written(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)


def _usage(account: str, minutes: int) -> str:
    use = {
        "type": "instagram",
        "call_count": 100,
        "total_cputime": 25,
        "total_time": 25,
        "estimated_time_to_regain_access": minutes,
    }
    return json.dumps({account: [use]})
