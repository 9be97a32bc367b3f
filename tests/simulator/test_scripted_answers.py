import http.client
import json
import threading
import time

import pytest

from simulator.graph import GraphSimulator
from simulator.script import step
from tests.simulator.wires import SHOP, TOKEN, call, send, wait_for


def test_steps_serve_their_calls_and_then_all_is_well(graph):
    graph.script("61", ["http:500:2*2", "http:400:100:2534014"])

    answers = [send(graph, "61") for _ in range(4)]

    assert [answer.status for answer in answers] == [500, 500, 400, 200]
    assert answers[0].json["error"]["is_transient"] is True
    assert answers[2].code == (100, 2534014)
    assert [one.answer for one in graph.calls("61")] == [
        "http:500:2",
        "http:500:2",
        "http:400:100:2534014",
        "ok",
    ]


def test_star_alone_is_for_ever_until_told_otherwise(graph):
    graph.script("61", ["http:400:368*"])
    assert {send(graph, "61").code for _ in range(5)} == {(368, None)}

    graph.script("61", [])

    assert send(graph, "61").status == 200


def test_own_script_comes_before_that_of_everyone(graph):
    graph.script_all(["http:400:10*"])
    graph.script("61", ["ok"])

    assert [send(graph, who).status for who in ("61", "61", "62")] == [200, 400, 400]


@pytest.mark.parametrize(("told", "retry_after"), [("429", None), ("429:7", "7")])
def test_too_many_calls_with_and_without_a_wait(graph, told, retry_after):
    graph.script("61", [told])

    got = send(graph, "61")

    assert (got.status, got.code, got.headers["Retry-After"]) == (429, (4, None), retry_after)


def test_usage_header_names_the_minutes(graph):
    graph.script("61", ["usage:19"])

    got = send(graph, "61")

    [use] = json.loads(got.headers["X-Business-Use-Case-Usage"])[SHOP]
    assert (got.status, got.code) == (400, (80002, None))
    assert use["estimated_time_to_regain_access"] == 19


@pytest.mark.parametrize(
    ("told", "status", "is_taken"),
    [
        ("http:503", 503, False),
        ("http-after:500", 500, True),
        ("not-json", 502, False),
        ("not-json-after:200", 200, True),
    ],
)
def test_answers_without_json(graph, told, status, is_taken):
    graph.script("61", [told])

    got = send(graph, "61")

    assert (got.status, len(graph.taken("61"))) == (status, int(is_taken))
    with pytest.raises(json.JSONDecodeError):
        json.loads(got.raw)


def test_message_may_be_taken_behind_an_error(graph):
    graph.script("61", ["http-after:500:1:1357046"])

    assert send(graph, "61").code == (1, 1357046)
    assert len(graph.taken("61")) == 1


@pytest.mark.parametrize(("told", "is_taken"), [("reset-before", False), ("reset-after", True)])
def test_connection_is_reset_before_or_after_the_message_was_taken(graph, told, is_taken):
    graph.script("61", [told])

    with pytest.raises(ConnectionResetError) as broken:
        send(graph, "61")

    assert broken.type is ConnectionResetError  # and not its child that says the connection was closed
    assert [(one.taken, one.status) for one in graph.calls("61")] == [(is_taken, 0)]
    assert send(graph, "61").status == 200


@pytest.mark.parametrize(("told", "is_taken"), [("timeout-before", False), ("timeout-after", True)])
def test_no_answer_comes_before_or_after_the_message_was_taken(graph, told, is_taken):
    graph.script("61", [told])

    with pytest.raises(TimeoutError):
        send(graph, "61", timeout=0.1)

    assert len(graph.taken("61")) == int(is_taken)


def test_held_connection_ends_when_its_time_is_over(graph):
    graph.script("61", ["timeout-before:0.1"])

    with pytest.raises(http.client.RemoteDisconnected):
        send(graph, "61")


