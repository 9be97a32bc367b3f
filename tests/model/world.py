"""A state of the searched world, as bytes: a few facts of each event and each worker."""

from instagram_webhooks.states import EventState, ReplyState

ABSENT = len(EventState)  # an older event that has not arrived yet
STATES = {state: number for number, state in enumerate(EventState)}
NO_REPLY = 0
REPLIES = {state: number for number, state in enumerate(ReplyState, start=1)}

# Of an event; its place among the others is its place in the lane. TIME is what is known of claimable_at.
# Ghosts, which no row holds: TAKEN (how often Meta took its message), FLIGHT (calls of which Meta has not
# decided yet), UNENDED (claims in a row that left no outcome), AHEAD (an older one came while it was in work).
STATE, TIME, FENCE, HOLDER, STARTS, REPLY, SETTLED, FLIGHT, TAKEN, UNENDED, AHEAD = range(11)
EVENT = 11
NEVER, LATER, DUE = range(3)
NOBODY, GONE = 0, 255  # holders that are no worker; GONE is a process that ended

# Of a worker. AT: the place of its event. SEEN: the fence of its claim. LATE: more than the second has passed
# that may lie between its last check and the call. OWNS (a ghost): nobody has taken the claim away. AGAIN: the
# transaction that it runs once more, for it never heard of its COMMIT; 0 where there is none.
PHASE, AT, SEEN, LATE, STOPPED, OWNS, AGAIN = range(7)
WORKER = 7
IDLE, AIMED, CLAIMED, CLEAR, CHECKED, CALLING, ANSWERED, REFUSED, UNKNOWN = range(9)
PHASES = ("idle", "about to claim", "on its claim", "free to send", "past its last check", "calling",
          "answered", "refused", "without an answer")  # fmt: skip

# Of all: a wake-up is on its way; how many faults and acts of people are left; which sentence is broken.
WOKEN, FAULTS, PEOPLE, WRONG = range(4)
COMMON = 4


class Layout:
    """Where the facts of so many events and workers lie."""

    def __init__(self, events, workers):
        self.events = tuple(EVENT * place for place in range(events))
        self.workers = tuple(EVENT * events + WORKER * place for place in range(workers))
        self.common = EVENT * events + WORKER * workers
        self.as_is, self.swapped = list(range(workers)), [1, 0]
        self.size = self.common + COMMON
        self.woken, self.faults, self.people, self.wrong = (self.common + field for field in range(COMMON))

    def settled(self, world):
        """The state without what makes no difference: the size of fences, and which worker is which."""
        for e in self.events:
            if world[e + FENCE] > 1:
                self._rank_fences(world, e)
        order = self.order_of(world)
        if order != self.as_is:
            self._reorder(world, order)
        return bytes(world)

    def order_of(self, world):
        """The order into which `settled` puts the workers."""
        if len(self.as_is) == 2:
            first, second = self.workers
            return self.as_is if world[first:second] <= world[second : self.common] else self.swapped
        return sorted(self.as_is, key=lambda n: world[self.workers[n] : self.workers[n] + WORKER])

    def _rank_fences(self, world, e):
        """Fences are only compared, and 0 is an event that was never claimed."""
        place = e // EVENT
        here = [k for k in self.workers if world[k + SEEN] and world[k + AT] == place]
        values = sorted({world[e + FENCE], *(world[k + SEEN] for k in here)})
        if values[-1] == len(values):
            return
        world[e + FENCE] = values.index(world[e + FENCE]) + 1
        for k in here:
            world[k + SEEN] = values.index(world[k + SEEN]) + 1

    def _reorder(self, world, order):
        blocks = [bytes(world[self.workers[n] : self.workers[n] + WORKER]) for n in order]
        world[self.workers[0] : self.common] = b"".join(blocks)
        names = {old + 1: new for new, old in enumerate(order, start=1)}
        for e in self.events:
            world[e + HOLDER] = names.get(world[e + HOLDER], world[e + HOLDER])
