"""The user that the servers run as: ourselves, or an unprivileged one where we are root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from webhooks_project.embedded.errors import NoServer

# PostgreSQL refuses to run as root. Nobody creates a user here: one of these exists on every Unix.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user to start processes as; `uid` and `gid` are None where nothing has to change."""

    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def run(
        self, command: Sequence[str | Path], *, cwd: Path | str = "/", text_in: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What became of a short command: its exit code, and both outputs as one text."""
        return subprocess.run(
            command,
            input=text_in,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
            env=bare_environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=self.extra_groups,
            check=False,
            timeout=120,
        )

    def can_enter(self, folder: Path) -> bool:
        """Whether this user may pass through `folder`; asked of the kernel: modes are not the whole truth."""
        return self.uid is None or self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0

    def give(self, path: Path) -> None:
        """Make the user the owner of `path`."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(folder: Path) -> Account:
    """The user for the servers of this private folder: whoever owns their data already."""
    if os.geteuid() != 0:
        return Account()
    data = folder / "postgres"
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoServer(
        f"As root the servers run as one of the users {', '.join(UNPRIVILEGED)}, and none exists here: "
        "run as an ordinary user, or set DATABASE_URL and REDIS_URL."
    )


def bare_environment() -> dict[str, str]:
    """The environment of the servers: no PG… variable and no secret of ours reaches them."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}
