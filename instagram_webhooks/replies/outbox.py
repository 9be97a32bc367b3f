"""
The outbound ledger: every SQL on replies.

A reply is committed as `sending` before the call, so that after a crash it is known that it may
have left. Callers hold the event's fence in the same transaction (inbox/finish.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from audit.ids import uuid7
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import WebhookError
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import OutgoingReply
from instagram_webhooks.states import MAY_HAVE_LEFT, ReplyState
from instagram_webhooks.vault import digest, message_digest, open_text, seal_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A row of the ledger. Ages are seconds by the database's clock.

    ended_s: since the call ended; of a worker that died, since its deadline was over (negative: not yet).
    absent_s: since the first look-up that did not find it, or None.
    """

    id: UUID
    state: ReplyState
    sealed_text: bytes = field(repr=False)
    called_at: datetime | None
    ended_s: float
    absent_s: float | None
    lookups: int
    error_class: str
    error_code: str
    graph_code: int | None
    graph_subcode: int | None

    def text(self) -> str:
        """What is to be sent, in plain."""
        return open_text(self.sealed_text, place=OutgoingReply.PLACE, row_id=self.id)


_FIND = """
SELECT id, state, sealed_text, called_at,
       coalesce(extract(epoch FROM clock_timestamp()
                          - coalesce(ended_at, called_at + make_interval(secs => %(deadline)s))), 0)::float8,
       extract(epoch FROM clock_timestamp() - absent_at)::float8,
       lookups, error_class, error_code, graph_code, graph_subcode
  FROM instagram_webhooks_outgoingreply WHERE event_id = %(event_id)s
"""
_COLUMNS = ("id", "state", "sealed_text", "called_at", "ended_s", "absent_s", "lookups",
            "error_class", "error_code", "graph_code", "graph_subcode")  # fmt: skip
_INSERT = """
INSERT INTO instagram_webhooks_outgoingreply
  (id, event_id, reply_key, conversation_id, provider, account, sealed_text, state, reason, lookups,
   error_class, error_code, called_at, is_held)
VALUES (%(id)s, %(event_id)s, %(reply_key)s, %(conversation_id)s, %(provider)s, %(account)s, %(sealed_text)s,
        %(state)s, %(reason)s, 0, '', '', CASE WHEN %(state)s = 'sending' THEN clock_timestamp() END, false)
ON CONFLICT DO NOTHING RETURNING id
"""
# For many at once, as common table expressions over what still belongs to its claim.
WRITTEN = """written AS (
  INSERT INTO instagram_webhooks_outgoingreply
    (id, event_id, reply_key, conversation_id, provider, account, sealed_text, state, reason, lookups,
     error_class, error_code, called_at, is_held)
  SELECT i.reply_id, i.event_id, i.reply_key, i.conversation_id, i.provider, i.account, i.text, 'sending', '', 0,
         '', '', clock_timestamp(), false
    FROM held i
  ON CONFLICT DO NOTHING RETURNING event_id, id
)"""
SENT = """sent AS (
  UPDATE instagram_webhooks_outgoingreply r
     SET state = 'sent', message_digest = i.digest, sent_at = coalesce(r.sent_at, now())
    FROM done i
   WHERE r.id = i.reply_id AND (r.message_digest IS NULL OR r.message_digest = i.digest)
)"""
# As the index of that name has it: nobody knows whether it arrived, or only a person does.
_UNPROVEN = "state IN ('undecided', 'sent') AND message_digest IS NULL"


def find(event_id: UUID) -> Reply | None:
    """The reply of an event, if one was ever decided."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"event_id": event_id, "deadline": conf().graph_deadline_s})
        row = cursor.fetchone()
    if row is None:
        return None
    found = dict(zip(_COLUMNS, row, strict=True))
    return Reply(**found | {"state": ReplyState(found["state"]), "sealed_text": bytes(found["sealed_text"])})


def key_of(claim: Claim, message_id: str | None) -> UUID:
    """The key of what is answered: of Meta's message where it has an id, else of the event."""
    return digest("reply", claim.provider, claim.account, message_id or str(claim.event_id))


