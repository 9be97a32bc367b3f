"""The migration that gave every event the key of now."""

import pytest
from django.core.management import call_command
from django.db import connection

from instagram_webhooks import providers
from instagram_webhooks.desk import trace
from instagram_webhooks.errors import StoreUnavailable
from instagram_webhooks.inbox.accept import accept
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.providers import samples
from instagram_webhooks.vault import digest, event_keys, message_digest
from tests.builders import a_body, a_message, stored

BEFORE, NOW = "0008_roles", "0009_event_keys"
TABLE = WebhookEvent._meta.db_table

pytestmark = pytest.mark.usefixtures("database_to_migrate")


def migrate(to):
    call_command("migrate", "instagram_webhooks", to, verbosity=0)


def execute(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else None


def keys():
    return dict(WebhookEvent.objects.values_list("event_id", "key"))


def key_of_before(provider, event):
    return digest("event", provider, event.account, event.kind, *event.identity)


def all_samples_stored():
    """The key of before of each, by its event's id."""
    before = {}
    for name in samples.names():
        provider = name.split("/")[0]
        events = providers.split(provider, samples.load(name))
        for event, result in zip(events, accept(provider, events, "request-1"), strict=True):
            if result.is_new:
                before[result.event_id] = key_of_before(provider, event)
    return before


def test_what_was_stored_before_is_known_by_the_keys_of_now():
    before, now = all_samples_stored(), keys()
    migrate(BEFORE)
    for event_id, key in before.items():
        execute(f"UPDATE {TABLE} SET event_key = %s WHERE event_id = %s", key, event_id)

    migrate(NOW)

    assert before.keys() == now.keys()
    assert sum(before[event_id] != now[event_id] for event_id in now) > 30
    assert keys() == now


def test_an_event_that_is_stored_under_both_its_keys_does_not_stand_in_the_way():
    (event,) = stored(a_message("m-1"))
    (parsed,) = providers.split("instagram", a_body(a_message("m-1")))
    migrate(BEFORE)
    ((again,),) = execute(
        f"""INSERT INTO {TABLE}
            SELECT (jsonb_populate_record(e, jsonb_build_object('event_id', gen_random_uuid(), 'event_key', %s))).*
              FROM {TABLE} e RETURNING event_id""",
        str(key_of_before("instagram", parsed)),
    )
    first, later = sorted((event.pk, again))

    migrate(NOW)
    migrate(BEFORE)
    migrate(NOW)

    known = keys()
    least, most = event_keys(message_digest("m-1"))
    assert known[first] == event.key != known[later]
    assert least <= known[later] <= most
    assert {each.pk for each in trace.find("m-1").events} == {first, later}
    assert not accept("instagram", [parsed], "request-2")[0].is_new


def test_code_of_now_stores_nothing_beside_the_tables_of_before():
    migrate(BEFORE)

    with pytest.raises(StoreUnavailable):
        accept("instagram", providers.split("instagram", a_body(a_message("m-1"))), "request-1")

    assert execute(f"SELECT count(*) FROM {TABLE}") == [(0,)]
