"""
Make .venv from the lock, or find that it is there: python3 scripts/setup_environment.py [--check]

Standard library only; any Python from 3.11 on. A stamp inside .venv names the lock, the Python and the place
that it was made for. While it fits, nothing is done; else the environment is made anew: console scripts name
their place, and a half-made or mixed environment is worse than a slow start. --check tells by its exit code
whether the stamp fits.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOCK = ROOT / "requirements" / "dev.txt"
STAMP = ENVIRONMENT / "setup.json"
UNFINISHED = ENVIRONMENT / "setup-unfinished"
PIP_LOG = ENVIRONMENT / "pip.log"
TERMINAL_EVERY_S, LOG_EVERY_S = 1, 10
LAST_LINES = 15

# Runs inside an environment without a stamp, made by hand: says what differs from the lock, if anything.
COMPARE = """
import sys
from importlib.metadata import PackageNotFoundError, version
from packaging.requirements import Requirement
for line in sys.stdin:
    wanted = Requirement(line.strip())
    if wanted.marker is None or wanted.marker.evaluate():
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            found = "missing"
        if not wanted.specifier.contains(found):
            sys.exit(f"{wanted.name} is {found}")
"""


class SetupFailed(Exception):
    """The environment could not be made."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if sys.argv[1:] == ["--check"]:
        return 0 if is_current() else 1
    try:
        with LOCK.open() as lock:  # the lock file itself is what two runs in one checkout wait for
            wait_for_turn(lock.fileno())
            if not is_current() and not adopt():
                make()
    except SetupFailed as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; `make setup` starts anew")
        return 128 + signal.SIGINT
    return 0


def wait_for_turn(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting: another `make` is setting up this checkout …")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def wanted_stamp() -> dict[str, str]:
    return {
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "python": platform.python_version(),
        "place": str(ENVIRONMENT),
    }


def is_current() -> bool:
    """Whether the stamp fits the lock, the place, and the Python that the environment runs on now."""
    try:
        stamp = json.loads(STAMP.read_text())
        here = wanted_stamp()
        if Path(sys.executable).parent != PYTHON.parent:
            here["python"] = run_inside("import platform; print(platform.python_version())").strip()
    except (OSError, ValueError, subprocess.CalledProcessError):
        return False
    return bool(stamp == here)


def run_inside(program: str, text_in: str = "") -> str:
    command = [str(PYTHON), "-I", "-c", program]
    done = subprocess.run(command, input=text_in, capture_output=True, text=True, check=True)
    return done.stdout


def adopt() -> bool:
    """Take over an environment that was made by hand in this place and holds just what the lock says."""
    if UNFINISHED.exists() or STAMP.exists() or not PYTHON.exists():
        return False
    try:
        if f"{ENVIRONMENT}/bin/" not in (ENVIRONMENT / "bin" / "celery").read_text():
            return False
        run_inside(COMPARE, "\n".join(pinned()))
        version = run_inside("import platform; print(platform.python_version())").strip()
    except (OSError, subprocess.CalledProcessError):
        return False
    stamp({**wanted_stamp(), "python": version})
    say("found an environment that fits the lock")
    return True


def pinned() -> list[str]:
    """The lock's requirements without their hashes."""
    lines = LOCK.read_text().splitlines()
    return [line.rstrip("\\ ") for line in lines if "==" in line and not line.startswith((" ", "#"))]


def make() -> None:
    """Lay a new environment; the stamp comes last, so that half of one is never taken for whole."""
    began = time.monotonic()
    if ENVIRONMENT.is_symlink():
        ENVIRONMENT.unlink()
    elif ENVIRONMENT.exists():
        say("removing .venv: it was made for another lock, Python or place, or never finished")
        shutil.rmtree(ENVIRONMENT)
    say(f"making .venv with Python {platform.python_version()} …")
    pip = bare_environment()
    options = ["--require-hashes", "--no-input", "--disable-pip-version-check"]
    install_all([*pip, "install", *options, "-r", str(LOCK)], began)
    stamp(wanted_stamp())
    UNFINISHED.unlink()
    say(f"done in {time.monotonic() - began:.0f} s")


def bare_environment() -> list[str]:
    """Lay .venv; the command that runs pip for it.

    Debian's Python lacks the pip that venv would lay; its package python3-pip will do.
    """
    ENVIRONMENT.mkdir()
    UNFINISHED.touch()
    base = getattr(sys, "_base_executable", None) or sys.executable
    made = quietly([base, "-m", "venv", str(ENVIRONMENT)])
    if made.returncode == 0:
        return [str(PYTHON), "-m", "pip"]
    without = quietly([base, "-m", "venv", "--without-pip", str(ENVIRONMENT)])
    pip = [base, "-m", "pip", "--python", str(PYTHON)]
    if without.returncode == 0 and quietly([*pip, "--version"]).returncode == 0:
        return pip
    raise SetupFailed(
        f"{last_lines(made.stdout)}\nThis Python ({base}) cannot make a virtual environment. "
        "On Debian or Ubuntu: apt-get install python3-venv; then `make setup` again."
    )


def quietly(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def install_all(command: list[str], began: float) -> None:
    """Run pip with its words in a file, and tell how long it has been at work."""
    what = f"installing {len(pinned())} packages"
    with PIP_LOG.open("w") as log:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        tell_until_done(pip, what, began)
    finally:
        if pip.poll() is None:
            pip.kill()
        pip.wait()
    if pip.returncode:
        raise SetupFailed(
            f"{last_lines(PIP_LOG.read_text(errors='replace'))}\n"
            "pip could not install the lock (above: its last lines). Is the package index reachable from "
            "here (proxy, `pip config list`)? Then `make setup` again."
        )


def tell_until_done(pip: subprocess.Popen[bytes], what: str, began: float) -> None:
    on_terminal = sys.stdout.isatty()
    while True:
        try:
            pip.wait(TERMINAL_EVERY_S if on_terminal else LOG_EVERY_S)
            break
        except subprocess.TimeoutExpired:
            line = f"{what} … {time.monotonic() - began:.0f} s"
            say(line, end="" if on_terminal else "\n")
    if on_terminal:
        say("", end="")


def stamp(content: dict[str, str]) -> None:
    half_written = STAMP.with_suffix(".new")
    half_written.write_text(json.dumps(content))
    os.replace(half_written, STAMP)


def last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LAST_LINES:])


def say(line: str, *, end: str = "\n") -> None:
    start = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{start}setup: {line}" if line else start, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
