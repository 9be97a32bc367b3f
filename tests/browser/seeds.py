"""
Rows for the pages of an installation, made in a process of it: the browser's event loop forbids Django in its own.

everyday: something of everything, of an afternoon with trouble. hostile: the same, and every text that somebody
else chose is the worst that its column holds.
"""

from datetime import timedelta

from django.contrib.auth.models import Group, User
from django.utils import timezone
from django_celery_results.models import TaskResult
from knox.models import AuthToken

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import causes
from dead_letters.bury import BuriedError, bury
from dead_letters.models import Cause, DeadLetter, ItemOutcome, ReplayBatch, ReplayItem
from instagram_webhooks.models import Account, Conversation, Incident, Message, Minute, Worker
from instagram_webhooks.vault import seal_text
from tests.browser.hostile import worst
from tests.desk.builders import a_reply, an_event, with_payload

SHOPS = ("@shop_berlin", "@shop_wien", "@cafe_zurich")
IDS = ("17841400000000042", "17841400000000043", "17841400000000044")
DEATHS = (
    ("GraphFailed", "graph_failed", "The Graph API failed.", 2, None, 31),
    ("GraphRefused", "graph_refused", "The Graph API refused the call for good.", 100, None, 9),
    ("KeyError", "bug", "A programming error: KeyError at replies.py answer.", None, ["shop/replies.py:9 answer"], 4),
    ("Unreadable", "unreadable", "The update was signed and could not be read.", None, None, 2),
)  # fmt: skip
NOW = timezone.now()


def ago(**time):
    return NOW - timedelta(**time)


class Text:
    """What stands in a column that somebody else fills: the everyday words, or the worst of that length."""

    def __init__(self, *, is_hostile):
        self._is_hostile = is_hostile

    def of(self, words, longest):
        return worst(longest) if self._is_hostile else words


def on_record(action, row, **told):
    """Past the check of audit.record, which lets no such text in."""
    AuditEntry.objects.create(action=action, subject_id=row.pk, **told)


def accounts(text):
    Account.objects.all().delete()  # a start of the product makes that of its settings
    for n, (label, key) in enumerate(zip(SHOPS, IDS, strict=True)):
        account = Account(provider="instagram", account_id=key, label=text.of(label, 100), state="active")
        account.set_token("IGTEST-a-token")
        if n == 1:
            account.state, account.state_since = "token", ago(minutes=50)
        account.save()


def conversations(text):
    found = []
    for n, key in enumerate(IDS * 4):
        conversation_id = uuid7()
        found.append(Conversation.objects.create(
            id=conversation_id, provider="instagram", account=key, last_message_at=ago(minutes=n + 1),
            sealed_partner=seal_text("6120000000000042", place=Conversation.PARTNER_PLACE, row_id=conversation_id),
            last_reply_at=ago(minutes=n, seconds=56), created_at=ago(hours=n),
        ))  # fmt: skip
        for m in range(4):
            author = ("customer", "service")[m % 2]
            kind = text.of("message", 32) if m == 2 else "message"
            Message.objects.create(conversation=found[-1], author=author, kind=kind, message_digest=uuid7(),
                                   happened_at=ago(minutes=n + 4 - m))  # fmt: skip
    return found


def events(text, spoken):
    """Some of each state, among them a conversation that is blocked."""
    states = ("processed",) * 6 + ("ignored", "retrying", "parked", "processed", "received")
    for n in range(44):
        state, conversation = states[n % len(states)], spoken[n % len(spoken)]
        event = an_event(
            state=state, received_at=ago(minutes=3 * n, seconds=17), account=conversation.account,
            lane=conversation.pk if state in ("retrying", "parked", "processed") else None,
            kind=text.of("message", 32) if n % 7 == 0 else ("message", "reaction", "postback")[n % 3],
            correlation_id=text.of(f"{uuid7()}.1", 80) if n == 0 else f"{uuid7()}.1", attempts=n % 3,
        )  # fmt: skip
        if state == "processed":
            a_reply(event, state="sent", sent_at=event.received_at, called_at=event.received_at, message_digest=uuid7())
        if state == "retrying":
            on_record("event.retrying", event, attempt=1, detail={"code": "graph_failed", "status": 503})


