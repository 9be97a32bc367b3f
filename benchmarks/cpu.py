"""CPU time of a process and all that it started, from /proc (Linux)."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
EVERY = sorted(os.sched_getaffinity(0))  # core that this process may use: a container may be kept to some
APPLICATION, ALL_ELSE = EVERY[0], EVERY[-1]
REST_S, AT_MOST_S = 0.2, 5.0


class Meter:
    """What trees use from now on; `application` may be several, all alone on their core."""

    def __init__(self, *, application: dict[str, int], **others: int) -> None:
        self._application, self._trees = application, application | others
        self._before = self._used()
        self._busy, self._begun = _busy(), time.monotonic()

    def read(self, events: int) -> dict[str, float]:
        """CPU ms an event of each tree, once those of the application rest, and what else ran on their core."""
        until_rest(*self._application.values())
        used = {name: value - self._before[name] for name, value in self._used().items()}
        others = _busy() - self._busy - sum(used[name] for name in self._application)
        found = {name: value / events * 1000 for name, value in used.items()}
        return found | {"others on its core, %": max(0.0, others) / (time.monotonic() - self._begun) * 100}

    def _used(self) -> dict[str, float]:
        return {name: seconds(pid) for name, pid in self._trees.items()}


def seconds(pid: int) -> float:
    """User and system time of the whole tree, also of children that have ended and were waited for."""
    return sum(_own(each) + sum(map(int, _fields(each)[13:15])) / _TICKS for each in tree(pid))


def until_rest(*pids: int) -> None:
    """Waits until the trees use next to nothing, so that what they do after the answer counts too."""
    deadline, before = time.monotonic() + AT_MOST_S, sum(map(seconds, pids))
    while time.monotonic() < deadline:
        time.sleep(REST_S)
        now = sum(map(seconds, pids))
        if now - before < 0.02 * REST_S:
            return
        before = now


def pin(pid: int, *cores: int) -> None:
    """Keeps the tree to these cores, all its threads included."""
    for each in tree(pid):
        for thread in Path(f"/proc/{each}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def _own(pid: int) -> float:
    """Time of the process without its children, by the kernel's clock of it: finer than the ticks of /proc."""
    try:
        return time.clock_gettime(~pid << 3 | 2)  # linux/posix-timers_types.h: CPUCLOCK_SCHED of a process
    except OSError:
        return sum(map(int, _fields(pid)[11:13])) / _TICKS


def _busy() -> float:
    """Seconds that the application's core has worked, what its host took included."""
    lines = Path("/proc/stat").read_text().splitlines()
    user, nice, system, _, _, _, _, stolen = map(int, lines[1 + APPLICATION].split()[1:9])
    return (user + nice + system + stolen) / _TICKS


def tree(pid: int) -> list[int]:
    """The process and all that it started and that lives."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        if fields := _fields(int(path.name)):
            parents.setdefault(int(fields[1]), []).append(int(path.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


def _fields(pid: int) -> list[str]:
    """What stands behind the name of the program; nothing where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
