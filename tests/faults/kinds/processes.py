"""Processes of the product that die, are told to end, or stand still."""

import os
import signal

from tests.faults.kinds.registry import fault
from webhooks_project.embedded import processes

WEBS, WORKERS = ("web-1", "web-2"), ("worker-1", "worker-2")
RESTART_S, DEPLOY_S = 4.0, 15.0


@fault("web.kill", weight=4, targets=WEBS)
def _web_dies(scene):
    _killed(scene)


@fault("worker.kill", weight=7, targets=WORKERS)
def _worker_dies(scene):
    _killed(scene)


@fault("beat.kill", weight=2, targets="beat")
def _beat_dies(scene):
    _killed(scene)


def _killed(scene):
    process = _process(scene)
    restarts = process.restarts
    process.kill()
    process.await_restart(restarts, within_s=RESTART_S)


@fault("worker.child_kill", weight=4, targets="worker-2")
def _child_dies(scene):
    _one_child_killed(scene)


@fault("web.child_kill", weight=2, targets=WEBS)
def _web_child_dies(scene):
    _one_child_killed(scene)


def _one_child_killed(scene):
    """kill -9 of one child; its parent puts another in its place."""
    process = _process(scene)
    parent, children = process.pid, _children(process)
    if not children:
        scene.nothing("no child")
        return
    process.kill_child(scene.rng.choice(children))
    processes.until(
        lambda: process.pid != parent or len(_children(process)) >= len(children) or scene.stopping.is_set(),
        within_s=RESTART_S,
    )


@fault("worker.deploy", weight=3, targets=WORKERS)
def _worker_is_deployed(scene):
    process = _process(scene)
    restarts = process.restarts
    process.kill(signal.SIGTERM)
    if not process.await_restart(restarts, within_s=DEPLOY_S):
        scene.note(f"did not end within {DEPLOY_S:g} s")


@fault("worker.stop", weight=2.5, targets=WORKERS)
def _worker_stands_still(scene):
    """Longer than its lease: others take its work over, and it must notice."""
    process = _process(scene)
    frozen = process.family()
    if len(frozen) > 1 and scene.rng.random() < 0.5:
        frozen = [scene.rng.choice(frozen[1:])]
        scene.note("one child")
    lease_s = scene.house.seconds("WEBHOOK_LEASE_S")
    _stopped(scene, process, frozen, lease_s + 1, lease_s + 3)


@fault("web.stop", weight=3, targets=WEBS)
def _web_stands_still(scene):
    process = _process(scene)
    _stopped(scene, process, process.family(), 1, 3)


def _stopped(scene, process, pids, least_s, most_s):
    processes.send(pids, signal.SIGSTOP)
    scene.lasts(least_s, most_s, then=lambda: process.thaw(pids))


def _process(scene):
    scene.note(scene.target)
    return scene.house.processes[scene.target]


def _children(process):
    """Those that do the work: Python has a child of its own that counts semaphores."""
    return [pid for pid in process.family()[1:] if processes.lives(pid) and not _is_tracker(pid)]


def _is_tracker(pid):
    try:
        with open(f"{processes.PROC}/{pid}/cmdline", "rb") as words:
            return b"resource_tracker" in words.read()
    except OSError:  # gone; os.kill of it would do no harm
        return pid == os.getpid()
