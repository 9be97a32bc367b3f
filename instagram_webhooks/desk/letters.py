"""What the page of a dead letter says of its event: a verdict for whoever must decide, and where to look."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from dead_letters.models import DeadLetter, Status
from dead_letters.subject import subject_for
from dead_letters.telling import Told
from instagram_webhooks.conf import REPLY_WINDOW_S
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.timeline import Step
from instagram_webhooks.models import Account, Conversation, WebhookEvent

_PASSES = {"graph_failed", "graph_unanswered", "graph_unreachable", "graph_throttled", "outcome_unknown",
           "policy_over_budget", "policy_store_failed"}  # fmt: skip
_ADVICE = {
    "bug": "This is a fault of the program or of the reply policy: a replay helps after a release that mends it.",
    "graph_refused": "Meta refused it for good: a replay fails again until what it refused is put right.",
    "unreadable": "Meta sent something whose shape is not known: a replay helps after a release that reads it.",
    "payload_seal_broken": "Its content cannot be opened: put the missing key back into ENCRYPTION_KEYS, then replay.",
    "worker_killer": "It ended the process that worked on it: a replay does so again, alone, until that is mended.",
    "set_aside": "A person set it aside so that its conversation goes on: a replay brings it back, at the end.",
}
_ASKS_FOR_ANSWER = ("message", "postback", "comment", "live_comment")


def told(letter: DeadLetter) -> Told:
    """The verdict, the pages and the timeline of a letter's event."""
    event = WebhookEvent.objects.filter(pk=letter.subject_id).first()
    if event is None:
        return Told(verdict="Its event is not stored any more.")
    (one,) = shown([event], timeline=True)
    steps = one["timeline"]
    return Told(verdict=_verdict(letter, event, one, steps), links=_links(event), steps=steps)


def _verdict(letter: DeadLetter, event: WebhookEvent, one: Event, steps: Sequence[Step]) -> str:
    if letter.status != Status.OPEN:
        return _closed(letter, one)
    failed = _failed(letter, steps)
    reply = one["reply"]
    if why_not := subject_for(letter.subject_kind).why_not(letter.subject_id):
        return f"{failed} {why_not}"
    if reply and reply["state"] == "sent":
        return f"{failed} Already answered: a replay sends nothing."
    if reply and reply["state"] == "undecided":
        return (
            f"{failed} Nobody knows whether the answer arrived. Look into the conversation in Meta's app, then say "
            "whether it is there. Or replay: that looks it up, and sends only what is certain not to have left."
        )
    closes_at = (event.happened_at or event.received_at) + timedelta(seconds=REPLY_WINDOW_S)
    if event.kind in _ASKS_FOR_ANSWER and closes_at < datetime.now(UTC):
        at = f"{closes_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"{failed} The reply window closed at {at}: a replay stores the message but cannot answer it."
    if letter.code in _PASSES:
        return f"{failed} Such a failure passes by itself: it is safe to replay."
    return f"{failed} {_ADVICE.get(letter.code, 'Nothing was answered: a replay tries it again from the start.')}"


def _closed(letter: DeadLetter, one: Event) -> str:
    by = f" by {letter.closed_by}" if letter.closed_by else ""
    return f"It was {letter.status}{by}. Its event is {one['state']} now."


def _failed(letter: DeadLetter, steps: Sequence[Step]) -> str:
    """How often, over what time, and what came back last."""
    tries = [step for step in steps if step["what"] in ("retry.scheduled", "died")]
    last = tries[-1]["detail"] if tries else {}
    status = last.get("status")
    said = f", last {status}" if status else f", last {letter.code}" if letter.attempts > 1 else ""
    if letter.attempts <= 1:
        return f"Failed at the first attempt{said}."
    span = _span(datetime.fromisoformat(tries[0]["at"]), datetime.fromisoformat(tries[-1]["at"])) if tries else ""
    return f"Failed {letter.attempts} times{span}{said}."


def _span(first: datetime, last: datetime) -> str:
    seconds = (last - first).total_seconds()
    return f" over {seconds / 60:.0f} min" if seconds >= 60 else f" over {seconds:.0f} s"


def _links(event: WebhookEvent) -> list[tuple[str, str]]:
    links = [("Its event", _page("webhookevent", event.pk))]
    if event.conversation_id and Conversation.objects.filter(pk=event.conversation_id).exists():
        links.append(("Its conversation", _page("conversation", event.conversation_id)))
    account = Account.objects.filter(provider=event.provider, account_id=event.account).first()
    return links + ([("Its account", _page("account", account.pk))] if account else [])


def _page(of: str, key: object) -> str:
    return reverse(f"admin:instagram_webhooks_{of}_change", args=[key])
