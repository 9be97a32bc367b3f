"""Crash points: a process dies, stops, sleeps or fails between two given steps."""

import os
import signal

from tests.faults import points
from tests.faults.kinds.registry import fault
from webhooks_project.embedded import processes

PASSED_WITHIN_S = 2.5


@fault("point.kill", weight=7, targets="point")
def _dies(scene):
    _armed(scene, "kill")


@fault("point.stop", weight=2.5, targets="point")
def _stops(scene):
    """Longer than its lease; then it goes on, or is killed after all."""
    pid = _armed(scene, "stop")
    if pid is None:
        return
    lease_s = scene.house.seconds("WEBHOOK_LEASE_S")
    then = scene.rng.choice((signal.SIGCONT, signal.SIGCONT, signal.SIGKILL))
    scene.note(then.name)
    scene.lasts(lease_s + 1, lease_s + 3, then=lambda: processes.send([pid], then))


@fault("point.window", weight=0, targets="point")
def _stops_in_the_window(scene):
    """Between the last look at the clock and the first byte, for longer than a successor waits: it may send twice."""
    pid = _armed(scene, "stop", name=points.WINDOW)
    if pid is None:
        return
    times = [scene.house.seconds(name) for name in ("WEBHOOK_LEASE_S", "GRAPH_DEADLINE_S", "REPLY_SETTLE_S")]
    scene.lasts(sum(times) + 1, sum(times) + 2, then=lambda: processes.send([pid], signal.SIGCONT))


@fault("point.sleep", weight=4, targets="point")
def _sleeps(scene):
    _armed(scene, f"sleep:{scene.rng.uniform(0.2, 3):.1f}")


@fault("point.throw", weight=6, targets="point")
def _fails(scene):
    _armed(scene, "throw")


def _armed(scene, what, *, name=None):
    """The process that came by; None where nobody did."""
    name = name or scene.rng.choice(points.NAMES)
    file = scene.house.armed / name
    draft = file.with_name(f"{name}.draft.{os.getpid()}")
    draft.write_text(what)
    before = set(file.parent.glob(f"{name}.hit.*"))
    draft.rename(file)
    processes.until(lambda: not file.exists() or scene.stopping.is_set(), within_s=PASSED_WITHIN_S)
    try:
        file.unlink()
    except FileNotFoundError:
        (hit,) = set(file.parent.glob(f"{name}.hit.*")) - before or {None}
        scene.note(name)
        return int(hit.suffix[1:]) if hit else None
    scene.note(name)
    scene.nothing("nobody came by")
    return None
