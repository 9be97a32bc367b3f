import re

import pytest

from benchmarks import installation
from instagram_webhooks.worker.boot import END_AFTER_S, LAST_WORDS_S
from tests.deploy import shipped
from tests.deploy.shipped import DEPLOY, PROCESSES, UNITS, unit

BY_NAME = {path.stem.removeprefix("instagram-webhooks-").removesuffix("@"): path for path in UNITS}


def test_there_is_a_unit_for_each_process_and_one_for_the_migration():
    assert set(BY_NAME) == {*PROCESSES, "migrate"}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_unit_runs_what_make_runs(name):
    assert shipped.plain(unit(BY_NAME[name])["ExecStart"].split()) == shipped.made(name)


def test_the_migration_is_a_command_that_ends():
    each = unit(BY_NAME["migrate"])

    assert each["Type"] == "oneshot"
    assert shipped.plain(each["ExecStart"].split())[:3] == ["python", "manage.py", "migrate"]


def test_the_worker_is_given_longer_than_it_takes_to_end():
    each = unit(BY_NAME["worker"])

    assert shipped.seconds(each["TimeoutStopSec"]) >= END_AFTER_S + LAST_WORDS_S + 5
    assert each["KillSignal"] == "SIGTERM"
    assert each["KillMode"] == "mixed"  # with prefork the children are told by their parent


def test_a_machine_may_have_several_workers_and_each_is_told_apart():
    path = BY_NAME["worker"]

    assert path.stem.endswith("@")
    assert "%i" in path.read_text()
    assert f"{path.stem}2" in (DEPLOY / "README.md").read_text()


def test_a_child_that_eats_memory_does_not_stop_the_whole_worker():
    assert unit(BY_NAME["worker"])["OOMPolicy"] == "continue"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_that_ends_is_started_again(name):
    assert unit(BY_NAME[name])["Restart"] == "always"


@pytest.mark.parametrize("name", ["web", "worker"])
def test_one_heap_is_for_all_threads_however_it_is_started(name):
    said = shipped.tunables(name)

    assert "arena_max=1" in said
    assert "tcache_count=0" in said
    assert f"GLIBC_TUNABLES={said}" in unit(BY_NAME[name])["Environment"].split()
    assert ("ENV", f"GLIBC_TUNABLES={said}") in shipped.instructions()
    assert installation.SHIPPED["GLIBC_TUNABLES"] == said


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_not_root_may_little_and_names_no_secret(path):
    each = unit(path)

    assert each["User"] == "instagram-webhooks"
    assert each["NoNewPrivileges"] == "yes"
    assert each["CapabilityBoundingSet"] == ""
    assert each["ProtectSystem"] == "strict"
    assert each["LimitCORE"] == "0"
    assert each["EnvironmentFile"] == "/etc/instagram-webhooks/environment"
    assert not re.search(r"(SECRET|KEY|TOKEN|PASSWORD)\w*=", path.read_text())


def test_the_guide_installs_what_the_units_start():
    guide = (DEPLOY / "README.md").read_text()
    folder = unit(BY_NAME["web"])["WorkingDirectory"]

    assert f"cd {folder}" in guide
    assert all(unit(path)["ExecStart"].startswith(f"{folder}/.venv/bin/") for path in UNITS)
    assert unit(BY_NAME["web"])["EnvironmentFile"] in guide
    assert all(path.stem in guide for path in UNITS)


def test_the_guide_makes_the_user_before_the_units_run_as_it():
    guide = (DEPLOY / "README.md").read_text()
    (user,) = {unit(path)["User"] for path in UNITS}

    made = re.search(rf"^useradd .* {user}( |$)", guide, re.MULTILINE)

    assert made
    assert made.start() < guide.index("systemctl start")


def test_the_guide_s_commands_run_as_the_units_do():
    guide = (DEPLOY / "README.md").read_text()
    each = unit(BY_NAME["web"])

    begin = guide.index("systemd-run")
    command = guide[begin : guide.index("createsuperuser", begin)]

    for name in ("User", "WorkingDirectory", "EnvironmentFile"):
        assert f"-p {name}={each[name]}" in command
    assert each["WorkingDirectory"] + "/.venv/bin/python manage.py" in command


def test_a_policy_s_folder_is_one_that_the_units_may_read():
    guide = (DEPLOY / "README.md").read_text()
    folders = re.findall(r"`PYTHONPATH=(\S+)`", guide)

    assert folders
    assert not [folder for folder in folders if folder.startswith(("/home", "/root", "/tmp"))]  # the units hide these
