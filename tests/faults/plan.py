"""
What customers do in a run: a seeded plan of events, in batches as Meta makes them.

A moving window of conversations, some of them lively. Provider times rise with every event; within a
batch they are shuffled, some events are late, and some come again in a later batch.
"""

import heapq
import itertools
import time
from dataclasses import dataclass, field

from simulator import bodies
from tests.faults.keys import content, event_key

KINDS = {"message": 40, "read": 30, "reaction": 20, "postback": 5, "message_edit": 5, "echo": 3, "unknown": 2}
ANSWERED = ("message", "postback")
RENEWED = 0.18  # of all events: the oldest conversation of the window makes room for a new one
LIVELY, TO_LIVELY = 20, 0.3  # the newest conversations, and their share of events
SAME_AGAIN = 0.5  # the next event of a batch is of the same conversation
LATE, LATE_S = 0.02, (0.5, 4.0)
ELSEWHERE, ELSEWHERE_S = 0.04, (0.2, 15.0)  # once more, in another batch
SAME_TIME = 0.03
KILLER, KILLERS = "killer ", 0.0003  # a message that ends its workers, and their share of messages
SIZES = ((0.60, (1, 1)), (0.28, (2, 3)), (0.10, (4, 10)), (0.02, (11, 50)))


@dataclass(slots=True)
class Conversation:
    account: str
    person: str
    last: tuple = ()  # mid of the last message, and how often it was edited


@dataclass(slots=True, frozen=True)
class Event:
    """number: also in its text, so that the reply names it. item: what stands in messaging[]."""

    number: int
    account: str
    kind: str = field(compare=False)
    item: dict = field(compare=False, repr=False)


class Plan:
    """Not safe for threads. clock: seconds that never go back; wall: seconds since the epoch."""

    def __init__(
        self, random, accounts, history, *, conversations=1000, killers=KILLERS, sizes=SIZES, clock=time.monotonic,
        wall=time.time,
    ):  # fmt: skip
        self._random, self._accounts, self._history = random, list(accounts), history
        self._clock, self._wall, self._killers, self._sizes = clock, wall, killers, sizes
        self._run = f"{random.getrandbits(32):08x}"
        self._stamp_ms = 0
        self._window = [self._conversation() for _ in range(conversations)]
        self._later = []  # (due, n, event): late ones and those that come again
        self._n, self._again = itertools.count(), set()
        self.duplicates = self.late = 0
        self.kinds = dict.fromkeys(KINDS, 0)

    def batch(self):
        """The events of the next POST, with what had to wait and is due by now."""
        events = self._due(self._clock())
        events += self.invented(max(self._size() - len(events), 0))
        for event in events:
            if event.number not in self._again and self._random.random() < ELSEWHERE:
                self._again.add(event.number)
                self._put_off(event, ELSEWHERE_S)
                self.duplicates += 1
        self._random.shuffle(events)
        return events

    def invented(self, count, *, late=LATE):
        """So many new events, and some that are put off."""
        events, talk = [], None
        while len(events) < count:
            talk = talk if talk and self._random.random() < SAME_AGAIN else self._pick()
            is_late = self._random.random() < late
            event = self._event(talk, is_late)
            if is_late:
                self.late += 1
                self._put_off(event, LATE_S)
            else:
                events.append(event)
        return events

    def rest(self):
        """What still waited for its time, in batches."""
        left = self._due(float("inf"), most=len(self._later))
        return [left[at : at + 20] for at in range(0, len(left), 20)]

    def _size(self):
        dice = self._random.random()
        for share, between in self._sizes:
            dice -= share
            if dice < 0:
                return self._random.randint(*between)
        return 1

    # --- who and when ----------------------------------------------------------------------------

    def _conversation(self):
        return Conversation(self._random.choice(self._accounts), f"6{self._random.randrange(10**15):015d}")

    def _pick(self):
        if self._random.random() < RENEWED:
            del self._window[0]
            self._window.append(self._conversation())
        lively = min(LIVELY, len(self._window)) if self._random.random() < TO_LIVELY else len(self._window)
        return self._window[-1 - self._random.randrange(lively)]

    def _time_ms(self, kind):
        # Two messages of one millisecond happen; a reaction is known by its time.
        if self._stamp_ms and kind in ANSWERED and self._random.random() < SAME_TIME:
            return self._stamp_ms
        self._stamp_ms = max(self._stamp_ms + 1, int(self._wall() * 1000))
        return self._stamp_ms

    def _put_off(self, event, between_s):
        heapq.heappush(self._later, (self._clock() + self._random.uniform(*between_s), next(self._n), event))

    def _due(self, now, *, most=40):
        due = {}
        while self._later and self._later[0][0] <= now and len(due) < most:
            event = heapq.heappop(self._later)[2]
            due[event.number] = event
        return list(due.values())

    # --- what ------------------------------------------------------------------------------------

    def _event(self, talk, is_late):
        number = self._history.next_event()
        kind = self._random.choices(list(KINDS), KINDS.values())[0]
        if kind in ("reaction", "message_edit") and not talk.last:
            kind = "message"
        at_ms = self._time_ms(kind)
        item, identity, of = self._item(kind, talk, number, at_ms)
        key = event_key(kind, talk.account, *identity, mid=of)
        self.kinds[kind] += 1
        self._history.write("event", n=number, kind=kind, account=talk.account, person=talk.person,
                            at_ms=at_ms, key=key.hex(), **({"late": True} if is_late else {}))  # fmt: skip
        return Event(number, talk.account, kind, item)

    def _item(self, kind, talk, number, at_ms):
        """The item, the parts of its key, and the message that it is of."""
        mid, text = f"m_{self._run}_{number}", f"n{number}"
        about = {"sender": talk.person, "account": talk.account, "at_ms": at_ms}
        match kind:
            case "message":
                talk.last = (mid, 0)
                text = f"{KILLER}{text}" if self._random.random() < self._killers else text
                return bodies.message(text, mid=mid, **about), (mid,), mid
            case "postback":
                return bodies.postback(text, "HOURS", mid=mid, **about), (mid,), mid
            case "read":
                return bodies.read(mid, **about), (talk.person, mid), mid
            case "reaction":
                of = talk.last[0]
                return bodies.reaction(of, **about), (talk.person, of, "react", "❤️", str(at_ms)), of
            case "message_edit":
                of, edits = talk.last
                talk.last = (of, edits + 1)
                return bodies.edit(of, f"e{number}", number=edits + 1, **about), (of, str(edits + 1)), of
            case "unknown":  # Meta has a new kind of update
                new = {"sender": {"id": talk.person}, "recipient": {"id": talk.account}, "timestamp": at_ms}
                new |= {"something_new": {"of": text}}
                return new, (content(new),), None
            case _:  # a person of the business typed it
                said = bodies.echo(f"p{number}", recipient=talk.person, account=talk.account, mid=mid, at_ms=at_ms)
                return said, (mid,), mid
