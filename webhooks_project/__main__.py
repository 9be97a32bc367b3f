"""`python -m webhooks_project web`: judges the settings, then serves; the production command of the web process."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from webhooks_project import environment
from webhooks_project.address import refusal
from webhooks_project.scheduling import let_others_finish

# Threads wait for the database together (inbox/group.py), so more of them cost memory, not speed.
THREADS = 64
# Longer than a proxy keeps an idle connection: the server must not close one just as a webhook comes on it.
IDLE_MS = 300_000


def web() -> int:
    """Serves until it is told to stop; the exit code."""
    try:
        env = environment.read()
    except environment.Misconfigured as exc:
        print(exc, file=sys.stderr)
        return 1
    if said := refusal(env["HOST"], env["PORT"]):
        print(said, file=sys.stderr)
        return 1
    let_others_finish()
    with counting_together(env["METRICS_TOKEN"]):
        Granian(
            "webhooks_project.wsgi:application",
            address=env["HOST"],
            port=env["PORT"],
            interface=Interfaces.WSGI,
            workers=env["WEB_CONCURRENCY"],
            blocking_threads=THREADS,
            backpressure=THREADS * 4,
            http1_settings=HTTP1Settings(header_read_timeout=IDLE_MS),
            websockets=False,
            log_level=LogLevels.error,  # its one warning is about THREADS,
            respawn_failed_workers=True,
            workers_kill_timeout=10,
        ).serve()
    return 0


@contextlib.contextmanager
def counting_together(token: str) -> Iterator[None]:
    """While the web processes run, a folder in which they count for /metrics; none where nobody may ask for that."""
    with contextlib.ExitStack() as stack:
        if token:
            # Without room for it webhooks are taken all the same, and each process logs that it counts nothing.
            with contextlib.suppress(OSError):
                folder = tempfile.TemporaryDirectory(prefix="instagram-webhooks-metrics-", ignore_cleanup_errors=True)
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(folder)
        yield


if __name__ == "__main__":
    if sys.argv[1:] != ["web"]:
        print("usage: python -m webhooks_project web", file=sys.stderr)
        sys.exit(2)
    sys.exit(web())
