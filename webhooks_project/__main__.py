"""`python -m webhooks_project web`: judges the settings, then serves; the production command of the web process."""

import sys

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from webhooks_project import environment
from webhooks_project.address import refusal

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


if __name__ == "__main__":
    if sys.argv[1:] != ["web"]:
        print("usage: python -m webhooks_project web", file=sys.stderr)
        sys.exit(2)
    sys.exit(web())
