"""One message about all that began or ended: what is wrong, since when, what is safe, and where to read on."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from instagram_webhooks.alarms.kinds import KINDS
from instagram_webhooks.conf import conf
from instagram_webhooks.models import Incident

log = logging.getLogger(__name__)

NAMED = 10  # incidents that a message spells out
LIST = "/admin/instagram_webhooks/incident/"
RUNBOOK = "/admin/runbook/"


@dataclass(frozen=True, slots=True)
class Message:
    """What is delivered. message_id: the same for the same news, so that a receiver knows a second delivery."""

    message_id: str
    subject: str
    body: str


def of(incidents: Sequence[Incident]) -> Message:
    """All of them in one; what goes on stands before what is over."""
    ordered = sorted(incidents, key=lambda each: each.ended_at is not None)
    paragraphs = [_paragraph(each) for each in ordered[:NAMED]]
    if len(ordered) > NAMED:
        paragraphs.append(f"And {len(ordered) - NAMED} more: {link(LIST)}")
    return Message(_id(incidents), _subject(ordered), "\n\n".join(paragraphs))


def link(path: str) -> str:
    """The address of one of our pages, as far as it is known."""
    return f"{conf().desk_url}{path}"


def headline(incident: Incident) -> str:
    """What is wrong, as short as a subject."""
    return " ".join(_told(KINDS[incident.kind].headline, incident).split())  # a subject is one line


def says(incident: Incident) -> str:
    """More of it; "" where there is no more to say."""
    return _told(KINDS[incident.kind].says, incident)


def _told(sentence: Callable[[Mapping[str, Any]], str], incident: Incident) -> str:
    """One that lacks a fact, of an earlier release perhaps, must not keep all others untold."""
    try:
        return sentence(incident.facts)
    except (KeyError, TypeError, ValueError, AttributeError):
        log.exception("alarm.unsaid", extra={"kind": incident.kind})
        return f"{incident.kind.replace('_', ' ')} {incident.key}"


def page_of(incident: Incident) -> str:
    """The path of the page to look at."""
    return KINDS[incident.kind].page.path.format(key=incident.key)


def runbook_of(incident: Incident) -> str:
    """The path of what is to be done about it."""
    return f"{RUNBOOK}#{incident.kind}"


def _subject(ordered: Sequence[Incident]) -> str:
    if len(ordered) == 1:
        (one,) = ordered
        return f"Over: {headline(one)}" if one.ended_at else headline(one)
    over = sum(each.ended_at is not None for each in ordered)
    begun = len(ordered) - over
    said = [f"{begun} alert{'' if begun == 1 else 's'}"] if begun else []
    return ", ".join([*said, f"{over} over"] if over else said)


def _paragraph(incident: Incident) -> str:
    since = _at(incident.begun_at)
    if incident.ended_at:
        return f"✓ Over: {headline(incident)}.\nIt was so from {since} to {_at(incident.ended_at)}."
    kind = KINDS[incident.kind]
    lines = [
        f"● {headline(incident)}.",
        " ".join(filter(None, [f"Since {since}.", says(incident)])),
        f"Safe: {kind.safe}",
        f"Look: {link(page_of(incident))}",
        f"Runbook: {link(runbook_of(incident))}",
    ]
    return "\n".join(lines)


def _id(incidents: Sequence[Incident]) -> str:
    news = sorted(f"{each.pk} {each.step} {each.ended_at is not None}" for each in incidents)
    return f"msg_{hashlib.sha256(chr(10).join(news).encode()).hexdigest()[:32]}"


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
