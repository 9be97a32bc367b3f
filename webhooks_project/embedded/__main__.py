"""
Run a command with a PostgreSQL and a Redis of its own.

    python -m webhooks_project.embedded [--fast] -- COMMAND…

DATABASE_URL and REDIS_URL are set for the command; signals are passed on to it; its exit code is the answer.
--fast leaves out fsync. --forget removes this checkout's stable folder (the demo's data) instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from webhooks_project import embedded

CHECKOUT = Path(__file__).resolve().parents[2]
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_FOUND = 127  # as a shell says it


def main(arguments: Sequence[str]) -> int:
    """The command's exit code; 1 with one sentence where the servers could not be had."""
    parser = argparse.ArgumentParser(
        prog="python -m webhooks_project.embedded",
        description="Run a command with a PostgreSQL and a Redis of its own.",
        epilog="Example: python -m webhooks_project.embedded -- python manage.py migrate",
    )
    parser.add_argument("--fast", action="store_true", help="leave out fsync: the data survive no power cut")
    parser.add_argument("--forget", action="store_true", help="remove the demo's data of this checkout")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    options = parser.parse_args(arguments)
    if not (options.command or options.forget):
        parser.error("name a command to run, after --")
    try:
        if options.forget:
            embedded.forget(embedded.stable_folder(CHECKOUT))
            return 0
        if not shutil.which(options.command[0]):
            embedded.say(f"{options.command[0]} cannot be run: there is no such program.")
            return NOT_FOUND
        return _with_servers(options.command, durable=not options.fast)
    except embedded.EmbeddedError as error:
        embedded.say(str(error))
        return 1


def _with_servers(command: Sequence[str], *, durable: bool) -> int:
    child: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not child:
            early.append(number)
        elif number != signal.SIGINT or not _terminal_tells_it():
            child[0].send_signal(number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    with embedded.temporary_folder() as folder, embedded.services(folder, durable=durable) as services:
        if early:  # asked to stop while the servers were starting
            return 128 + early[0]
        files = {f"{name}_FILE" for name in services.environment}  # a setting is given in one of the two forms
        kept = {name: value for name, value in os.environ.items() if name not in files}
        child.append(subprocess.Popen(command, env=kept | services.environment))
        for missed in early:  # while the command was being started
            pass_on(missed, None)
        code = child[0].wait()
    return code if code >= 0 else 128 - code


def _terminal_tells_it() -> bool:
    """Whether Ctrl-C reaches the command without us: a terminal signals its whole foreground group."""
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
