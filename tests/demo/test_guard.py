import os
import uuid

import psycopg
import pytest
import redis

from webhooks_project.demo.errors import Refused
from webhooks_project.demo.guard import claim_broker, claim_database

BROKER = 11  # a Redis database that no other test uses


@pytest.fixture
def empty_database():
    """The URL of a database without a table."""
    base = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[0]
    name = f"demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield f"{base}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def broker_url():
    url = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{BROKER}"
    with redis.Redis.from_url(url) as broker:
        broker.flushdb()
        yield url
        broker.flushdb()


def test_an_empty_database_is_taken_and_known_again(empty_database):
    claim_database(empty_database)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("CREATE TABLE events ()")

    claim_database(empty_database)


def test_a_database_in_use_is_left_alone(own_database):
    with pytest.raises(Refused, match=r"DATABASE_URL names a database with \d+ tables that no demo made"):
        claim_database(own_database)

    with psycopg.connect(own_database) as connection:
        assert connection.execute("SELECT to_regclass('instagram_webhooks_demo')").fetchone() == (None,)


def test_tables_outside_the_public_schema_count_too(empty_database):
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders ()")

    with pytest.raises(Refused):
        claim_database(empty_database)


def test_an_empty_broker_is_taken_and_known_again(broker_url):
    claim_broker(broker_url)
    with redis.Redis.from_url(broker_url) as broker:
        broker.rpush("webhook-processing", "a wake-up")

    claim_broker(broker_url)


def test_a_broker_in_use_is_left_alone(broker_url):
    with redis.Redis.from_url(broker_url) as broker:
        broker.rpush("webhook-processing", "a wake-up")

        with pytest.raises(Refused, match="REDIS_URL names a Redis database with 1 keys"):
            claim_broker(broker_url)

        assert broker.keys() == [b"webhook-processing"]


@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/nobody", "sqlite:///db", "postgresql://u:s3cret@/?x=%%"])
def test_a_database_that_cannot_be_asked_is_told_without_its_password(url):
    with pytest.raises(Refused, match="DATABASE_URL") as told:
        claim_database(url)

    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "amqp://127.0.0.1/"])
def test_a_broker_that_cannot_be_asked_is_told(url):
    with pytest.raises(Refused, match="REDIS_URL"):
        claim_broker(url)
