"""What is shipped to run the service, read as its readers read it; and what `make web` and the like run."""

import configparser
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
PROCESSES = ("web", "worker", "beat")


def compose() -> dict[str, Any]:
    return yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())


def service(name: str) -> dict[str, Any]:
    return compose()["services"][name]


def instructions(name: str | None = None) -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined; of one name, or all."""
    text = re.sub(r"\\\n\s*", " ", (CHECKOUT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    pairs = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    return [pair for pair in pairs if name in (None, pair[0])]


def unit(path: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text())
    return parser["Service"]


def made(target: str) -> list[str]:
    """The words of the process that `make <target>` becomes."""
    words = ["make", "--no-print-directory", "-n", target]
    shown = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return plain(shown.stdout.rpartition("exec ")[2].split())


def tunables(target: str) -> str:
    """What make tells glibc for a target."""
    ((targets, said),) = re.findall(
        r"^([a-z ]+): export GLIBC_TUNABLES := (\S+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE
    )
    return str(said) if target in targets.split() else ""


def plain(words: list[str]) -> list[str]:
    """The same command without its place: `/opt/…/bin/python -m celery` is `celery`."""
    named = [Path(words[0]).name, *words[1:]]
    return named[2:] if named[:3] == ["python", "-m", "celery"] else named


def seconds(written: str) -> float:
    number, unit_ = re.fullmatch(r"(\d+)(s|ms|m)?", str(written)).groups()
    return int(number) * {None: 1, "s": 1, "ms": 0.001, "m": 60}[unit_]
