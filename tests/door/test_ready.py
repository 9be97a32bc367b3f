"""Whether a load balancer should send webhooks here."""

import pytest
from django.db import connection


def ready(client):
    answer = client.get("/readyz", secure=True)
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("database_to_migrate")
def test_it_is_ready_once_its_tables_are_as_the_code_has_them(client):
    def renamed(before, after):
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE instagram_webhooks_eventpayload RENAME COLUMN {before} TO {after}")

    renamed("sealed", "sealed_before")
    try:
        assert ready(client) == (503, {"status": "unavailable", "missing": ["migrations"]})
    finally:
        renamed("sealed_before", "sealed")

    assert ready(client)[0] == 200