def letters(text, spoken):
    for name, code, summary, number, frames, count in reversed(DEATHS):
        error = BuriedError(error_class=text.of(name, 150), code=text.of(code, 64), upstream_code=number, frames=frames
                            and [text.of(each, 10_000) for each in frames], summary=text.of(summary, 300))  # fmt: skip
        for n in range(count):
            at, conversation = ago(minutes=7 * n + 2), spoken[n % len(spoken)]
            came = at - timedelta(minutes=6)
            event = with_payload(an_event(state="dead", received_at=came, account=conversation.account,
                                          lane=conversation.pk, attempts=3))  # fmt: skip
            on_record(
                "event.retrying", event, attempt=1, at=came, detail={"status": 503, "code": text.of(code, 10_000)}
            )
            on_record("event.failed", event, attempt=3, at=at, detail={"status": 503, "code": text.of(code, 64)})
            letter = bury(
                subject_kind="instagram_webhooks.event", subject_id=event.pk, lane=event.lane, order_at=event.order_at,
                provider="instagram", kind="message", account_label=conversation.account,
                correlation_id=event.correlation_id, error=error, attempts=3,
            )  # fmt: skip
            DeadLetter.objects.filter(pk=letter).update(created_at=at)
    for seen in Cause.objects.all():
        seen.first_seen_at = DeadLetter.objects.filter(cause=seen).earliest("created_at").created_at
        seen.save(update_fields=["first_seen_at"])
    causes.keep()
    cause = Cause.objects.order_by("id").first()
    Cause.objects.filter(pk=cause.pk).update(state="acknowledged", changed_by=text.of("anna", 150), changed_at=NOW,
                                             note=text.of("Meta's status page says: until noon.", 500))  # fmt: skip


def batches(text):
    """One that runs, and one that has ended."""
    chosen = list(DeadLetter.objects.order_by("created_at")[:30])
    for name, state in (("the refused ones", "stopped"), ("503 of 24 Nov", "running")):
        has_ended = state == "stopped"
        batch = ReplayBatch.objects.create(
            id=uuid7(), name=text.of(name, 100), chosen={"code": text.of("graph_failed", 64)}, state=state, rate=20,
            reason=text.of("Meta is back", 500), actor=text.of("anna", 150), stop_percent=10, total=len(chosen),
            ended_at=ago(hours=1) if has_ended else None, why=text.of("a person stopped it", 200) if has_ended else "",
        )  # fmt: skip
        outcomes = [*[ItemOutcome.PROCESSED] * 17, ItemOutcome.FAILED, *[ItemOutcome.SKIPPED] * 3]
        ReplayItem.objects.bulk_create(
            ReplayItem(batch=batch, place=n, letter_id=letter.pk, subject_id=letter.subject_id, done_at=NOW,
                       outcome=outcomes[n] if n < len(outcomes) else "waiting",
                       why=text.of("it is answered already", 200) if 17 < n < len(outcomes) else "")
            for n, letter in enumerate(chosen)
        )  # fmt: skip
        on_record("replay_batch.started", batch, actor=text.of("anna", 150), reason=text.of("Meta is back", 500),
                  detail={"count": len(chosen)})  # fmt: skip


def alerts(text):
    """One that goes on and one that is over, as the upkeep of a worker writes them."""
    facts = {"account": text.of("@shop_wien", 100), "said": text.of("Subscription: messages is missing.", 300)}
    for ended_at in (None, ago(hours=2)):
        Incident.objects.create(kind="unsubscribed", key=str(uuid7()), facts=facts, begun_at=ago(hours=3),
                                seen_at=ago(minutes=1), ended_at=ended_at, mailed_at=ago(hours=3))  # fmt: skip


def people(text):
    reader = User.objects.create_user("reader", password="correct horse battery", is_staff=True)  # may do nothing
    other = User.objects.create_user(text.of("berta", 150), first_name=text.of("Berta", 150), is_staff=True)
    Group.objects.create(name=text.of("Operators", 150))
    for user in (reader, other):
        AuthToken.objects.create(user)
    name = text.of("instagram_webhooks.housekeeping", 255)
    TaskResult.objects.create(task_id=text.of(str(uuid7()), 255), task_name=name, status="FAILURE",
                              result=text.of("{}", 10_000), traceback=text.of("None", 10_000))  # fmt: skip


def service():
    """A worker that lives as long as the test, and a day of minutes."""
    Worker.objects.create(host="app-1", pid=7, pool="threads", slots=5, started_at=ago(hours=9),
                          pulse_at=NOW + timedelta(hours=1))  # fmt: skip
    this = NOW.replace(second=0, microsecond=0)
    Minute.objects.bulk_create(
        Minute(minute=this - timedelta(minutes=n), received=(n * 7919) % 23 + (60 if 40 < n < 90 else 8),
               processed=(n * 7919) % 23 + (20 if 40 < n < 90 else 8), dead=(n % 3 if 40 < n < 90 else 0), p50_ms=412,
               p95_ms=1907)
        for n in range(1, 1441)
    )  # fmt: skip


def fill(kind):
    text = Text(is_hostile=kind == "hostile")
    accounts(text)
    spoken = conversations(text)
    events(text, spoken)
    letters(text, spoken)
    batches(text)
    alerts(text)
    people(text)
    service()
