"""One run of the demo, from the first start to the last stop."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import psycopg
import redis

from webhooks_project import embedded
from webhooks_project.demo import house, processes, story, watch
from webhooks_project.demo.errors import DemoEnded, Interrupted, NotSeen, Refused
from webhooks_project.demo.stage import Stage, duration
from webhooks_project.demo.words import heading, say, say_as_it_is
from webhooks_project.embedded.folders import claimed

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CLAIM_S = 40  # a run that was told to stop is gone by then


def run(*, once: bool) -> int:
    """The exit code: 0 when the story came true, 1 with the reason when not, 128 + signal when told to stop before."""
    _end_with_make()
    has_come_true = False
    try:
        with _signals(), _folder() as folder, house.opened(folder) as home:
            story.tell(home.stage)
            has_come_true = True
            heading(f"The story came true, {duration(time.monotonic() - home.began)} after the start.")
            if not once:
                watch.until_told(home)
            return 0
    except Interrupted as told:
        return 0 if has_come_true else 128 + told.signal_number
    except (DemoEnded, embedded.EmbeddedError, psycopg.Error, redis.RedisError) as exc:
        heading("The demo did not come to its end.")
        say_as_it_is(str(exc) if isinstance(exc, DemoEnded | embedded.EmbeddedError) else type(exc).__name__)
        return 1


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """The private folder of this checkout and user, held by this run; what a killed run left is ended."""
    folder = embedded.stable_folder(processes.CHECKOUT)
    deadline = time.monotonic() + CLAIM_S
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(claimed(folder))
                break
            except embedded.FolderRefused:
                if not _is_held(folder) or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)
        if count := processes.end_leftovers(folder):
            say(f"An earlier demo was killed: {count} processes of it were still there and were ended.")
        yield folder
