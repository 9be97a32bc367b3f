"""
Private folders: where the servers keep their data, one run at a time, nobody else's hands in it.

A folder is ours alone (0700); as root it is 0711, since the servers' unprivileged user must pass through to
its own sub-folders. No permission outside of it is touched: a place that this user cannot reach is not used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from webhooks_project.embedded.account import account_for
from webhooks_project.embedded.errors import FolderRefused


def stable_folder(checkout: Path) -> Path:
    """The folder that belongs to this checkout and user; the same at every start, and no other's."""
    digest = hashlib.sha256(os.fsencode(checkout.resolve())).hexdigest()[:12]
    return _place() / f"instagram-webhooks-{os.geteuid()}-{digest}"


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A private folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="instagram-webhooks-", dir=_place()))
    try:
        folder.chmod(_mode())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold `folder` for this run; FolderRefused where it is another user's or another run holds it.

    The lock ends with the process, however it ends: what a later run finds running in here is a leftover.
    """
    _own(folder)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderRefused(f"Another run is using {folder}: stop it first.") from None
        yield


def forget(folder: Path) -> None:
    """Remove a stable folder and all data in it; FolderRefused while a run holds it."""
    if folder.exists():
        with claimed(folder):
            shutil.rmtree(folder)


def password(folder: Path) -> str:
    """The secret of this folder's servers, made once; readable by us alone."""
    path = folder / "password"
    if not path.exists():
        half_made = folder / "password.new"
        half_made.touch(mode=0o600)
        half_made.write_text(secrets.token_urlsafe(24))
        half_made.replace(path)
    return path.read_text()


def _own(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # The name in a shared folder can be foretold: somebody may have been there first, or laid a link.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise FolderRefused(f"{folder} belongs to another user, or is no folder: remove it, or set TMPDIR.")
    folder.chmod(_mode())
    if not account_for(folder).can_enter(folder):
        raise FolderRefused(
            f"The servers run as an unprivileged user, who cannot enter {folder}: "
            "choose a folder that others may pass through, for example below /tmp."
        )


def _mode() -> int:
    return 0o711 if os.geteuid() == 0 else 0o700


def _place() -> Path:
    """The first temporary folder that the servers' user may enter: TMPDIR where it can be."""
    chosen = Path(tempfile.gettempdir())
    for place in (chosen, Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - what we make there, _own() checks
        if place.is_dir() and account_for(place).can_enter(place):
            return place.resolve()
    raise FolderRefused(
        f"The servers run as an unprivileged user, who cannot enter {chosen}: set TMPDIR to another folder."
    )
