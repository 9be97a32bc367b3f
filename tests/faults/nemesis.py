"""Does to a house what may happen to it: one fault after the other, each healed, all drawn from one seed."""

import collections
import contextlib
import signal
import sys
import threading
import time
import traceback
from random import Random

from tests.faults.kinds import KINDS
from tests.faults.kinds.graph import put_right
from tests.faults.kinds.registry import Scene
from tests.faults.telling import say
from webhooks_project.embedded import processes

PAUSE_S = (0.5, 1.9)  # 1.2 s on average
AT_ONCE = 2
HEALED_WITHIN_S = 30.0


class Nemesis:
    """A thread that injects faults. kinds: names of those that are to be drawn from; all by default."""

    def __init__(self, house, seed, history, kinds=None, *, say=say):
        unknown = set(kinds or ()) - set(KINDS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(sorted(KINDS))}")
        self._house, self._seed, self._history, self._say = house, seed, history, say
        drawn = [name for name, kind in KINDS.items() if name in (kinds or ()) or (not kinds and kind.weight)]
        self._kinds = [KINDS[name] for name in sorted(drawn)]
        self._rng = Random(f"{seed}")
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._active = {}  # thread by target
        self._thread = threading.Thread(target=self._run, name="nemesis", daemon=True)
        self._began = time.time()
        self.counts, self.broken = collections.Counter(), []

    def start(self):
        self._began = time.time()
        self._thread.start()

    def stop(self):
        """Heals everything; how many faults there were, by kind."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(HEALED_WITHIN_S)
        with self._changed:
            self._changed.wait_for(lambda: not self._active, timeout=HEALED_WITHIN_S)
        heal(self._house)
        return dict(self.counts)

    def _run(self):
        number = 0
        while not self._stopping.wait(self._rng.uniform(*PAUSE_S)):
            with self._changed:
                self._changed.wait_for(lambda: len(self._active) < AT_ONCE)
                drawn = self._drawn()
            if drawn is None or self._stopping.is_set():
                continue
            number += 1
            kind, target = drawn
            scene = Scene(self._house, Random(f"{self._seed}:{number}"), target, self._stopping)
            self._active[target] = threading.Thread(target=self._one, args=[kind, scene], name=kind.name, daemon=True)
            self._active[target].start()

    def _drawn(self):
        """A kind and what it is done to, which nothing else is done to now."""
        possible = [kind for kind in self._kinds if set(kind.targets) - set(self._active)]
        if not possible:
            return None
        (kind,) = self._rng.choices(possible, [kind.weight or 1 for kind in possible])
        return kind, self._rng.choice([target for target in kind.targets if target not in self._active])

    def _one(self, kind, scene):
        begun = time.time()
        try:
            kind.act(scene)
        except Exception as exc:  # noqa: BLE001 - the house must be healed whatever a fault ran into
            self.broken.append(f"{kind.name}: {type(exc).__name__}: {exc}")
            scene.note("BROKEN", type(exc).__name__)
            traceback.print_exc(file=sys.stderr)
        finally:
            healed = time.time()
            with self._changed:
                self.counts[kind.name] += not scene.came_to_nothing
                del self._active[scene.target]
                self._changed.notify_all()
            self._tell(kind.name, scene, begun, healed)

    def _tell(self, name, scene, begun, healed):
        detail = " ".join(scene.notes)
        if not scene.came_to_nothing:
            self._history.write("fault", kind_of_fault=name, detail=detail, begun=begun, healed=healed)
        self._say(f"{begun - self._began:7.1f} s  {name:<22} {healed - begun:5.1f} s  {detail}")


def heal(house):
    """Everything as it is without a fault, whoever left it how."""
    for server in (house.postgres, house.redis):
        server.thaw()
        server.start()
    with contextlib.suppress(Exception), house.broker() as broker:
        broker.config_set("maxmemory", "0")
    for name in ("postgres", "redis", "graph", "web"):
        house.proxies.set(name, "pass")
    house.calm_graph()
    for path in house.armed.iterdir():
        name, _, pid = path.name.rpartition(".hit.")
        if not name:
            path.unlink()
        elif path.read_text().strip() == "stop":
            processes.send([int(pid)], signal.SIGCONT)
    for process in house.processes.values():
        processes.send(process.family(), signal.SIGCONT)
    parked = house.rows("SELECT account_id FROM instagram_webhooks_account WHERE state <> 'active'")
    if parked:
        put_right(house, {row["account_id"]: house.accounts[row["account_id"]] for row in parked})
