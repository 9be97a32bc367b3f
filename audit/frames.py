"""Where an exception came from, without what it said: no message, no source line, no variable."""

import traceback
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from types import TracebackType

_HOME = Path(__file__).resolve().parent.parent
_LIMIT = 40  # the innermost frames of each exception; a recursion has a thousand


def class_of(error: BaseException) -> str:
    """The exception's class, with its module unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def frames_of(error: BaseException, trace: TracebackType | None = None) -> list[str]:
    """The calls that led to the error, outermost first, as `file:line function`.

    An exception that caused it follows after a line `from <its class>`. Paths are relative to this
    project or to site-packages, so they say nothing about the machine.
    """
    found: list[str] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if seen:
            found.append(f"from {class_of(cause)}")
        seen.add(id(cause))
        found.extend(list(_frames(cause.__traceback__ or (trace if cause is error else None)))[-_LIMIT:])
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return found


def own_place(frames: list[str]) -> str:
    """Of what `frames_of` gave, the innermost call of this project as `file function`, else the innermost of all.

    Without the line, which moves with every edit of the file; "" without frames.
    """
    of_itself = list(takewhile(lambda frame: not frame.startswith("from "), frames))
    calls = [(place.rpartition(":")[0], function) for place, _, function in (one.partition(" ") for one in of_itself)]
    own = [call for call in calls if _is_ours(call[0])]
    return " ".join((own or calls)[-1]) if calls else ""


def _is_ours(path: str) -> bool:
    try:
        return (_HOME / path).is_file()
    except OSError:  # no name that a file can have, as of code made at run time
        return False


def _frames(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in traceback.walk_tb(trace):
        yield f"{short_path(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"


def short_path(filename: str) -> str:
    """The path from this project or from the packages folder on; of anything else only the file name."""
    path = Path(filename)
    for folder in ("site-packages", "dist-packages"):
        if folder in path.parts:
            return "/".join(path.parts[path.parts.index(folder) + 1 :])
    return path.relative_to(_HOME).as_posix() if path.is_relative_to(_HOME) else path.name
