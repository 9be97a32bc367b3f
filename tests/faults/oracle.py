"""What a history says: which events there were, in which POSTs, and what was promised to Meta about each."""

from array import array
from dataclasses import dataclass, field

from tests.faults.plan import ANSWERED


class Asked:
    """One event. acked_at: its first 2xx; posts: all that held it, forged ones left out."""

    __slots__ = ("acked_at", "at_ms", "is_late", "key", "kind", "number", "posts", "talk")

    def __init__(self, number, kind, talk, at_ms, key, is_late):
        self.number, self.kind, self.talk, self.at_ms, self.key, self.is_late = number, kind, talk, at_ms, key, is_late
        self.acked_at, self.posts = None, ()

    @property
    def is_answered(self):
        return self.kind in ANSWERED


class Posted:
    """One POST: the numbers of its events in their places, and when it was first sent."""

    __slots__ = ("begun_at", "events", "is_forged")

    def __init__(self, events, begun_at, is_forged):
        self.events, self.begun_at, self.is_forged = tuple(events), begun_at, is_forged


@dataclass
class Oracle:
    """What was sent and answered. acks: at, seconds, at, seconds, … of every 2xx; others: of the other tries."""

    events: dict = field(default_factory=dict)
    posts: dict = field(default_factory=dict)
    talks: dict = field(default_factory=dict)  # a number for each (account, person)
    acks: array = field(default_factory=lambda: array("d"))
    others: array = field(default_factory=lambda: array("d"))
    taken_for_true: list = field(default_factory=list)  # forged POSTs that were answered 2xx
    faults: list = field(default_factory=list)
    statuses: dict = field(default_factory=dict)

    def answered(self):
        """Of every 2xx: when it came, and after how many seconds."""
        return zip(self.acks[::2], self.acks[1::2], strict=True)

    def sent(self, event):
        """Each POST of this event, and when it was first sent."""
        return ((number, self.posts[number].begun_at) for number in event.posts)


def read(history):
    """The oracle of a history that nobody writes any more."""
    oracle = Oracle()
    for line in history.lines():
        _READERS.get(line["what"], _nothing)(oracle, line)
    return oracle


def _event(oracle, line):
    talk = oracle.talks.setdefault((line["account"], line["person"]), len(oracle.talks))
    oracle.events[line["n"]] = Asked(
        line["n"], line["kind"], talk, line["at_ms"], bytes.fromhex(line["key"]), line.get("late", False)
    )


def _invoke(oracle, line):
    if "again" in line:
        return
    post = oracle.posts[line["post"]] = Posted(line["events"], line["t"], line.get("forged", False))
    if not post.is_forged:
        for number in post.events:
            oracle.events[number].posts += (line["post"],)


def _answer(oracle, line):
    post = oracle.posts[line["post"]]
    word = str(line.get("status") or line.get("error"))
    oracle.statuses[word] = oracle.statuses.get(word, 0) + 1
    if line["what"] != "ok":
        oracle.others.extend((line["t"], line["seconds"]))
        return
    if post.is_forged:
        oracle.taken_for_true.append(line["post"])
        return
    oracle.acks.extend((line["t"], line["seconds"]))
    for number in post.events:
        event = oracle.events[number]
        if event.acked_at is None:
            event.acked_at = line["t"]


def _fault(oracle, line):
    oracle.faults.append((line["kind_of_fault"], line["begun"], line["healed"]))


def _nothing(oracle, line):
    pass


_READERS = {"event": _event, "invoke": _invoke, "ok": _answer, "fail": _answer, "info": _answer, "fault": _fault}
