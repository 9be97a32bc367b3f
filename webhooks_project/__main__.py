"""`python -m webhooks_project web`: judges the settings, then becomes granian."""

import os
import sys

from webhooks_project import environment

# Threads wait for the database together (inbox/group.py), so more of them cost memory, not speed.
THREADS = 64


def web() -> int:
    """Replaces this process with the web server; an exit code only where the settings are wrong."""
    try:
        env = environment.read()
    except environment.Misconfigured as exc:
        print(exc, file=sys.stderr)
        return 1
    argv = [sys.executable, "-m", "granian", "--interface", "wsgi", "webhooks_project.wsgi:application"]
    argv += ["--host", env["HOST"], "--port", str(env["PORT"]), "--workers", str(env["WEB_CONCURRENCY"])]
    argv += ["--blocking-threads", str(THREADS), "--backpressure", str(THREADS * 4)]
    argv += ["--no-ws", "--log-level", "warning", "--respawn-failed-workers"]
    argv += ["--workers-kill-timeout", "10"]
    os.execv(sys.executable, argv)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] != ["web"]:
        print("usage: python -m webhooks_project web", file=sys.stderr)
        sys.exit(2)
    sys.exit(web())
