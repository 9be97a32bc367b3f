"""The checker finds what a run did wrong: in a small history and rows written by hand, spoiled one way each."""

import os
import uuid
from dataclasses import dataclass, field

import psycopg
import pytest
import redis

from tests.faults import checker, rest
from tests.faults.history import History
from tests.faults.keys import event_key

ACCOUNT, PERSON = "17841400000000042", "6000000000000042"
# The audit log refuses deletions; a clone for each test would take a second.
EMPTY = """
SET session_replication_role = replica;
DELETE FROM audit_auditentry; DELETE FROM dead_letters_deadletter; DELETE FROM instagram_webhooks_message;
DELETE FROM instagram_webhooks_conversation; DELETE FROM instagram_webhooks_outgoingreply;
DELETE FROM instagram_webhooks_webhookevent;
SET session_replication_role = DEFAULT;
"""
CONVERSATION = """
INSERT INTO instagram_webhooks_conversation (id, provider, account, sealed_partner)
VALUES (%s, 'instagram', 'an account', '')
"""
EVENT = """
INSERT INTO instagram_webhooks_webhookevent
  (event_id, key, provider, kind, account, conversation_id, lane, message_digest, correlation_id, state, reason,
   attempts, starts, fence, received_at, place, order_at, finished_at)
VALUES (%(id)s, %(key)s, 'instagram', %(kind)s, %(account)s, %(talk)s, %(talk)s, %(id)s, 'r.1', 'processed', '',
        1, 0, 1, now(), 1, now(), now())
"""
REPLY = """
INSERT INTO instagram_webhooks_outgoingreply
  (id, event_id, reply_key, conversation_id, provider, account, sealed_text, state, reason, message_digest, lookups,
   error_class, error_code, sent_at, is_held)
VALUES (%(reply)s, %(id)s, %(id)s, %(talk)s, 'instagram', %(account)s, '', 'sent', '', %(reply)s, 0, '', '', now(),
        false)
"""
MESSAGE = """
INSERT INTO instagram_webhooks_message
  (id, conversation_id, author, kind, message_digest, event_id, edit_number, happened_at)
VALUES (gen_random_uuid(), %(talk)s, %(author)s, 'message', %(digest)s, %(id)s, 0, now())
"""
AUDIT = """
INSERT INTO audit_auditentry (id, action, subject_id, detail)
VALUES (gen_random_uuid(), %s, %s, jsonb_strip_nulls(jsonb_build_object('fence', %s::int)))
"""
LETTER = """
INSERT INTO dead_letters_deadletter (id, subject_kind, subject_id, provider, kind, account_label, correlation_id,
  error_class, code, summary, attempts, fingerprint, status, closed_by, close_reason, replays)
VALUES (gen_random_uuid(), 'event', %s, '', '', '', '', '', 'graph_failed', '', 1, gen_random_uuid(), 'open', '', '', 0)
"""
OPEN = "UPDATE instagram_webhooks_webhookevent SET state = 'received', finished_at = NULL, claimable_at = now()"


