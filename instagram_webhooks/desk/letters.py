"""What the page of a dead letter says of its event: a verdict for whoever must decide, and where to look."""

from collections.abc import Sequence
from datetime import UTC, datetime

from audit.pages.links import that_may_be_seen
from dead_letters.models import DeadLetter, Status
from dead_letters.subject import Outlook, subject_for
from dead_letters.telling import Allowed, Told
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.step_words import lines
from instagram_webhooks.desk.telling import of_answer
from instagram_webhooks.desk.timeline import Step
from instagram_webhooks.models import Account, Conversation, WebhookEvent
from instagram_webhooks.replies.policy import reply_deadline
from instagram_webhooks.states import ReplyState

_PASSES = {"graph_failed", "graph_unanswered", "graph_unreachable", "graph_throttled", "outcome_unknown",
           "policy_over_budget", "policy_store_failed"}  # fmt: skip
_ADVICE = {
    "bug": "This is a fault of the program or of the reply policy: a replay helps after a release that mends it.",
    "graph_refused": "Meta refused it for good: a replay fails again until what it refused is put right.",
    "unreadable": "Meta sent something whose shape is not known: a replay helps after a release that reads it.",
    "payload_seal_broken": "It stays sealed: put the missing key back into ENCRYPTION_KEYS, then replay.",
    "worker_killer": "It ended the process that worked on it: a replay does so again, alone, until that is mended.",
    "set_aside": "A person set it aside so that its conversation goes on: a replay brings it back, at the end.",
}
_KEEPS = (ReplyState.PLANNED, ReplyState.FAILED)


def told(letter: DeadLetter, allowed: Allowed) -> Told:
    """The verdict, and the pages and the timeline of a letter's event as far as they may be seen."""
    event = WebhookEvent.objects.filter(pk=letter.subject_id).first()
    if event is None:
        return Told(verdict="Its event is not stored any more.")
    (one,) = shown([event], timeline=True)
    steps = one["timeline"]
    verdict = _closed(letter, one) if letter.status != Status.OPEN else _verdict(letter, event, one, steps)
    may_see = allowed("instagram_webhooks.view_webhookevent")
    return Told(verdict=verdict, links=_links(event, allowed), steps=lines(steps) if may_see else ())


def _verdict(letter: DeadLetter, event: WebhookEvent, one: Event, steps: Sequence[Step]) -> str:
    """How it failed, what helps, what a replay would do about the answer; a sentence each, the gravest first."""
    subject = subject_for(letter.subject_kind)
    said = [_failed(letter, steps)]
    if why_not := subject.why_not(letter.subject_id):
        return f"{said[0]} {why_not[:1].upper()}{why_not[1:]}."
    said += [_ADVICE[letter.code]] if letter.code in _ADVICE else []
    outlook = subject.outlooks([letter.subject_id]).get(letter.subject_id, Outlook())
    if outlook.is_in_doubt:
        said.append("Look into the conversation in Meta's app, and say here whether the answer is there.")
    said += [outlook.on_replay] if outlook.on_replay else _of_answer(letter, event, one, is_late=outlook.is_late)
    conversation = _conversation(event)
    if conversation and conversation.last_human_at and conversation.last_human_at > event.received_at:
        said.append("A person has answered in the conversation since.")
    return " ".join(said)


def _of_answer(letter: DeadLetter, event: WebhookEvent, one: Event, *, is_late: bool) -> list[str]:
    """What a replay does about an answer that has not left."""
    if is_late:
        closed_at = reply_deadline(event).astimezone(UTC)
        return [f"The reply window closed at {closed_at:%Y-%m-%d %H:%M} UTC: a replay cannot answer it."]
    if one["reply"] and one["reply"]["state"] in _KEEPS:
        return ["A replay sends the answer that was decided then, word for word, and asks the reply policy no more."]
    if letter.code in _PASSES:
        return ["Nothing was answered, and such a failure passes by itself: it is safe to replay."]
    return [] if letter.code in _ADVICE else ["Nothing was answered: a replay tries it again from the start."]


def _closed(letter: DeadLetter, one: Event) -> str:
    """Who closed it, and what came of its event."""
    by = f" by {letter.closed_by}" if letter.closed_by else ""
    said = f"It was {letter.status}{by}. Its event is {one['state']} now."
    if one["state"] == "processed":
        return f"{said} {of_answer(one)}".rstrip()
    newest = one["dead_letters"][-1:]
    if letter.status == Status.REPLAYED and one["state"] == "dead" and newest != [str(letter.pk)]:
        return f"{said} It died again, as dead letter {newest[0]} tells."
    return said


def _failed(letter: DeadLetter, steps: Sequence[Step]) -> str:
    """How often since it last went to work, over what time, and what came back last."""
    since = max((n for n, step in enumerate(steps) if step["what"] == "replayed"), default=0)
    tries = [step for step in steps[since:] if step["what"] in ("retry.scheduled", "died")]
    if not letter.attempts:
        return "It was tried not once."
    status = tries[-1]["detail"].get("status") if tries else None
    last = status or ("" if letter.code == "set_aside" else letter.code)
    said = f", last {last}" if last else ""
    if letter.attempts == 1:
        return f"Failed at the first attempt{said}."
    span = _span(datetime.fromisoformat(tries[0]["at"]), datetime.fromisoformat(tries[-1]["at"])) if tries else ""
    return f"Failed {letter.attempts} times{span}{said}."


def _span(first: datetime, last: datetime) -> str:
    seconds = (last - first).total_seconds()
    return f" over {seconds / 60:.0f} min" if seconds >= 60 else f" over {seconds:.0f} s"


def _conversation(event: WebhookEvent) -> Conversation | None:
    if event.conversation_id is None:
        return None
    return Conversation.objects.filter(pk=event.conversation_id).defer("sealed_partner").first()


def _links(event: WebhookEvent, allowed: Allowed) -> list[tuple[str, str]]:
    """To the pages that there are and that may be seen."""
    conversation = _conversation(event)
    of_account = Account.objects.filter(provider=event.provider, account_id=event.account)
    pages = (
        ("Its event", "instagram_webhooks.webhookevent", event.pk),
        ("Its conversation", "instagram_webhooks.conversation", conversation and conversation.pk),
        ("Its account", "instagram_webhooks.account", of_account.values_list("pk", flat=True).first()),
    )
    return that_may_be_seen(pages, allowed)