def write(claim: Claim, text: str, *, state: ReplyState, message_id: str | None) -> UUID | None:
    """The id of a new reply, planned or sending; None where the message was answered by another event.

    message_id: Meta's id of what is answered. One tap can arrive as a message and as a postback.
    """
    if reply_id := _insert(claim, text, state=state, reason="", message_id=message_id):
        return reply_id
    # Either this very transaction was committed before and only its answer was lost, or another event was first.
    own = OutgoingReply.objects.filter(event_id=claim.event_id).values_list("id", flat=True).first()
    if own is None:
        withhold(claim, "", "answered", message_id=message_id)
    return own


def withhold(claim: Claim, text: str, reason: str, *, message_id: str | None) -> None:
    """Notes that nothing is sent, and why; the text that would have been sent is kept sealed."""
    _insert(claim, text, state=ReplyState.WITHHELD, reason=reason, message_id=message_id)


def _insert(claim: Claim, text: str, *, state: ReplyState, reason: str, message_id: str | None) -> UUID | None:
    reply_id = uuid7()
    values = {
        "id": reply_id,
        "event_id": claim.event_id,
        "reply_key": key_of(claim, message_id),
        "conversation_id": claim.conversation_id,
        "provider": claim.provider,
        "account": claim.account,
        "sealed_text": seal_text(text, place=OutgoingReply.PLACE, row_id=reply_id),
        "state": state,
        "reason": reason,
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        row = cursor.fetchone()
    return row[0] if row else None


def sending(reply_id: UUID) -> None:
    """The call is about to be made; what an earlier look-up found no longer counts."""
    _update(
        "state = 'sending', called_at = clock_timestamp(), ended_at = NULL, absent_at = NULL, lookups = 0,"
        " is_held = false"
        " WHERE id = %(id)s AND state IN ('planned', 'failed', 'sending', 'undecided')",
        {"id": reply_id},
    )


def sent(reply_id: UUID, message_id: str) -> UUID:
    """The reply reached Meta under this id; the digest of it. Accepts one that an echo already proved."""
    found = message_digest(message_id)
    _update(
        "state = 'sent', message_digest = %(digest)s, sent_at = coalesce(sent_at, now())"
        " WHERE id = %(id)s AND (message_digest IS NULL OR message_digest = %(digest)s)",
        {"id": reply_id, "digest": found},
    )
    return found


def planned(reply_id: UUID, error: WebhookError) -> None:
    """Nothing left, or Meta refused it for now: it may be sent without a look-up."""
    _failed(reply_id, error, "state = 'planned'")


def failed(reply_id: UUID, error: WebhookError) -> None:
    """Meta refused it for good."""
    _failed(reply_id, error, "state = 'failed'")


def unknown(reply_id: UUID, error: WebhookError) -> None:
    """It may have left; it stays in `sending`."""
    _failed(reply_id, error, "state = 'sending'")


def never_left(reply_id: UUID) -> None:
    """A look-up proved that it did not leave; a replay may send it."""
    _update("state = 'failed' WHERE id = %(id)s AND state IN ('sending', 'undecided')", {"id": reply_id})


def withhold_planned(reply_id: UUID, reason: str) -> None:
    """What was planned is not sent after all."""
    _update(
        "state = 'withheld', reason = %(reason)s"
        " WHERE id = %(id)s AND state IN ('planned', 'failed', 'sending', 'undecided')",
        {"id": reply_id, "reason": reason},
    )


def withhold_of_event(event_id: UUID, reason: str) -> None:
    """What an event had planned is not sent, since the event itself asks for nothing any more."""
    _update(
        "state = 'withheld', reason = %(reason)s WHERE event_id = %(event_id)s AND state IN ('planned', 'failed')",
        {"event_id": event_id, "reason": reason},
    )


def may_have_left(event_id: UUID) -> bool:
    """Whether the reply of an event must be looked up before anything else."""
    return OutgoingReply.objects.filter(event_id=event_id, state__in=MAY_HAVE_LEFT).exists()


def undecided(event_id: UUID) -> bool:
    """Whether the event dies while its reply may have left: a person must find out, and nothing waits for it."""
    return bool(
        _update(
            "state = 'undecided', absent_at = NULL, lookups = 0"
            " WHERE event_id = %(event_id)s AND state IN ('sending', 'undecided')",
            {"event_id": event_id},
        )
    )


def arrived(reply_id: UUID, digest_of_message: UUID | None, *, at: datetime) -> bool:
    """A reply of unknown outcome was sent, by a person's word (without Meta's id of it) or by an echo; or its id."""
    return bool(
        _update(
            "state = 'sent', sent_at = coalesce(sent_at, %(at)s), message_digest = %(digest)s,"
            " echoed_at = CASE WHEN %(digest)s::uuid IS NOT NULL THEN clock_timestamp() END"
            f" WHERE id = %(id)s AND {_UNPROVEN}",
            {"id": reply_id, "digest": digest_of_message, "at": at},
        )
    )


def send_again(event_id: UUID) -> bool:
    """A reply of unknown outcome did not arrive, by a person's word: it is sent without a look-up."""
    return bool(
        _update(
            "state = 'planned', absent_at = NULL, lookups = 0 WHERE event_id = %(event_id)s AND state = 'undecided'",
            {"event_id": event_id},
        )
    )


def hold(reply_id: UUID) -> None:
    """Its event waits for the account from now on; replies/waking.py wakes it."""
    _update("is_held = true WHERE id = %(id)s", {"id": reply_id})


def unhold_awake(provider: str, account: str) -> None:
    """Forgets to hold what is due by now, or ended; not what a worker has, which may be about to wait again."""
    _update(
        "is_held = false FROM instagram_webhooks_webhookevent e"
        " WHERE is_held AND instagram_webhooks_outgoingreply.provider = %(provider)s"
        " AND instagram_webhooks_outgoingreply.account = %(account)s"
        " AND e.event_id = instagram_webhooks_outgoingreply.event_id AND e.state <> 'processing'"
        " AND (e.state <> 'retrying' OR e.claimable_at <= clock_timestamp())",
        {"provider": provider, "account": account},
    )


def looked_up(reply_id: UUID, *, absent: bool) -> None:
    """Notes a look-up since the last call; `absent`: the listing lacked the reply."""
    _update(
        "lookups = lookups + 1,"
        " absent_at = CASE WHEN %(absent)s THEN coalesce(absent_at, clock_timestamp()) ELSE absent_at END"
        " WHERE id = %(id)s AND state IN ('sending', 'undecided')",
        {"id": reply_id, "absent": absent},
    )


def _failed(reply_id: UUID, error: WebhookError, change: str) -> None:
    _update(
        f"{change}, ended_at = clock_timestamp(), error_class = %(class)s, error_code = %(code)s,"
        " graph_code = %(graph)s, graph_subcode = %(sub)s"
        " WHERE id = %(id)s AND state IN ('sending', 'planned', 'undecided')",
        {
            "id": reply_id,
            "class": type(error).__name__,
            "code": error.code,
            "graph": error.facts.get("graph_code"),
            "sub": error.facts.get("graph_subcode"),
        },
    )


def _update(change: str, values: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE instagram_webhooks_outgoingreply SET {change}", values)
        return int(cursor.rowcount)


def confirm_by_echo(digest_of_message: UUID) -> bool:
    """Whether a message that Meta echoed is one of ours; notes the first echo."""
    return bool(
        _update(
            "echoed_at = coalesce(echoed_at, clock_timestamp()) WHERE message_digest = %(digest)s",
            {"digest": digest_of_message},
        )
    )


def is_ours(digest_of_message: UUID) -> bool:
    """Whether some row of the ledger already owns this message of Meta's."""
    return OutgoingReply.objects.filter(message_digest=digest_of_message).exists()


def unproven(conversation_id: UUID, *, called_by: datetime, called_since: datetime | None) -> list[UUID]:
    """The events of this conversation whose reply an echo can still prove, in the order of the calls."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_id FROM instagram_webhooks_outgoingreply"
            f" WHERE conversation_id = %s AND {_UNPROVEN} AND called_at <= %s"
            " AND called_at >= coalesce(%s::timestamptz, '-infinity') ORDER BY called_at, id",
            [conversation_id, called_by, called_since],
        )
        return [row[0] for row in cursor.fetchall()]


def in_flight(conversation_id: UUID) -> bool:
    """Whether a reply of this conversation may be on its way."""
    return OutgoingReply.objects.filter(conversation_id=conversation_id, state=ReplyState.SENDING).exists()
