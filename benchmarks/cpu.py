"""CPU time of a process and all that it started, from /proc (Linux)."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """User and system time of the whole tree, also of children that have ended and were waited for."""
    return sum(sum(map(int, _fields(each)[11:15])) for each in _tree(pid)) / _TICKS


def pin(pid: int, core: int) -> None:
    """Keeps the tree to one core, all its threads included."""
    for each in _tree(pid):
        for thread in Path(f"/proc/{each}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def _tree(pid: int) -> list[int]:
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
