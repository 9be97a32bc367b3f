"""Files that hold secrets of a run: whole or not there at all, readable by us alone."""

import secrets
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Write the file, or write it anew."""
    half_made = path.with_name(f"{path.name}.new")
    half_made.unlink(missing_ok=True)
    half_made.touch(mode=0o600)
    half_made.write_text(text)
    half_made.replace(path)


def kept_secret(path: Path, *, length: int) -> str:
    """The secret in the file; made once, of `length` random bytes."""
    if not path.exists():
        write(path, secrets.token_urlsafe(length))
    return path.read_text()
