from urllib.parse import quote

from simulator.bodies import echo, message_body, messaging_body
from simulator.graph import GraphSimulator
from tests.simulator.wires import SHOP, TOKEN, call, send

NOON_S = 1_789_041_601.9
DETAILS = "messages{id,created_time,from,to,message}"


def look(graph, path, **options):
    return call(graph.url, "GET", f"/v25.0/{path}", **options)


def conversation(graph, person="61", fields=DETAILS):
    path = f"{SHOP}/conversations?platform=instagram&user_id={person}&fields={quote(fields)}"
    return look(graph, path).json["data"]


def test_nobody_has_no_conversation(graph):
    assert conversation(graph) == []


def test_listing_shows_both_sides_newest_first_to_the_second():
    with GraphSimulator({SHOP: TOKEN}, clock=lambda: NOON_S) as graph:
        asked = message_body("Price?", sender="61", account=SHOP, mid="aWdq", at_ms=int(NOON_S * 1000) - 5000)
        assert graph.hear(asked) == 1
        mid = send(graph, "61", "Ten").json["message_id"]

        [found] = conversation(graph)

    newest, oldest = found["messages"]["data"]
    assert (newest["id"], newest["message"], newest["from"]["id"]) == (mid, "Ten", SHOP)
    assert newest["created_time"] == "2026-09-10T12:00:01+0000"
    assert (oldest["id"], oldest["from"]["id"]) == ("aWdq", "61")
    assert oldest["to"]["data"][0]["id"] == SHOP


def test_messages_are_found_in_one_call_or_two(graph):
    mid = send(graph, "61").json["message_id"]
    [named] = look(graph, "me/conversations?platform=instagram&user_id=61").json["data"]

    in_fields = look(graph, f"{named['id']}?fields={quote(DETAILS)}").json
    on_edge = look(graph, f"{named['id']}/messages?fields=id,message").json
    alone = look(graph, f"{mid}?fields=id,from,message").json

    assert "messages" not in named
    assert in_fields["messages"]["data"][0]["message"] == "Hello"
    assert on_edge["data"] == [{"id": mid, "message": "Hello"}]
    assert (alone["message"], alone["from"]["id"]) == ("Hello", SHOP)


def test_without_details_asked_rows_have_an_id_and_a_time(graph):
    send(graph, "61")

    [row] = conversation(graph, fields="messages")[0]["messages"]["data"]

    assert set(row) == {"id", "created_time"}


def test_only_the_newest_twenty_have_details():
    now = [NOON_S]
    with GraphSimulator({SHOP: TOKEN}, clock=lambda: now[0]) as graph:
        for number in range(22):
            now[0] += 1
            send(graph, "61", str(number))

        rows = conversation(graph)[0]["messages"]["data"]
        oldest = look(graph, f"{rows[-1]['id']}?fields=message")

    assert [row.get("message") for row in rows] == [*(str(number) for number in range(21, 1, -1)), None, None]
    assert oldest.code == (100, None)


def test_taken_message_is_missing_while_the_listing_lags():
    now = [NOON_S]
    with GraphSimulator({SHOP: TOKEN}, clock=lambda: now[0]) as graph:
        graph.settings(lag_s=5)
        send(graph, "61")

        before = conversation(graph)
        now[0] += 5

        assert (before, len(conversation(graph))) == ([], 1)


def test_message_typed_by_hand_is_listed_as_the_accounts_own(graph):
    typed = echo("By hand", recipient="61", account=SHOP, mid="aWdhand", at_ms=int(NOON_S * 1000))
    graph.hear(messaging_body([typed], account=SHOP, at_ms=0))

    [row] = conversation(graph)[0]["messages"]["data"]

    assert (row["from"]["id"], row["message"]) == (SHOP, "By hand")


def test_conversation_of_another_account_is_not_seen():
    with GraphSimulator({SHOP: TOKEN, "222": "other"}) as graph:
        send(graph, "61")
        [named] = conversation(graph)

        assert look(graph, named["id"], token="other").code == (100, 33)
        assert look(graph, "222/conversations?user_id=61", token="other").json == {"data": []}


def test_look_ups_have_a_script_and_a_limit_of_their_own():
    with GraphSimulator({SHOP: TOKEN}, clock=lambda: NOON_S) as graph:
        graph.script("61", ["http:500:2"], edge="conversations")
        graph.settings(lookups_per_s=2)
        path = f"{SHOP}/conversations?user_id=61"

        answers = [look(graph, path) for _ in range(3)]

    assert [answer.status for answer in answers] == [500, 200, 400]
    assert answers[2].code == (613, None)
    assert [one.edge for one in graph.calls("61")] == ["conversations"] * 3


def test_garbage_bodies_are_heard_without_harm(graph):
    for body in (
        None,
        [],
        {"entry": 1},
        {"entry": [1, {"messaging": [{"message": 1}, 2], "changes": [{"value": 3}]}]},
    ):
        assert graph.hear(body) == 0
