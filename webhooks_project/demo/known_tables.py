"""
Whether the data that an earlier start left fit this version of the code.

New migrations are simply applied. But where one that was applied has changed, or is gone (another branch, a
new clone in an old place), nobody can say what the tables look like: then the demo begins with empty ones.
"""

import hashlib
import json
from pathlib import Path

from webhooks_project.demo.processes import CHECKOUT

FILE = "migrations.json"


def fit(folder: Path, *, checkout: Path = CHECKOUT) -> bool:
    """Whether every migration that was applied to the data of this folder is still what it was."""
    try:
        applied = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return False
    now = _digests(checkout)
    return all(now.get(name) == digest for name, digest in applied.items())


def remember(folder: Path, *, checkout: Path = CHECKOUT) -> None:
    """Call this before they are applied: what is half applied is known too."""
    (folder / FILE).write_text(json.dumps(_digests(checkout)))


def _digests(checkout: Path) -> dict[str, str]:
    return {
        str(path.relative_to(checkout)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(checkout.glob("*/migrations/*.py"))
    }
