import json
import re
from pathlib import Path

from tests.deploy import shipped
from tests.deploy.shipped import CHECKOUT, instructions
from webhooks_project.environment import SETTINGS


def _copied() -> list[str]:
    """What is copied from the checkout."""
    return [rest.split()[0] for _, rest in instructions("COPY") if not rest.startswith("--from")]


def test_the_image_is_made_of_the_runtime_lock_alone_with_its_hashes():
    installs = [rest for _, rest in instructions("RUN") if "pip install" in rest]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert [path for path in _copied() if path.startswith("requirements")] == ["requirements/runtime.txt"]


def test_every_base_is_a_slim_python_that_the_project_supports():
    bases = [rest.split()[0] for _, rest in instructions("FROM")]

    assert set(bases) == {"python:3.13-slim"}
    assert 'requires-python = ">=3.11"' in (CHECKOUT / "pyproject.toml").read_text()


def test_all_that_is_copied_exists_and_every_package_that_runs_is_copied():
    packages = {path.parent.name for path in CHECKOUT.glob("*/apps.py")} | {"webhooks_project"}

    assert all((CHECKOUT / path).exists() for path in _copied())
    assert packages <= set(_copied())


def test_nothing_but_what_is_copied_reaches_the_build():
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert sorted(rule[1:] for rule in rules if rule.startswith("!")) == sorted(_copied())
    assert {"**/__pycache__", "**/*.py[cod]"} <= set(rules)


def test_the_image_holds_no_setting_but_where_to_listen():
    names = {setting.name for setting in SETTINGS}
    written = {name for _, rest in instructions("ENV") for name in re.findall(r"(\w+)=", rest)}

    assert written & names == {"HOST"}
    assert "HOST=0.0.0.0" in " ".join(rest for _, rest in instructions("ENV"))
    assert not instructions("ARG")


def test_the_image_runs_the_web_process_as_nobody_in_particular_and_stops_politely():
    (user,) = instructions("USER")
    (signal,) = instructions("STOPSIGNAL")
    (command,) = instructions("CMD")

    assert user[1].split(":")[0] not in ("root", "0")
    assert signal[1] == "SIGTERM"
    assert shipped.plain(json.loads(command[1])) == shipped.made("web")


def test_the_image_listens_at_the_default_port():
    (port,) = instructions("EXPOSE")

    assert int(port[1]) == next(setting.default for setting in SETTINGS if setting.name == "PORT")


def test_every_health_check_runs_one_that_exists():
    from deploy.health import CHECKS

    (image,) = [rest.partition("CMD ")[2] for _, rest in instructions("HEALTHCHECK")]
    worker = shipped.service("worker")["healthcheck"]["test"][1:]

    assert json.loads(image) == ["python", "-m", "deploy.health", "web"]
    assert worker == ["python", "-m", "deploy.health", "worker"]
    assert set(CHECKS) == {"web", "worker"}
    assert Path(CHECKOUT / "deploy/health.py").exists()
