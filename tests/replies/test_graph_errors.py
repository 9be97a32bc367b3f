"""What Meta's codes mean."""

import json

import pytest

from instagram_webhooks import errors
from instagram_webhooks.replies.graph_errors import LONGEST_WAIT_S, Refusal, error_of, named_wait_s


def error(status, code=None, subcode=None, **headers):
    body = {"error": {"message": "quotes a customer", "code": code, "error_subcode": subcode}}
    raw = b"not json" if code is None else json.dumps(body).encode()
    return error_of(Refusal.read(status, raw), {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("status", "code", "subcode", "meaning"),
    [
        (400, 1, None, errors.GraphFailed),
        (400, 1, 1357046, errors.GraphFailed),
        (400, 2, None, errors.GraphFailed),
        (500, 2, None, errors.GraphFailed),
        (500, None, None, errors.GraphFailed),
        (503, 100, None, errors.GraphFailed),
        (400, 4, None, errors.GraphThrottled),
        (400, 17, None, errors.GraphThrottled),
        (400, 32, None, errors.GraphThrottled),
        (400, 613, None, errors.GraphThrottled),
        (400, 613, 2018338, errors.GraphRefused),
        (400, 80002, None, errors.GraphThrottled),
        (500, 80006, None, errors.GraphThrottled),
        (429, None, None, errors.GraphThrottled),
        (429, 100, None, errors.GraphThrottled),
        (400, 190, 463, errors.TokenRefused),
        (401, 190, None, errors.TokenRefused),
        (401, None, None, errors.TokenRefused),
        (400, 368, None, errors.AccountBlocked),
        (400, 10, 1893063, errors.AccountBlocked),
        (400, 100, 2534029, errors.AccountBlocked),
        (400, 10, None, errors.GraphRefused),
        (400, 10, 2534022, errors.GraphRefused),
        (400, 100, 2534014, errors.GraphRefused),
        (400, 551, None, errors.GraphRefused),
        (400, 200, 2534041, errors.GraphRefused),
        (404, None, None, errors.GraphRefused),
        (403, 4, None, errors.GraphThrottled),
    ],
)
def test_the_code_decides_and_the_status_only_where_there_is_no_code(status, code, subcode, meaning):
    assert type(error(status, code, subcode)) is meaning


def test_an_error_holds_codes_and_never_what_meta_said():
    found = error(400, 100, 33)

    assert found.facts == {"status": 400, "graph_code": 100, "graph_subcode": 33}
    assert "customer" not in f"{found}{found.facts}"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, None),
        (
            {"X-Business-Use-Case-Usage": '{"1": [{"type": "instagram", "estimated_time_to_regain_access": 19}]}'},
            19 * 60,
        ),
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 0}]}'}, None),
        ({"X-Business-Use-Case-Usage": '{"1": [{"estimated_time_to_regain_access": 2}]}', "Retry-After": "5"}, 120),
        ({"X-Business-Use-Case-Usage": "[1, 2"}, None),
        ({"X-Business-Use-Case-Usage": "[1, 2]"}, None),
        ({"Retry-After": "99999999"}, LONGEST_WAIT_S),
    ],
)
def test_a_wait_that_meta_names_is_read_in_its_unit(headers, wait_s):
    assert named_wait_s(headers) == wait_s


def test_a_named_wait_uses_no_attempt():
    found = error(400, 4, Retry_After="3")

    assert isinstance(found, errors.Waiting)
    assert found.wait_s == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"error": 7}', b'{"error": {"code": "4"}}', b"[" * 100_000])
def test_a_body_of_no_known_shape_has_no_code(body):
    assert Refusal.read(418, body) == Refusal(418)


def test_a_code_that_no_column_holds_is_none():
    assert error(400, 2**31, -(2**40)).facts == {"status": 400}
