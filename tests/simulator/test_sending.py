import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulator.graph import GraphSimulator
from tests.simulator.wires import SHOP, TOKEN, call, send


def test_message_is_taken_answered_and_remembered(graph):
    got = send(graph, "61", "Grüße")

    assert got.status == 200
    [taken] = graph.taken("61")
    assert got.json == {"recipient_id": "61", "message_id": taken.mid}
    assert (taken.text, taken.account, taken.edge) == ("Grüße", SHOP, "messages")
    assert TOKEN not in repr(taken)


def test_equal_messages_are_never_taken_for_one(graph):
    mids = {send(graph, "61").json["message_id"] for _ in range(3)}

    assert len(mids) == len(graph.taken("61")) == 3
    assert graph.summary()["taken_more_than_once"] == {"61": 3}


@pytest.mark.parametrize("token", [None, "another"])
def test_unknown_token_is_refused_with_code_190(graph, token):
    got = send(graph, "61", token=token)

    assert (got.status, got.code) == (400, (190, None))
    assert [(one.recipient, one.taken) for one in graph.calls()] == [("61", False)]


def test_token_may_stand_in_the_query_and_does_not_reach_the_record(graph):
    body = {"recipient": {"id": "61"}, "message": {"text": "Hello"}}

    got = call(graph.url, "POST", f"/v25.0/me/messages?access_token={TOKEN}", body, token=None)

    assert got.status == 200
    assert TOKEN not in graph.taken("61")[0].path


def test_token_of_one_account_does_not_send_for_another():
    with GraphSimulator({SHOP: TOKEN, "17841400555000222": "other"}) as graph:
        got = send(graph, "61", account="17841400555000222")

    assert got.code == (100, 33)


def test_without_accounts_whoever_asks_is_answered():
    with GraphSimulator() as graph:
        assert send(graph, "61", token=None).status == 200
        assert graph.taken("61")[0].account == SHOP


def test_new_token_replaces_the_old_one(graph):
    graph.settings(accounts={SHOP: "renewed"})

    assert send(graph, "61").code == (190, None)
    assert send(graph, "61", token="renewed").status == 200


def test_whatsapp_is_answered_as_its_cloud_api_does(graph):
    body = {"messaging_product": "whatsapp", "to": "15550100", "type": "text", "text": {"body": "Hello"}}

    got = call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body).json

    assert got["contacts"] == [{"input": "15550100", "wa_id": "15550100"}]
    assert got["messages"][0]["id"].startswith("wamid.")
    assert graph.taken("15550100")[0].text == "Hello"


def test_comment_has_one_private_reply(graph):
    comment = {"from": {"id": "61"}, "id": "1780001", "text": "Price?"}
    graph.hear({"entry": [{"id": SHOP, "changes": [{"field": "comments", "value": comment}]}]})
    body = {"recipient": {"comment_id": "1780001"}, "message": {"text": "See your inbox"}}

    first, second = (call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body) for _ in range(2))

    assert first.json["recipient_id"] == "61"
    assert second.code == (100, 2534025)
    assert len(graph.taken("1780001")) == 1


def test_typing_is_accepted_and_is_no_message(graph):
    body = {"recipient": {"id": "61"}, "sender_action": "typing_on"}

    assert call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body).status == 200
    assert (graph.taken(), graph.calls("61")[0].edge) == ([], "sender_action")


@pytest.mark.parametrize(
    "body", [None, [], {}, {"recipient": {"id": "61"}}, {"message": {"text": "x"}}, {"recipient": "61"}]
)
def test_senseless_body_is_a_wrong_parameter(graph, body):
    assert call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body if body is not None else "x").code[0] == 100


def test_text_over_the_limit_in_bytes_is_refused(graph):
    assert send(graph, "61", "é" * 501).code == (100, 2534015)
    assert send(graph, "61", "é" * 500).status == 200


def test_more_sends_a_second_than_allowed_are_refused():
    now = [1000.0]
    with GraphSimulator({SHOP: TOKEN}, clock=lambda: now[0]) as graph:
        graph.settings(sends_per_s=2)

        statuses = [send(graph, "61").status for _ in range(3)]
        now[0] += 1.5

        assert [*statuses, send(graph, "61").status] == [200, 200, 400, 200]


def test_me_tells_two_ids_apart(graph):
    got = call(graph.url, "GET", "/v25.0/me?fields=id,user_id,username").json

    assert got["user_id"] == SHOP != got["id"]
    assert send(graph, "61", account=got["id"]).status == 200


def test_subscription_is_kept(graph):
    path = f"/v25.0/{SHOP}/subscribed_apps"

    assert call(graph.url, "GET", path).json == {"data": []}
    assert call(graph.url, "POST", f"{path}?subscribed_fields=messages,comments").json == {"success": True}
    assert call(graph.url, "GET", path).json["data"][0]["subscribed_fields"] == ["messages", "comments"]


def test_many_calls_at_once_over_kept_connections_are_all_counted(graph):
    def ten_on_one_connection(person):
        connection = http.client.HTTPConnection("127.0.0.1", graph.port, timeout=5)
        for number in range(10):
            body = f'{{"recipient": {{"id": "{person}"}}, "message": {{"text": "{number}"}}}}'
            connection.request("POST", f"/v25.0/{SHOP}/messages", body, {"Authorization": f"Bearer {TOKEN}"})
            connection.getresponse().read()
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ten_on_one_connection, range(8)))

    assert graph.summary()["taken"] == {str(person): 10 for person in range(8)}


def test_record_is_bounded_and_counts_what_it_forgot():
    with GraphSimulator(keep=2) as graph:
        for _ in range(5):
            send(graph, "61")

        assert len(graph.calls()) == 2
        assert {"calls": 5, "calls_forgotten": 3, "taken": {"61": 5}}.items() <= graph.summary().items()
