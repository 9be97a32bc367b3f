"""What the demo prints: plain lines that a terminal of 80 columns shows whole."""

import os
import signal
import sys
import textwrap

from webhooks_project.demo.errors import Interrupted

WIDTH = 79
INDENT = "     "


def say(text: str = "", *, indent: str = INDENT) -> None:
    """Print a paragraph."""
    say_as_it_is("\n".join(wrapped(text, indent)))


def say_as_it_is(text: str) -> None:
    """Print a command or a process's own words, which no line break may cut."""
    try:
        print(text, flush=True)
    except OSError:
        # Nobody reads any more. What is still to be said on the way out goes nowhere.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of this process
        raise Interrupted(signal.SIGHUP) from None


def heading(text: str) -> None:
    """Print the line above an act."""
    say_as_it_is("")
    say(text, indent="")


def wrapped(text: str, indent: str) -> list[str]:
    """The lines of a paragraph; a long path or address stays whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def times(count: int, one: str) -> str:
    """`1 reply`, `2 replies`, `3 messages`."""
    if count == 1:
        return f"1 {one}"
    plural = {"reply": "replies", "echo": "echoes"}.get(one, f"{one}s")
    return f"{count} {plural}"


def duration(seconds: float) -> str:
    """`23 ms`, `1.4 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
