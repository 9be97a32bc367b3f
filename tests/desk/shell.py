"""Commands as tests call them, and as from a shell."""

import io
import os
import subprocess
import sys

from django.conf import settings as in_force
from django.core.management import CommandError, call_command


def called(*words):
    """What a command prints, the sentence with which it fails, and its exit code."""
    out = io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=out)
    except CommandError as failure:
        return out.getvalue(), str(failure), failure.returncode
    return out.getvalue(), "", 0


def manage(*words, **env):
    """As from a shell."""
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=in_force.BASE_DIR,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
