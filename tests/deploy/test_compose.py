import json
import re

import pytest

from instagram_webhooks.worker.boot import END_AFTER_S, LAST_WORDS_S
from tests.deploy import shipped
from tests.deploy.shipped import PROCESSES, compose, service
from webhooks_project.environment import SETTINGS

OURS = (*PROCESSES, "migrate")
SERVERS = ("postgres", "redis")
NAMES = {setting.name for setting in SETTINGS}


def test_the_services_are_the_three_processes_the_migration_and_the_two_servers():
    assert set(compose()["services"]) == {*OURS, *SERVERS}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_service_runs_what_make_runs(name):
    assert shipped.plain(service(name)["command"]) == shipped.made(name)


def test_the_migration_runs_once_before_everything_else():
    assert service("migrate")["command"][:3] == ["python", "manage.py", "migrate"]
    assert service("migrate")["restart"] == "no"
    assert service("migrate")["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in PROCESSES:
        assert service(name)["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_the_worker_is_given_longer_than_it_takes_to_end():
    assert shipped.seconds(service("worker")["stop_grace_period"]) >= END_AFTER_S + LAST_WORDS_S + 5


def test_the_processes_are_told_to_stop_by_the_signal_that_they_know():
    assert shipped.instructions("STOPSIGNAL") == [("STOPSIGNAL", "SIGTERM")]
    assert not any("stop_signal" in service(name) for name in PROCESSES)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_that_ends_whatever_its_exit_code_is_started_again(name):
    assert service(name)["restart"] == "unless-stopped"


def test_the_web_process_is_given_longer_than_its_server_waits_for_requests():
    command = (shipped.CHECKOUT / "webhooks_project" / "__main__.py").read_text()
    waits = re.search(r"workers_kill_timeout=(\d+)", command)

    assert shipped.seconds(service("web")["stop_grace_period"]) >= int(waits[1]) + 5


def test_every_variable_that_is_set_or_asked_for_is_a_setting():
    set_here = {name for each in OURS for name in service(each).get("environment", {})}
    asked_for = set(re.findall(r"\$\{(\w+)", (shipped.CHECKOUT / "docker-compose.yml").read_text()))

    assert set_here <= NAMES
    assert asked_for <= NAMES | {"POSTGRES_PASSWORD"}
    assert "POSTGRES_PASSWORD=" in (shipped.CHECKOUT / ".env.example").read_text().splitlines()


@pytest.mark.parametrize("name", OURS)
def test_a_process_reads_its_settings_from_the_env_file_and_finds_its_servers(name):
    environment = service(name)["environment"]

    assert service(name)["env_file"] == ".env"
    url = r"postgresql://\w+:\$\{POSTGRES_PASSWORD:\?.*\}@postgres:5432/\w+"
    assert re.fullmatch(url, environment["DATABASE_URL"])
    assert environment["REDIS_URL"] == "redis://redis:6379/0"


def test_the_port_of_the_web_process_alone_is_published_and_to_this_machine_alone():
    default = next(setting.default for setting in SETTINGS if setting.name == "PORT")

    published = {name: each["ports"] for name, each in compose()["services"].items() if "ports" in each}

    assert published == {"web": [f"127.0.0.1:${{PORT:-{default}}}:${{PORT:-{default}}}"]}


@pytest.mark.parametrize("name", [*OURS, *SERVERS])
def test_a_service_is_not_root_may_nothing_and_writes_only_where_it_must(name):
    each = service(name)

    assert each["user"] not in ("root", "0", "0:0")
    assert each["read_only"] is True
    assert each["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in each["security_opt"]
    assert each["ulimits"] == {"core": 0}


@pytest.mark.parametrize("name", ["worker", *SERVERS])
def test_a_service_that_others_rely_on_has_a_health_check(name):
    assert service(name)["healthcheck"]["test"][0] == "CMD"


def test_the_clock_and_the_migration_do_not_inherit_the_check_of_the_web_process():
    assert service("beat")["healthcheck"] == service("migrate")["healthcheck"] == {"disable": True}
    assert "healthcheck" not in service("web")  # the image's own


def test_redis_writes_down_what_it_takes_and_evicts_nothing():
    words = service("redis")["command"]
    options = dict(zip(words[1::2], words[2::2], strict=True))

    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert "redis:/data" in service("redis")["volumes"]


def test_postgresql_keeps_its_data_where_its_version_looks_for_them():
    version = int(service("postgres")["image"].partition(":")[2])

    place = "/var/lib/postgresql" if version >= 18 else "/var/lib/postgresql/data"
    assert service("postgres")["volumes"] == [f"postgres:{place}"]


def test_the_servers_can_be_reached_by_the_processes_alone():
    networks = compose()["networks"]

    assert networks["inside"] == {"internal": True}
    for name in SERVERS:
        assert service(name)["networks"] == ["inside"]


def test_no_secret_is_written_down():
    text = json.dumps(compose())

    for setting in SETTINGS:
        if setting.is_secret and setting.name not in ("DATABASE_URL", "REDIS_URL"):
            assert setting.name not in text
