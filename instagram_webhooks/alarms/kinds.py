"""
What may be wrong, each kind in words: a headline, a sentence more, what is safe meanwhile, and the page to look at.

The name of a kind is also that of its paragraph in docs/runbook.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Facts = Mapping[str, Any]

_WAITS = {
    "received": "it is ready, but no worker took it",
    "processing": "a worker has it and does not come back",
    "retrying": "it waits for its next attempt",
    "parked": "the account is parked",
}
_TOKEN = {1: "ends within 14 days", 2: "ends within 7 days", 3: "ends within a day", 4: "has ended"}
_STANDS = {"token": "Meta refuses its token", "blocked": "Meta has blocked it"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """headline: what is wrong, as short as a subject. says: a sentence more, or "".

    safe: what harms nobody, and what is lost meanwhile. page: where to look.
    """

    headline: Callable[[Facts], str]
    says: Callable[[Facts], str] = lambda _: ""
    safe: str
    page: "Page"


@dataclass(frozen=True, slots=True)
class Page:
    """A path of the admin, the key to be filled in, and the right that it takes; "": anybody's who may be there."""

    path: str
    right: str = ""


def many(count: int, what: str) -> str:
    """`1 dead letter`, `2 dead letters`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def moment(told: str) -> str:
    """A time of the facts as people read it."""
    return f"{datetime.fromisoformat(told):%Y-%m-%d %H:%M} UTC"


def _cause(of_what: str) -> Callable[[Facts], str]:
    def said(facts: Facts) -> str:
        upstream = f" ({facts['upstream']})" if facts["upstream"] else ""
        failure = f"{facts['error_class']} {facts['code']}{upstream}"
        return f"{many(facts['letters'], 'new dead letter')} {of_what}: {failure}"

    return said


def _of_accounts(facts: Facts) -> str:
    whose = f" Of {', '.join(facts['accounts'])}." if facts["accounts"] else ""
    return f"The first is {facts['letter']}.{whose}"


def _head(facts: Facts) -> str:
    heads = f"{facts['count']:,}{'+' if facts['is_more'] else ''}"
    waits = "1 conversation waits" if heads == "1" else f"{heads} conversations wait"
    fact = f" ({facts['why']})" if facts["why"] else ""
    return f"{waits} too long at {facts['account']}: {_WAITS[facts['state']]}{fact}"


def _refused(facts: Facts) -> str:
    if facts["is_all"]:
        return f"All webhooks of {facts['provider']} are refused: their signature is of no app secret of ours"
    return f"{facts['most']:,} webhooks of {facts['provider']} had a wrong signature in one minute"


def _worker(does: str) -> Callable[[Facts], str]:
    return lambda facts: f"{many(facts['count'], 'worker')} {does} and ended by itself"


def _last(what: str) -> Callable[[Facts], str]:
    return lambda facts: f"The last {what} came at {moment(facts['since'])}." if facts["since"] else "None ever came."


_REPLAY = "The dead letters wait, and their conversations go on. Read what their code means before you replay any."
_CAUSE = Page("/admin/dead_letters/cause/{key}/change/", "dead_letters.view_cause")
_CAUSES = Page("/admin/dead_letters/cause/", "dead_letters.view_cause")
_ACCOUNT = Page("/admin/instagram_webhooks/account/{key}/change/", "instagram_webhooks.view_account")
_BLOCKED = Page("/admin/instagram_webhooks/blockedconversation/", "instagram_webhooks.view_webhookevent")
_ALERTS = Page("/admin/instagram_webhooks/incident/", "instagram_webhooks.view_incident")
_UPKEEP = Page("/admin/instagram_webhooks/turn/", "instagram_webhooks.view_webhookevent")
_FIRST = Page("/admin/")

KINDS: dict[str, Kind] = {
    "new_cause": Kind(
        headline=_cause("of a new cause"),
        says=_of_accounts,
        safe=_REPLAY,
        page=_CAUSE,
    ),
    "recurrence": Kind(
        headline=_cause("of a cause that is back"),
        says=_of_accounts,
        safe=_REPLAY,
        page=_CAUSE,
    ),
    "dead_letter_rate": Kind(
        headline=lambda facts: f"More than {many(facts['bar'], 'dead letter')} within a minute",
        safe=_REPLAY,
        page=_CAUSES,
    ),
    "oldest_event": Kind(
        headline=lambda facts: f"No worker takes what is due: the oldest since {moment(facts['since'])}",
        says=lambda facts: f"It is event {facts['event']}.",
        safe="Everything is stored and goes out by itself once workers keep up; answers are late.",
        page=_BLOCKED,
    ),
    "waiting_head": Kind(
        headline=_head,
        says=lambda facts: f"The longest since {moment(facts['since'])}; in front: {', '.join(facts['events'])}.",
        safe="Only these conversations wait; what is behind each goes on in order once its first event does.",
        page=_BLOCKED,
    ),
    "refused_signatures": Kind(
        headline=_refused,
        safe="Nothing forged was stored. What Meta itself sent and was refused, it delivers again for a while.",
        page=_ALERTS,
    ),
    "deaf_worker": Kind(
        headline=_worker("heard nothing from the broker"),
        says=lambda facts: f"On {facts['host']}, exit code 70.",
        safe="Its events go on at other workers. Its supervisor must start another in its place.",
        page=_ALERTS,
    ),
    "stuck_worker": Kind(
        headline=_worker("had a slot that never came back"),
        says=lambda facts: f"On {facts['host']}, exit code 70.",
        safe="The event is tried again elsewhere, and the third time in a process of its own.",
        page=_BLOCKED,
    ),
    "no_worker": Kind(
        headline=lambda facts: "No worker is alive: nothing is answered",
        says=_last("pulse"),
        safe="Webhooks are still taken and stored; all of them go out in order once a worker runs.",
        page=_FIRST,
    ),
    "silent_beat": Kind(
        headline=lambda facts: "Beat is not heard: nothing daily runs",
        says=_last("message of it"),
        safe="Messages are answered all the same. What beat starts once a day waits until it runs again.",
        page=_UPKEEP,
    ),
    "token_ends": Kind(
        headline=lambda facts: f"The token of {facts['account']} {_TOKEN[facts['step']]}",
        says=lambda facts: f"At {moment(facts['ends'])}.",
        safe="Until then all goes on. After it, events of this account wait and are kept.",
        page=_ACCOUNT,
    ),
    "account_stopped": Kind(
        headline=lambda facts: f"{facts['account']} cannot be worked for: {_STANDS[facts['state']]}",
        safe="Its events are kept and go out in order once it is put right. Replies later than 24 h are not sent.",
        page=_ACCOUNT,
    ),
    "account_silent": Kind(
        headline=lambda facts: f"{facts['account']} has sent nothing for too long",
        says=_last("webhook"),
        safe="Maybe nobody wrote. If Meta delivers nothing, what is written meanwhile does not reach this service.",
        page=_ACCOUNT,
    ),
    "unsubscribed": Kind(
        headline=lambda facts: f"Meta sends no messages of {facts['account']}: it is not subscribed",
        says=lambda facts: str(facts["said"]),
        safe="What is written meanwhile does not reach this service, and is not fetched afterwards.",
        page=_ACCOUNT,
    ),
    "account_check": Kind(
        headline=lambda facts: f"The daily check of {facts['account']} found something wrong",
        says=lambda facts: str(facts["said"]),
        safe="Nothing was changed by the check.",
        page=_ACCOUNT,
    ),
}  # fmt: skip
