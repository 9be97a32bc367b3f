"""Rows of every kind that the API shows, in an installation that nobody works in; prints a token that may do all."""

import uuid

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.utils import timezone  # noqa: E402
from knox.models import AuthToken  # noqa: E402

from audit.ids import uuid7  # noqa: E402
from dead_letters import batches  # noqa: E402
from dead_letters.bury import BuriedError, bury  # noqa: E402
from instagram_webhooks.replies.first_account import ensure_first_account  # noqa: E402
from instagram_webhooks.replies.proof import AnsweredEvent  # noqa: E402
from instagram_webhooks.states import EventState  # noqa: E402
from tests.desk.builders import a_reply, an_event, with_payload  # noqa: E402


def a_dead_one(number: int) -> None:
    event = with_payload(an_event(state="dead", lane=uuid.UUID(int=number), attempts=3))
    error = BuriedError(error_class="GraphRefused", code=f"refused_{number % 3}", summary="No.", upstream_code=100)
    about = {"provider": event.provider, "kind": event.kind, "account_label": event.account}
    bury(error=error, subject_kind=AnsweredEvent.KIND, subject_id=event.pk, lane=event.lane, order_at=event.order_at,
         correlation_id=event.correlation_id, attempts=3, **about)  # fmt: skip


def stock() -> str:
    """A token of somebody who holds all rights."""
    ensure_first_account()
    for state in EventState.values:
        a_reply(an_event(state=state, lane=uuid7()), state="sent", sent_at=timezone.now())
    for number in range(12):
        a_dead_one(number)
    facts = {"name": "first", "reason": "mended", "actor": "ops", "rate": 1, "stop_percent": 50}
    batches.freeze(uuid7(), {"code": "refused_1"}, until=timezone.now(), **facts)
    _, token = AuthToken.objects.create(User.objects.create_superuser("all"))
    return str(token)


if __name__ == "__main__":
    print(stock())  # noqa: T201
