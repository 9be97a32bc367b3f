"""One run: faults while customers write, then everything is healed, comes to rest and is checked."""

import re
import time
from collections import Counter

from tests.faults import oracle, scorecard
from tests.faults.checker import check
from tests.faults.flaws import FLAWS
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House
from tests.faults.nemesis import Nemesis
from tests.faults.plan import KILLERS
from tests.faults.rest import OPEN, NotAtRest, come_to_rest, replay_dead
from tests.faults.telling import say

NEWS_S = 10.0
SHOWN = 5
# Customers' ids, our replies, and the tokens of accounts.py.
PERSONAL = re.compile(r"\b6\d{15}\b|\bre n\d+\b|IGTEST-")


class Run:
    """options: as the command line gives them. times: settings by name."""

    def __init__(self, options, times):
        self._options, self._times = options, times
        self._failures = []

    def result(self):
        """The exit code; prints what it found."""
        options = self._options
        with (
            House(options.folder, options.seed, times=self._times, flaws=options.flaw, lag=options.lag) as house,
            History(options.folder / "history.jsonl") as history,
        ):
            before, begun = scorecard.snapshot(house), time.monotonic()
            nemesis, counts = self._faults(house, history)
            seconds = time.monotonic() - begun
            say(" ".join(f"{name}={count}" for name, count in sorted(counts.items())))
            rest_s, replays = self._rest(house, history)
            self._look_at(house, nemesis)
            told = oracle.read(history)
            findings = check(house, history, told=told)
            facts = scorecard.facts(
                house, told, findings, seed=options.seed, seconds=seconds, before=before, rate=options.rate,
                after=scorecard.snapshot(house), rest_s=rest_s, replays=replays, flaws=options.flaw,
                kills=_kills(house), unbidden=len(_unbidden(house)), complaints=_complaints(house),
            )  # fmt: skip
        paths = scorecard.write(facts, options.folder)
        say(f"\n{scorecard.markdown(facts)}\n{paths[0]}")
        if options.may_double:
            findings.doubled.clear()
        if not findings.is_clean:
            self._failures.append(str(findings))
        say("\n".join(self._failures) or "All is well.")
        return 1 if self._failures else 0

    def _faults(self, house, history):
        options = self._options
        flaws = [FLAWS[name] for name in options.flaw]
        killers = max((flaw.killers for flaw in flaws), default=0.0) or KILLERS
        generator = Generator(
            house.web_url, house.secret, house.accounts, history, options.seed, options.rate, killers=killers
        )
        kinds = options.only or [kind for flaw in flaws for kind in flaw.kinds]
        is_calm = options.no_faults or (flaws and not kinds)
        nemesis = Nemesis(house, options.seed, history, kinds)
        history.write("phase", name="faults")
        generator.start()
        try:
            if not is_calm:
                nemesis.start()
            _wait(options.minutes * 60, generator)
        except BaseException:
            generator.stop(within_s=0)
            raise
        finally:
            nemesis.stop()
        history.write("phase", name="healed")
        # A flaw may keep some POSTs from ever being taken.
        return nemesis, generator.stop(within_s=2 * options.patience)

    def _rest(self, house, history):
        """How long it took to come to rest, and how many dead letters were replayed then."""
        try:
            rest_s = _as_long_as_it_goes_on(house, self._options.patience)
            say(f"At rest after {rest_s:.1f} s.")
            replays = replay_dead(house, 3 * self._options.patience)
        except NotAtRest as standing:
            self._failures.append(str(standing))
            return None, None
        history.write("phase", name="at rest")
        return round(rest_s, 1), replays

    def _look_at(self, house, nemesis):
        """Processes that ended unbidden are failures; what they logged as errors is told."""
        for end in _unbidden(house)[:SHOWN]:
            self._failures.append(f"{end.name} ended with {end.code}, unbidden:\n{end.last_words}")
        for name, count in _told_too_much(house).items():
            self._failures.append(f"{name} holds {count} lines with a customer's id, a text or a token")
        for name, count in Counter(_complaints(house)).most_common():
            say(f"  logged {count:5} x {name}")
        for broken in nemesis.broken:
            say(f"  a fault that the harness could not inject or heal: {broken}")


def _as_long_as_it_goes_on(house, step_s):
    """Comes to rest; given up only once a whole step has ended nothing: a slow machine is not a stuck lane."""
    begun, left = time.monotonic(), float("inf")
    while True:
        try:
            come_to_rest(house, step_s)
            return time.monotonic() - begun
        except NotAtRest:
            before, left = left, house.rows(OPEN)[0]["n"]
            if left >= before:
                raise


def _wait(seconds, generator):
    """Until the time is over; says now and then how it goes."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(NEWS_S, left))
        counts = generator.counts
        say(f"          {counts['events']} events, {counts['acked']} accepted")


def _told_too_much(house):
    """Lines of logs that name a customer, a message or a token, by process."""
    found = Counter()
    for process in house.processes.values():
        with process.log.open(errors="replace") as lines:
            found[process.name] = sum(1 for line in lines if PERSONAL.search(line))
    return +found


def _unbidden(house):
    return [end for process in house.processes.values() for end in process.unbidden()]


def _kills(house):
    """How often each process was ended by a fault."""
    return {process.name: sum(end.was_told for end in process.ends) for process in house.processes.values()}


def _complaints(house):
    found = Counter()
    for process in house.processes.values():
        found.update(process.complaints())
    return dict(found)
