import json
import time

import pytest

from simulator.meta_wire import sign
from tests.simulator.wires import SHOP, call, send, wait_for


def to(receiver, **more):
    return {"url": receiver.url, "secret": "app-secret", **more}


def test_taken_message_comes_back_as_a_signed_echo_of_the_same_id(graph, receiver):
    graph.settings(echo=to(receiver))

    mid = send(graph, "61", "Grüße").json["message_id"]

    [(named, raw)] = wait_for(lambda: receiver.got)
    assert named["x-hub-signature-256"] == sign(raw, "app-secret")
    [entry] = json.loads(raw)["entry"]
    [item] = entry["messaging"]
    assert (entry["id"], item["sender"]["id"], item["recipient"]["id"]) == (SHOP, SHOP, "61")
    assert item["message"] == {"mid": mid, "text": "Grüße", "is_echo": True}


def test_echo_comes_before_the_answer_when_told_so(graph, receiver):
    graph.settings(echo=to(receiver, delay_s=-0.05))
    started = time.monotonic()

    mid = send(graph, "61").json["message_id"]

    [(_, raw)] = receiver.got  # there already, nothing was waited for
    assert mid.encode() in raw
    assert time.monotonic() - started >= 0.05


def test_echo_comes_also_when_the_answer_never_does(graph, receiver):
    graph.settings(echo=to(receiver))
    graph.script("61", ["reset-after"])

    try:
        send(graph, "61")
    except ConnectionResetError:
        wait_for(lambda: receiver.got)


def test_refused_message_has_no_echo(graph, receiver):
    graph.settings(echo=to(receiver))
    graph.script("61", ["http:400:100"])

    send(graph, "61", "refused")
    send(graph, "61", "taken")

    wait_for(lambda: receiver.got)
    assert [b"refused" in raw for _, raw in receiver.got] == [False]


def test_echoes_not_taken_are_counted(graph, receiver):
    receiver.status = 503
    graph.settings(echo=to(receiver))

    send(graph, "61")

    wait_for(lambda: graph.summary()["echoes"]["failed"] == 1)
    assert graph.summary()["echoes"]["posted"] == 0


def test_echo_waits_for_its_delay(graph, receiver):
    graph.settings(echo=to(receiver, delay_s=60))

    send(graph, "61")

    wait_for(lambda: graph.summary()["echoes"]["waiting"] == 1)
    assert receiver.got == []


def test_echo_that_is_not_answered_yet_is_still_waited_for(graph, receiver):
    receiver.answers.clear()
    graph.settings(echo=to(receiver))

    send(graph, "61")
    wait_for(lambda: receiver.got)
    unanswered = graph.summary()["echoes"]
    receiver.answers.set()

    assert (unanswered["waiting"], unanswered["posted"]) == (1, 0)
    wait_for(lambda: graph.summary()["echoes"] == {"posted": 1, "failed": 0, "waiting": 0, "dropped": 0})


@pytest.mark.parametrize(("provider", "given_back"), [("facebook", "reply-1"), ("instagram", None)])
def test_messenger_gives_back_what_was_attached_and_instagram_does_not(graph, receiver, provider, given_back):
    graph.settings(echo=to(receiver, provider=provider))

    body = {"recipient": {"id": "61"}, "message": {"text": "Hello", "metadata": "reply-1"}}
    call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body)

    [(_, raw)] = wait_for(lambda: receiver.got)
    assert json.loads(raw)["entry"][0]["messaging"][0]["message"].get("metadata") == given_back


def test_whatsapp_tells_of_a_message_by_a_status_with_what_was_attached(graph, receiver):
    graph.settings(echo=to(receiver, provider="whatsapp", status="failed"))

    body = {"messaging_product": "whatsapp", "to": "15550100042", "type": "text", "text": {"body": "Hello"}}
    wamid = call(graph.url, "POST", f"/v25.0/{SHOP}/messages", {**body, "biz_opaque_callback_data": "reply-1"})

    [(_, raw)] = wait_for(lambda: receiver.got)
    [status] = json.loads(raw)["entry"][0]["changes"][0]["value"]["statuses"]
    assert (status["id"], status["status"]) == (wamid.json["messages"][0]["id"], "failed")
    assert (status["biz_opaque_callback_data"], status["errors"][0]["code"]) == ("reply-1", 131026)


def test_more_than_may_be_attached_is_refused(graph):
    body = {"recipient": {"id": "61"}, "message": {"text": "Hello", "metadata": "x" * 1001}}

    assert call(graph.url, "POST", f"/v25.0/{SHOP}/messages", body).code == (100, None)
