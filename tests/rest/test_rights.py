"""Who may do what over the API: every call of its description, with and without each right that it needs."""

import uuid

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from tests.rest.asking import asking, problem

pytestmark = pytest.mark.django_db

ACT_ON_CAUSE = {"dead_letters.view_cause", "dead_letters.act_on_cause"}
LOOK_AT_BATCH = {"dead_letters.view_replaybatch"}
ACT_ON_BATCH = LOOK_AT_BATCH | {"dead_letters.act_on_deadletter", "dead_letters.view_deadletter"}
LOOK_AT_ACCOUNT = {"instagram_webhooks.view_account"}
ANYBODY = set()

RIGHTS = {
    "GET events/": ANYBODY,
    "GET events/{event_id}/": ANYBODY,
    "GET trace/": ANYBODY,
    "GET dead-letters/": ANYBODY,
    "GET dead-letters/{id}/": ANYBODY,
    **{
        f"POST dead-letters/{{id}}/{act}/": {"dead_letters.act_on_deadletter"}
        for act in ("replay", "resolve", "discard", "reopen", "arrived", "send_again")
    },
    "GET causes/": {"dead_letters.view_cause"},
    "GET causes/{id}/": {"dead_letters.view_cause"},
    **{f"POST causes/{{id}}/{act}/": ACT_ON_CAUSE for act in ("acknowledge", "resolve", "ignore", "reopen", "note")},
    "GET replay-batches/": LOOK_AT_BATCH,
    "GET replay-batches/{id}/": LOOK_AT_BATCH,
    "GET replay-batches/{batch_id}/items/": LOOK_AT_BATCH,
    "POST replay-batches/": ACT_ON_BATCH,
    "POST replay-batches/preview/": ACT_ON_BATCH,
    **{f"POST replay-batches/{{id}}/{act}/": ACT_ON_BATCH for act in ("pause", "resume", "stop", "rate")},
    "GET accounts/": LOOK_AT_ACCOUNT,
    "GET accounts/{id}/": LOOK_AT_ACCOUNT,
    **{
        f"POST accounts/{{id}}/{act}/": LOOK_AT_ACCOUNT | {"instagram_webhooks.act_on_account"}
        for act in ("release", "pause", "resume")
    },
    "GET audit/": {"audit.view_auditentry"},
}


def asked(client, call):
    method, path = call.split(" ")
    path = path.replace("{id}", str(uuid.UUID(int=1))).replace("{batch_id}", str(uuid.UUID(int=1)))
    path = path.replace("{event_id}", str(uuid.UUID(int=1)))
    return client.generic(method, f"/api/v1/{path}", "{}", content_type="application/json", secure=True)


def test_every_call_that_is_described_is_here_with_its_rights():
    described = SchemaGenerator().get_schema(request=None, public=True)["paths"]

    calls = {
        f"{method.upper()} {path.removeprefix('/api/v1/')}": set(about["description"].split("`")[1::2])
        for path, methods in described.items()
        for method, about in methods.items()
    }

    assert calls == RIGHTS


@pytest.mark.parametrize("call", RIGHTS)
def test_nobody_does_anything_without_a_token(call):
    assert problem(asked(APIClient(), call)) == (401, "not_authenticated")
    assert problem(asked(APIClient(HTTP_AUTHORIZATION="Token " + "0" * 64), call)) == (401, "authentication_failed")


@pytest.mark.parametrize("call", RIGHTS)
def test_each_right_is_needed_and_they_are_enough(call):
    needed = RIGHTS[call]
    for missing in needed:
        answer = asked(asking(*needed - {missing}, name=missing), call)

        assert problem(answer) == (403, "permission_denied")
        assert answer.json()["detail"] == f"You lack the right {missing}."

    assert asked(asking(*needed), call).status_code in (200, 400, 404)
