"""Telling ops about new dead letters: one message a minute for all of them, by mail, to a URL, or both.

Whoever has a pulse calls `send_due()` again and again. A letter counts as alerted once its message was
delivered, so a process that dies in between makes a second message, never a missing one.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import mail_admins
from django.db import connection, transaction

from audit.columns import ClockTimestamp
from dead_letters.models import DeadLetter

log = logging.getLogger(__name__)

PAUSE_S = 60  # between two tries, over all processes
_TIMEOUT_S = 5
_AT_ONCE = 10_000
_NAMED = 10  # letters and causes that a message spells out
_LOCK = 7_162_394_051  # any number that no other advisory lock of this service uses

_CLAIM = """
UPDATE dead_letters_deadletter
   SET alert_tried_at = clock_timestamp()
 WHERE id IN (SELECT id FROM dead_letters_deadletter WHERE alerted_at IS NULL ORDER BY id LIMIT %s)
   AND NOT EXISTS (SELECT FROM dead_letters_deadletter
                    WHERE alert_tried_at > clock_timestamp() - make_interval(secs => %s))
RETURNING id, error_class, code, upstream_code
"""

Deliver = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class _Fresh:
    letter_id: uuid.UUID
    error_class: str
    code: str
    upstream_code: int | None

    @property
    def cause(self) -> str:
        upstream = "" if self.upstream_code is None else f" ({self.upstream_code})"
        return f"{self.error_class.rpartition('.')[2]} {self.code}{upstream}"


def is_configured() -> bool:
    """Whether anybody is to be told at all."""
    return bool(settings.ALERT_WEBHOOK_URL or settings.ADMINS)


def deliver(subject: str, message: str) -> None:
    """Send one alert to ALERT_WEBHOOK_URL and by mail to ADMINS, whichever of them is set."""
    if settings.ADMINS:
        mail_admins(subject, message, fail_silently=False)
    url: str = settings.ALERT_WEBHOOK_URL
    if not url:
        return
    import requests  # a hundred modules in every process, for what most never send

    # The URL is a secret of its chat; it must not follow a redirect, and no error that quotes it is logged.
    # Only the status is read: a receiver that drips its answer would hold up the upkeep.
    with requests.post(
        url, json={"text": f"{subject}\n{message}"}, timeout=_TIMEOUT_S, allow_redirects=False, stream=True
    ) as answer:
        if not answer.ok or answer.is_redirect:
            raise requests.HTTPError(f"status {answer.status_code}")


def send_due(*, deliver: Deliver = deliver, pause_s: float = PAUSE_S) -> int:
    """The number of dead letters that an alert has now told of; 0 where none is new or it is not time yet.

    Where nobody is to be told, letters stay untold, for the day that an address is set.
    A failed delivery is logged and tried again after the pause; only a database error leaves here.
    """
    if not is_configured() or not DeadLetter.objects.filter(alerted_at__isnull=True).exists():
        return 0
    fresh = _claim(pause_s)
    if not fresh:
        return 0
    try:
        deliver(*_message(fresh))
    except Exception as error:  # noqa: BLE001  # whatever mail or HTTP may raise: the next try is due anyway
        log.warning("alert.failed", extra={"count": len(fresh), "error_class": type(error).__name__})
        return 0
    ids = [letter.letter_id for letter in fresh]
    DeadLetter.objects.filter(id__in=ids).update(alerted_at=ClockTimestamp())
    log.info("alert.sent", extra={"count": len(fresh)})
    return len(fresh)


def _claim(pause_s: float) -> list[_Fresh]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Two who claim at once would both see no earlier try.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
        if not is_ours:
            return []
        cursor.execute(_CLAIM, [_AT_ONCE, pause_s])
        return [_Fresh(*row) for row in cursor.fetchall()]


def _message(fresh: Sequence[_Fresh]) -> tuple[str, str]:
    causes = Counter(letter.cause for letter in fresh).most_common()
    listed = [f"{count} × {cause}" for cause, count in causes[:_NAMED]]
    if len(causes) > _NAMED:
        listed.append(f"and {len(causes) - _NAMED} other causes")
    ids = [str(letter.letter_id) for letter in fresh[:_NAMED]]
    if len(fresh) > _NAMED:
        ids.append(f"and {len(fresh) - _NAMED} more")
    letters = "1 new dead letter" if len(fresh) == 1 else f"{len(fresh)} new dead letters"
    body = [*listed, "", "Open Dead letters in the admin to replay, resolve or discard:", *ids]
    return letters, "\n".join(body)