@dataclass
class Scene:
    """A house at rest with three events of one conversation, two of which were answered."""

    database_url: str
    history: History
    connection: psycopg.Connection
    calls: list = field(default_factory=list)
    ids: dict = field(default_factory=dict)
    talk: uuid.UUID = field(default_factory=uuid.uuid4)

    echoes: list = field(default_factory=lambda: [0])  # how many are on their way, at one look after the other

    def graph_calls(self):
        return self.calls

    def echoes_waiting(self):
        return self.echoes.pop(0) if len(self.echoes) > 1 else self.echoes[0]

    queue = "a-queue"

    def broker(self):
        return redis.Redis.from_url(os.environ["REDIS_URL"])

    def seconds(self, name):
        return {"WEBHOOK_MAX_ATTEMPTS": 3.0}[name]

    def rows(self, sql):
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(sql).fetchall()

    def execute(self, sql, *values):
        self.connection.execute(sql, values)

    def event(self, number, kind="message", *, at_ms=None):
        key = event_key(kind, ACCOUNT, f"m-{number}").hex()
        self.history.write("event", n=number, kind=kind, account=ACCOUNT, person=PERSON,
                           at_ms=at_ms or number, key=key)  # fmt: skip
        values = self.values(number) | {"key": key, "kind": kind}
        self.connection.execute(EVENT, values)
        self.audit(number, "event.processed", 1)
        if kind == "message":
            self.connection.execute(REPLY, values)
            self.connection.execute(MESSAGE, values | {"author": "customer", "digest": values["id"]})
            self.connection.execute(MESSAGE, values | {"author": "service", "digest": values["reply"]})
            self.is_seen(number)

    def values(self, number):
        id_ = self.ids.setdefault(number, uuid.uuid4())
        return {"id": id_, "reply": uuid.uuid5(id_, "reply"), "talk": self.talk, "account": ACCOUNT}

    def post(self, number, *events, at, word="ok", **more):
        self.history.write("invoke", post=number, events=events, t=at, **more)
        self.history.write(word, post=number, status={"ok": 200, "fail": 403}.get(word, 503), seconds=0.1, t=at + 0.1)

    def audit(self, number, action, fence=None):
        self.execute(AUDIT, action, self.ids[number], fence)

    def is_seen(self, number):
        mid = f"r-{number}-{len(self.calls)}"
        self.calls.append({"text": f"re n{number}", "account": ACCOUNT, "recipient": PERSON, "mid": mid, "taken": True})

    def change(self, number, changes):
        self.execute(f"UPDATE instagram_webhooks_webhookevent SET {changes} WHERE event_id = %s", self.ids[number])

    def check(self):
        return checker.check(self, self.history)


@pytest.fixture(scope="module")
def database(template):
    """The URL of a database for all tests of this module."""
    base, name = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[0], f"checked_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield f"{base}/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def scene(database, tmp_path):
    with History(tmp_path / "history.jsonl") as history, psycopg.connect(database, autocommit=True) as connection:
        connection.execute(EMPTY)
        scene = Scene(database, history, connection)
        scene.execute(CONVERSATION, scene.talk)
        scene.event(1)
        scene.event(2)
        scene.event(3, kind="read")
        scene.post(1, 1, at=10.0)
        scene.post(2, 2, 3, at=20.0)
        yield scene


def lost_event(scene):
    scene.history.write("event", n=9, kind="read", account=ACCOUNT, person=PERSON, at_ms=9, key="00" * 16)
    scene.post(9, 9, at=30.0)


def lost_reply(scene):
    scene.calls.pop()


def lost_message(scene):
    scene.execute("DELETE FROM instagram_webhooks_message WHERE author = 'customer' AND event_id = %s", scene.ids[1])


def doubled_reply(scene):
    scene.is_seen(1)


def doubled_row(scene):
    """The same message under another key."""
    values = scene.values(1) | {"id": uuid.uuid4(), "key": uuid.uuid4(), "kind": "message"}
    scene.connection.execute(EVENT, values)
    scene.execute("UPDATE instagram_webhooks_webhookevent SET message_digest = %s WHERE event_id IN (%s, %s)",
                  scene.ids[1], scene.ids[1], values["id"])  # fmt: skip


def disorder(scene):
    scene.calls.reverse()


def reply_without_end(scene):
    scene.execute("UPDATE instagram_webhooks_outgoingreply SET state = 'sending', sent_at = NULL, called_at = now()")


def open_event(scene):
    scene.execute(f"{OPEN} WHERE event_id = %s", scene.ids[3])


def illegal_step(scene):
    scene.audit(1, "event.retrying", 2)
    scene.change(1, "fence = 2")


def end_without_entry(scene):
    scene.change(3, "state = 'dead'")


