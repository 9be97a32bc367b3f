from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from tests.embedded.conftest import NO_URLS, Run
from webhooks_project import embedded
from webhooks_project.embedded import processes

STARTS = """
import pathlib, signal, sys, threading
from webhooks_project import embedded
def main():
    with embedded.services(pathlib.Path(sys.argv[1]), durable=False) as services:
        print(services.postgres.pid, services.redis.pid, flush=True)
        threading.Event().wait()
"""
FROM_THE_MAIN_THREAD = STARTS + "main()"
FROM_A_THREAD = STARTS + "threading.Thread(target=main).start()"


def keep(services: embedded.Services, word: str) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [word])
    with redis.Redis.from_url(services.redis_url) as client:
        client.rpush("kept", word)


def kept(services: embedded.Services) -> tuple[list[str], list[str]]:
    with psycopg.connect(services.database_url) as connection:
        rows = [row[0] for row in connection.execute("SELECT word FROM kept")]
    with redis.Redis.from_url(services.redis_url, decode_responses=True) as client:
        return rows, client.lrange("kept", 0, -1)


def handles(services: embedded.Services) -> tuple[embedded.PostgresServer, embedded.RedisServer]:
    assert services.postgres
    assert services.redis
    return services.postgres, services.redis


def test_servers_never_run_as_root(running: embedded.Services):
    owners = {Path(f"/proc/{server.pid}").stat().st_uid for server in handles(running)}

    assert len(owners) == 1
    assert owners == {os.getuid()} or (os.getuid() == 0 and 0 not in owners)


def test_servers_listen_on_the_loopback_interface_only(running: embedded.Services):
    with psycopg.connect(running.database_url) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
    with redis.Redis.from_url(running.redis_url, decode_responses=True) as client:
        bound = client.config_get("bind", "unixsocket")

    assert row == ("127.0.0.1", "")
    assert bound == {"bind": "127.0.0.1", "unixsocket": ""}


def test_servers_ask_for_their_password(running: embedded.Services):
    secret = handles(running)[0].password

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(running.database_url.replace(secret, "guessed"))
    with (
        redis.Redis.from_url(running.redis_url.replace(secret, "guessed")) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_killed_servers_start_again_with_their_data_at_the_same_address(running: embedded.Services):
    keep(running, "before the kill")
    before = kept(running)

    for server in handles(running):
        server.kill()
        assert server.pid is None
        server.start()

    assert kept(running) == before


def test_frozen_servers_are_stopped_all_the_same(running: embedded.Services):
    keep(running, "before the freeze")

    for server in handles(running):
        pid = server.pid
        assert pid
        server.freeze()
        server.stop()
        assert not processes.lives(pid)

        server.start()
    assert "before the freeze" in kept(running)[0]


def test_second_start_in_the_same_folder_finds_the_data(folder: Path):
    with embedded.services(folder, environ=NO_URLS) as first:
        keep(first, "from the first start")

    with embedded.services(folder, environ=NO_URLS) as second:
        assert kept(second) == (["from the first start"], ["from the first start"])


def test_folder_in_use_is_refused(running: embedded.Services):
    in_use = handles(running)[0].folder.parent

    with (
        pytest.raises(embedded.FolderRefused, match="Another run"),
        embedded.services(in_use, environ=NO_URLS),
    ):
        pass


def test_folder_behind_a_link_is_refused(folder: Path):
    folder.symlink_to(folder.parent)

    with (
        pytest.raises(embedded.FolderRefused, match="another user"),
        embedded.services(folder, environ=NO_URLS),
    ):
        pass


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_refused(folder: Path):
    folder.mkdir()
    os.chown(folder, 65534, 65534)

    with (
        pytest.raises(embedded.FolderRefused, match="another user"),
        embedded.services(folder, environ=NO_URLS),
    ):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_servers_end_with_a_run_that_is_killed(folder: Path, run: list[Run]):
    run.append(Run(FROM_THE_MAIN_THREAD, folder))
    assert all(map(processes.lives, run[0].pids))

    run[0].kill()

    assert processes.until(lambda: not any(map(processes.lives, run[0].pids)), within_s=15)


def test_servers_that_outlive_a_killed_run_are_ended_by_the_next(folder: Path, run: list[Run]):
    run.append(Run(FROM_A_THREAD, folder))
    run[0].kill()
    assert len(run[0].pids) == 2
    assert all(map(processes.lives, run[0].pids))

    with embedded.services(folder, durable=False, environ=NO_URLS) as services:
        keep(services, "in the next run")

        assert not any(map(processes.lives, run[0].pids))


def test_process_that_got_a_dead_servers_id_is_left_alone(folder: Path, request: pytest.FixtureRequest):
    with embedded.services(folder, durable=False, environ=NO_URLS) as services:
        postgres, broker = handles(services)
    account = postgres.account
    # PostgreSQL minds a living process of its own user only.
    other = subprocess.Popen(["sleep", "100"], user=account.uid, group=account.gid)
    request.addfinalizer(other.wait)
    request.addfinalizer(other.kill)
    stale = postgres.data / "postmaster.pid"
    stale.write_text(f"{other.pid}\n{postgres.data}\n0\n{postgres.port}\n")
    account.give(stale)
    broker.pid_file.write_text(f"{other.pid}\n")

    with embedded.services(folder, durable=False, environ=NO_URLS) as services:
        keep(services, "beside the living")

    assert other.poll() is None