def test_slow_answer_is_taken_at_once(graph):
    graph.script("61", ["slow:0.2"])
    started = time.monotonic()
    caller = threading.Thread(target=send, args=(graph, "61"))
    caller.start()

    wait_for(lambda: graph.taken("61"))

    assert caller.is_alive()
    caller.join()
    assert time.monotonic() - started >= 0.2


def test_closing_ends_a_held_connection_at_once():
    failures = []

    def caller(graph):
        try:
            send(graph, "61", timeout=30)
        except OSError as failure:
            failures.append(failure)

    with GraphSimulator({SHOP: TOKEN}) as graph:
        graph.script("61", ["timeout-before"])
        thread = threading.Thread(target=caller, args=(graph,))
        thread.start()
        wait_for(lambda: graph.calls("61"))

    thread.join(2)
    assert (len(failures), thread.is_alive()) == (1, False)


@pytest.mark.parametrize("written", ["", "fine", "http", "http:99", "ok*0", "slow", "http:500:x", "usage", "slow:nan"])
def test_words_that_mean_nothing_are_refused(written):
    with pytest.raises(ValueError, match=r"\.$"):
        step(written)


@pytest.mark.parametrize("written", ["ok", "http:400:100:33", "slow:0.5", "429:7", "timeout-after"])
def test_a_step_is_shown_as_it_was_written(written):
    assert str(step(written)) == written


def test_control_room_scripts_and_shows_calls(graph):
    told = call(graph.url, "POST", "/_simulator/script", {"recipient": "61", "steps": ["http:400:100"]})
    send(graph, "61", "To be seen")
    send(graph, "62")

    [seen] = call(graph.url, "GET", "/_simulator/calls?recipient=61").json["calls"]
    newest = call(graph.url, "GET", "/_simulator/calls?limit=1").json["calls"]
    summary = call(graph.url, "GET", "/_simulator/summary").json

    assert told.json == {"recipient": "61", "steps": 1}
    assert {
        "text": "To be seen",
        "taken": False,
        "status": 400,
        "answer": "http:400:100",
    }.items() <= seen.items()
    assert [one["recipient"] for one in newest] == ["62"]
    assert (summary["taken"], summary["calls"]) == ({"62": 1}, 2)


def test_control_room_explains_itself_without_tokens_or_secrets(graph):
    graph.settings(echo={"url": "http://127.0.0.1:1/", "secret": "canary-secret"})

    page = call(graph.url, "GET", "/_simulator/")
    settings = call(graph.url, "GET", "/_simulator/settings")

    assert page.headers["Content-Type"].startswith("text/plain")
    assert b"http:STATUS[:CODE[:SUB]]" in page.raw
    assert not any(hidden in page.raw + settings.raw for hidden in (b"canary-secret", TOKEN.encode()))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("script", {"steps": ["fine"]}),
        ("script", {"steps": "ok"}),
        ("script", {"steps": [], "edge": "x"}),
        ("settings", {"lag": 1}),
        ("settings", {"lag_s": -1}),
        ("settings", {"lag_s": "1"}),
        ("settings", {"echo": {"url": "http://x"}}),
        ("settings", {"accounts": {"1": ""}}),
        ("settings", []),
    ],
)
def test_control_room_refuses_nonsense_with_a_sentence(graph, path, body):
    got = call(graph.url, "POST", f"/_simulator/{path}", body)

    assert got.status == 400
    assert got.json["error"].endswith(".")


def test_reset_forgets_all_but_the_settings(graph):
    graph.script_all(["http:400:100*"])
    graph.settings(lag_s=3)
    send(graph, "61")

    call(graph.url, "POST", "/_simulator/reset")

    assert send(graph, "61").status == 200
    assert len(graph.calls()) == 1
    assert call(graph.url, "GET", "/_simulator/settings").json["lag_s"] == 3


def test_unknown_page_is_404_and_unknown_object_is_metas_error(graph):
    assert call(graph.url, "GET", "/_simulator/nothing").status == 404
    assert call(graph.url, "GET", "/v25.0/nothing").code == (100, 33)
    assert call(graph.url, "GET", "/").code == (100, 33)
