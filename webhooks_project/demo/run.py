"""One run of the demo, from the first start to the last stop."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis

from webhooks_project import embedded
from webhooks_project.demo import house, processes, signals, story, watch
from webhooks_project.demo.errors import DemoEnded, Interrupted, NotSeen
from webhooks_project.demo.words import duration, heading, say, say_as_it_is
from webhooks_project.embedded.folders import claimed

CLAIM_S = 30  # a run that was told to stop is usually gone by then


def run(*, once: bool) -> int:
    """The exit code: 0 when the story came true, 1 with the reason when not, else 128 + signal."""
    signals.listen()
    signals.end_with_make()
    began, has_come_true = time.monotonic(), False
    try:
        with held_folder() as folder, house.opened(folder) as home:
            story.tell(home.stage)
            has_come_true = True
            heading(f"The story came true, {duration(time.monotonic() - began)} after the start.")
            if not once:
                watch.until_told(home)
    except Interrupted as told:
        return 0 if has_come_true else 128 + told.signal_number
    except (DemoEnded, embedded.EmbeddedError, psycopg.Error, redis.RedisError, OSError) as exc:
        _explain(exc)
        return 1
    return 0


@contextlib.contextmanager
def held_folder() -> Iterator[Path]:
    """The private folder of this checkout and user, held by this run; what a killed run left is ended."""
    folder = embedded.stable_folder(processes.CHECKOUT)
    with contextlib.ExitStack() as stack:
        _hold(folder, stack)
        if count := processes.end_leftovers(folder):
            say(f"An earlier demo was killed; {count} processes of it were still there and are ended now.")
        yield folder


def _hold(folder: Path, stack: contextlib.ExitStack) -> None:
    """Claims the folder until the stack unwinds; FolderRefused where another demo keeps it."""
    deadline = time.monotonic() + CLAIM_S
    has_said = False
    while True:
        signals.check()
        try:
            stack.enter_context(claimed(folder))
            return
        except embedded.FolderRefused:
            is_ours = folder.exists() and folder.stat().st_uid == os.geteuid()
            if not is_ours or time.monotonic() > deadline:
                raise
        if not has_said:
            say(f"Another demo of this checkout runs, or just stops: waiting {CLAIM_S} s for it.")
            has_said = True
        time.sleep(0.2)


def _explain(exc: Exception) -> None:
    heading("The demo did not come to its end:")
    is_ours = isinstance(exc, DemoEnded | embedded.EmbeddedError)
    sentence, _, more = (str(exc) if is_ours else f"{type(exc).__name__}: {exc}").strip().partition("\n")
    say(sentence)
    if more:
        say_as_it_is(more)
    if isinstance(exc, NotSeen) and exc.last_words:
        heading(f"The last lines of {exc.process}.log:")
        say_as_it_is(exc.last_words)
