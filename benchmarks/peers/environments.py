"""What the peers run on, made from their locks on first use, in a cache outside of this repository."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

EXPRESS, TUTORIAL = (Path(__file__).parent / name for name in ("express", "tutorial"))
MANIFEST, NODE_LOCK = EXPRESS / "package.json", EXPRESS / "package-lock.json"
PYTHON_LOCK = TUTORIAL / "requirements.txt"
NODE = 20  # the oldest major version that the locked packages run on
MAKING_S = 900


class NotMade(Exception):
    """An environment could not be made: the tool's last words."""


def has_node() -> bool:
    """Whether Node and npm are at hand, new enough."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return int(told.strip().lstrip("v").partition(".")[0] or 0) >= NODE


def node_modules() -> Path:
    """The folder of packages that E and F require."""
    folder = _folder("node", NODE_LOCK, MANIFEST)
    with _made_once(folder) as is_missing:
        if is_missing:
            for path in (MANIFEST, NODE_LOCK):
                shutil.copy(path, folder)
            quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            _run("npm", "ci", *quietly, "--prefix", str(folder))
    return folder / "node_modules"


def python() -> Path:
    """The interpreter that T runs on."""
    folder = _folder(f"python-{sys.version_info[0]}.{sys.version_info[1]}", PYTHON_LOCK)
    made = folder / "bin" / "python"
    with _made_once(folder) as is_missing:
        if is_missing:
            _run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(folder))
            pip = [str(made), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
            _run(*pip, "-r", str(PYTHON_LOCK))
    return made


def _folder(kind: str, *locks: Path) -> Path:
    """Another lock, another folder; BENCH_CACHE says where they all are."""
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in locks)).hexdigest()[:12]
    cache = os.environ.get("BENCH_CACHE") or Path.home() / ".cache" / "instagram-webhooks-bench"
    return Path(cache).absolute() / f"{kind}-{digest}"


@contextlib.contextmanager
def _made_once(folder: Path) -> Iterator[bool]:
    """Whether it is to be made, in an empty folder. A stamp comes last: half of one is never taken for whole."""
    stamp = folder / "made"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs may want it at once
        if stamp.exists():
            yield False
            return
        print(f"making {folder} …", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield True
        stamp.touch()


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=MAKING_S, check=False
    )
    if done.returncode:
        last = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise NotMade(f"{' '.join(command)} ended with {done.returncode}; is its package index reachable?\n{last}")
