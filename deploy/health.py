"""
Whether the process of this host is well: `python -m deploy.health web` or `… worker`, for containers.

The web process is asked at /healthz. A worker is judged by its heartbeat row and not by `celery inspect
ping`: a ping goes through the broker, so with the broker away every healthy worker would look ill just when
it works off events by itself; and it costs a start of Django and Celery each time. Beat has no check
here: the workers note when they last heard of it, and the desk says so (Upkeep).
"""

import os
import socket
import sys
import urllib.request
from collections.abc import Callable

import psycopg
from environs import EnvError, FileAwareEnv

ANSWER_S = 3
SILENT_S = 30.0  # a stamp comes every three seconds

_STAMPED = """
SELECT count(*) FROM instagram_webhooks_worker
 WHERE host = %s AND stopped_at IS NULL AND pulse_at > clock_timestamp() - make_interval(secs => %s)
"""


def web() -> bool:
    """Whether the web process of this host answers."""
    port = os.environ.get("PORT") or "8000"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{port}/healthz", timeout=ANSWER_S) as answer:
        return bool(answer.status == 200)


def worker() -> bool:
    """Whether a worker of this host has stamped its row of late."""
    url = FileAwareEnv(strip_whitespace=True).str("DATABASE_URL")
    with psycopg.connect(url, connect_timeout=ANSWER_S) as database:
        row = database.execute(_STAMPED, [socket.gethostname()[:100], SILENT_S]).fetchone()
    return row is not None and row[0] > 0


CHECKS: dict[str, Callable[[], bool]] = {"web": web, "worker": worker}


def main(arguments: list[str]) -> int:
    """The exit code: 0 well, 1 not, 2 wrong usage."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        sys.stderr.write(f"usage: python -m deploy.health {'|'.join(CHECKS)}\n")
        return 2
    try:
        is_well = CHECKS[arguments[0]]()
    except (OSError, psycopg.Error, EnvError) as exc:  # its words may hold an address or a password
        sys.stderr.write(f"{arguments[0]}: {type(exc).__name__}\n")
        return 1
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
