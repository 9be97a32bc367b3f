"""A text, a token and a phone number go through all that can happen, and are found nowhere but sealed."""

import base64
import os
import uuid

import pytest

from simulator import bodies
from simulator.invented import PHONE_NUMBER_ID
from tests.processes.canary import Ear, broker_texts, database_texts, traces_of
from tests.processes.person import STAFF, Person
from tests.processes.process import until
from tests.processes.product import ACCOUNT, a_message, a_sender

TEXT = f"canary{uuid.uuid4().hex[:12]}"
TOKENS = {ACCOUNT: f"IGcanary{uuid.uuid4().hex}", PHONE_NUMBER_ID: f"WAcanary{uuid.uuid4().hex}"}
PHONE = f"4915{uuid.uuid4().int % 10**9:09d}"
SENDERS = {name: a_sender() for name in ("success", "retry", "death", "bug", "throttled", "lost")}
LETTERS = "/admin/dead_letters/deadletter/"
PAGES = ("instagram_webhooks/account", "instagram_webhooks/webhookevent", "instagram_webhooks/conversation",
         "instagram_webhooks/incident", "dead_letters/deadletter", "audit/auditentry")  # fmt: skip


@pytest.fixture(scope="module")
def product(installation):
    settings = {
        "LOG_LEVEL": "DEBUG", "INSTAGRAM_ACCESS_TOKEN": TOKENS[ACCOUNT], "accounts": TOKENS,
        "REPLY_POLICY": "tests.processes.policies.moody",
    }  # fmt: skip
    with Ear() as ear, installation(ALERT_WEBHOOK_URL=ear.url, **settings) as product:
        product.ear = ear
        product.start("beat", "celery", "-A", "webhooks_project", "beat", "--scheduler", "celery.beat:Scheduler")
        worker = product.starting_worker("-E")
        product.environ |= STAFF
        product.run("manage.py", "createsuperuser", "--noinput")
        product.web()
        until(lambda: " ready." in worker.text(), "the worker is ready")
        yield product


def whatsapp(text):
    now = bodies.message_body("", sender="1", account=ACCOUNT)["entry"][0]["time"]
    return bodies.whatsapp_body(text, sender=PHONE, account="1", mid=f"wamid.{uuid.uuid4().hex}", at_ms=now)


def post_everything(product):
    """Every fate that an event can have, with the canary in each; Meta's ids of the messages."""
    graph = product.graph
    graph.script(SENDERS["retry"], ["http:500"])
    graph.script(SENDERS["lost"], ["reset-after"])
    graph.script(SENDERS["death"], ["http:400:100"])
    graph.script(SENDERS["throttled"], ["http:400:4"])
    mids = {name: f"m-{name}-{uuid.uuid4()}" for name in SENDERS}
    for name, sender in SENDERS.items():
        said = f"{TEXT} explode" if name == "bug" else f"{TEXT} {name}"
        assert product.post(a_message(said, sender=sender, mid=mids[name])).status == 200
    assert product.post(whatsapp(f"{TEXT} by phone"), provider="whatsapp").status == 200
    assert product.post({"object": "instagram", "entry": [{"id": ACCOUNT, "messaging": [TEXT, [PHONE]]}]}).status == 200
    with product.sender(secret="another-secret") as forger:
        assert forger.post(a_message(TEXT)).status == 403
    return mids


@pytest.fixture(scope="module")
def seen(product):
    """All that was shown and written, by place."""
    person = Person(product.url)
    person.submit("/admin/instagram_webhooks/account/add/", {
        "provider": "whatsapp", "account_id": PHONE_NUMBER_ID, "label": "@phone", "new_token": TOKENS[PHONE_NUMBER_ID],
        "token_expires_at_0": "", "token_expires_at_1": "", "replies": "on",
    })  # fmt: skip
    mids = post_everything(product)
    product.all_ended()
    letters = product.rows("SELECT id FROM dead_letters_deadletter WHERE upstream_code = 100")
    for letter in letters:
        path = f"{LETTERS}act/replay/?id={letter['id']}"
        person.submit(path, {"id": str(letter["id"]), "reason": "permission is back"})
    until(lambda: len(product.graph.taken(SENDERS["death"])) == 1, "what died was replayed and answered")
    product.all_ended()
    for page in PAGES:
        person.open_all(f"/admin/{page}/")
    until(lambda: product.ear.heard, "the alert was sent")
    traced = {f"trace {name}": product.run("manage.py", "trace", mids[name]).encode() for name in ("success", "bug")}
    for process in product.started:
        process.kill()
    logs = {f"log {process.log.name}": process.log.read_bytes() for process in product.started}
    alerts = {f"alert {n}": body for n, body in enumerate(product.ear.heard)}
    return logs | alerts | traced | person.pages | database_texts(product) | broker_texts(product)


def test_everything_happened_that_was_to_be_tried(product, seen):
    graph = product.graph
    answered = {name: len(graph.taken(sender)) for name, sender in SENDERS.items()}
    assert answered == dict.fromkeys(SENDERS, 1) | {"bug": 0}
    assert [call.text for call in graph.taken(PHONE)] == [f"re {TEXT} by phone"]
    assert product.states() == {"processed": 6, "dead": 3}  # the bug and two unreadable updates
    assert sum(len(graph.calls(sender, edge="conversations")) for sender in SENDERS.values()) >= 2


def test_what_is_no_secret_is_found_in_each_place_that_is_looked_at(product, seen):
    event = product.rows("SELECT event_id FROM instagram_webhooks_webhookevent WHERE kind = 'message' LIMIT 1")[0]
    places = {place.split()[0] for place, _ in traces_of([str(event["event_id"]), ACCOUNT, "dead letter"], seen)}

    assert {"log", "alert", "trace", "table", "file"} <= places
    assert any(place.startswith("/admin/") for place in places)
    assert len([place for place in seen if place.startswith("/admin/instagram_webhooks/webhookevent/")]) >= 9


@pytest.mark.parametrize("secret", ["text", "token", "phone", "partner"])
def test_nothing_personal_and_no_token_is_found_outside_the_sealed_columns(seen, secret):
    words = {"text": [TEXT], "token": [*TOKENS.values()], "phone": [PHONE], "partner": [*SENDERS.values()]}[secret]

    assert [place for place, _ in traces_of(words, seen)] == []


def test_the_search_would_find_a_canary_in_any_form():
    raw = TEXT.encode()
    written = [raw, raw.hex().encode(), *(base64.b64encode(b"x" * n + raw + b"yz") for n in range(3))]
    hidden = {n: os.urandom(7) + form + os.urandom(7) for n, form in enumerate(written)}

    assert [place for place, _ in traces_of([TEXT], hidden)] == list(hidden)
