"""The check of every account at Meta, once a day; what it finds wrong is an alert until a later check finds it well."""

from django.utils import timezone

from instagram_webhooks.alarms import incidents
from instagram_webhooks.alarms.incidents import Seen
from instagram_webhooks.desk import connection
from instagram_webhooks.desk.findings import Finding, Verdict
from instagram_webhooks.errors import Retryable, WebhookError
from instagram_webhooks.models import Account, AccountState

MOST = 1000  # accounts
SILENT_IN_A_ROW = 3  # so many without an answer, and the others are not asked: each would wait for its deadline
_KINDS = {"Subscription": "unsubscribed"}
_OTHER = "account_check"


def check_accounts() -> dict[str, int]:
    """Asks Meta about all Instagram accounts; how many were well, wrong, and not to be found out.

    An account that Meta says nothing of now keeps what an earlier check found. Neither is one asked about that cannot
    be worked for: `account_stopped` tells of it.
    """
    wrong: dict[str, list[Seen]] = {"unsubscribed": [], _OTHER: []}
    unsure: dict[str, list[str]] = {"unsubscribed": [], _OTHER: []}
    asked_nothing = silent = 0
    now = timezone.now()
    known = Account.objects.filter(provider="instagram").order_by("pk")[:MOST]
    for account in known:
        is_left_alone = account.hand_paused_until is not None and account.hand_paused_until > now
        is_asked = account.state == AccountState.ACTIVE and not is_left_alone and silent < SILENT_IN_A_ROW
        findings = _findings(account) if is_asked else None
        if findings is None:
            for keys in unsure.values():
                keys.append(str(account.pk))
            asked_nothing, silent = asked_nothing + 1, silent + is_asked
            continue
        silent = 0
        first = next((each for each in findings if each.verdict is Verdict.WRONG), None)
        if first is not None:
            wrong[_KINDS.get(first.about, _OTHER)].append(_seen(account, first))
            if first.about not in _KINDS:  # it was not asked further: whether it is subscribed is not known
                unsure["unsubscribed"].append(str(account.pk))
    incidents.note(wrong, lingers_s=0.0, unsure=unsure)
    count = sum(len(seen) for seen in wrong.values())
    return {"well": len(known) - count - asked_nothing, "wrong": count, "unsure": asked_nothing}


def _findings(account: Account) -> list[Finding] | None:
    """What Meta says of it, up to a refusal; None where it says nothing at present."""
    found: list[Finding] = []
    try:
        found.extend(connection.asked(account.account_id, account.token()))
    except Retryable:
        return None
    except WebhookError as exc:
        found.append(connection.refusal("Subscription" if found else "Token", exc))
    return found


def _seen(account: Account, finding: Finding) -> Seen:
    return Seen(key=str(account.pk), facts={"account": str(account), "said": f"{finding.about}: {finding.said}"})