def fallen_fence(scene):
    scene.audit(1, "event.processed", 1)


def foreign_end(scene):
    scene.change(1, "fence = 4")


def too_many_attempts(scene):
    scene.change(1, "attempts = 4")


def forgery_stored(scene):
    scene.event(9, kind="read")
    scene.post(9, 9, at=30.0, word="fail", forged=True)


def forgery_accepted(scene):
    scene.post(9, 1, at=30.0, forged=True)


def reply_astray(scene):
    scene.calls[0]["recipient"] = "6000000000000001"


@pytest.mark.parametrize(
    ("spoil", "kind", "says"),
    [
        (lost_event, "lost", "n9 read: acknowledged, and there is no row"),
        (lost_reply, "lost", "n2: processed, and the customer got no reply (ledger: sent)"),
        (lost_message, "lost", "n1: 0 messages of the customer in the conversation"),
        (doubled_reply, "doubled", "n1: the customer got 2 replies"),
        (doubled_row, "doubled", "message: 2 rows of one event"),
        (disorder, "disordered", "n1 was answered after n2"),
        (reply_without_end, "stuck", "ended while its reply is in flight"),
        (open_event, "stuck", "still received, overdue"),
        (illegal_step, "illegal", "event.retrying after processed"),
        (end_without_entry, "illegal", "it is dead, and by its audit entries processed"),
        (fallen_fence, "fence", "event.processed with fence 1 after 1"),
        (foreign_end, "fence", "event.processed with fence 1, and the row's is 4"),
        (too_many_attempts, "fence", "4 attempts"),
        (forgery_stored, "unasked", "n9 was never answered 2xx or was forged"),
        (forgery_accepted, "unasked", "post 9: forged, and answered 2xx"),
        (reply_astray, "unasked", "n1: its reply went to another conversation"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_each_violation_is_found_and_told(scene, spoil, kind, says):
    spoil(scene)

    findings = scene.check()

    assert says in "\n".join(getattr(findings, kind)), findings
    assert not findings.is_clean


def test_a_run_without_violation_is_clean(scene):
    findings = scene.check()

    assert findings.is_clean, findings
    assert findings.counts["accepted"] == 3
    assert findings.counts["replies"] == 2
    assert findings.exempt == {}


def test_order_is_asked_only_where_it_was_promised(scene):
    scene.event(4, at_ms=50)
    scene.event(5, at_ms=40)  # happened before, and was posted before the other was acknowledged
    scene.post(4, 4, at=50.0)
    scene.post(5, 5, at=50.05)
    scene.event(7, at_ms=70)
    scene.event(6, at_ms=60)  # died once, and came to its lane's end
    scene.post(6, 6, at=60.0)
    scene.post(7, 7, at=70.0)
    scene.execute(LETTER, scene.ids[6])

    findings = scene.check()

    assert findings.is_clean, findings
    assert sum(count for why, count in findings.exempt.items() if why.startswith("order")) == 2


def test_what_does_not_come_to_rest_is_told_with_its_reason(scene):
    open_event(scene)

    with pytest.raises(rest.NotAtRest, match=r"read state=received .*age_s="):
        rest.come_to_rest(scene, within_s=0)


def test_an_echo_on_its_way_is_waited_for_and_so_is_its_event(scene, monkeypatch):
    monkeypatch.setattr(rest, "POLL_S", 0)
    scene.echoes, looks = [2, 1, 0], iter([0, 0, 0, 1, 0, 0])  # the last echo's event is open at the look after it
    monkeypatch.setattr(scene, "rows", lambda _sql: [{"n": next(looks)}])

    rest.come_to_rest(scene, within_s=60)

    assert list(looks) == []


def test_an_echo_that_never_ends_is_no_rest(scene):
    scene.echoes = [3]

    with pytest.raises(rest.NotAtRest, match="3 echoes"):
        rest.come_to_rest(scene, within_s=0)
