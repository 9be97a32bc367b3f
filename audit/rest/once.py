"""
An act under an Idempotency-Key is done once, and its answer is given again to whoever asks again.

The row of the key is written in the transaction of the act, and the answer with it. So a process that dies before the
commit did nothing and leaves the key free; after the commit the answer is there to be given again. Of two at once the
primary key lets one write; the other waits a moment for the first to end. What was refused changed nothing and is not
kept: the same key may bring what was put right.
"""

import json
import uuid
from collections.abc import Callable

from django.db import OperationalError, connection, transaction
from django.utils.crypto import salted_hmac
from psycopg.errors import LockNotAvailable
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import KeptAnswer

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
LONGEST = 255

# The wait ends with the transaction of the one that was first, or with the time limit.
_LIMIT, _NO_LIMIT = "SET LOCAL lock_timeout = '500ms'", "SET LOCAL lock_timeout TO DEFAULT"
_CLAIM = "INSERT INTO audit_keptanswer (id, asked, status, body) VALUES (%s, %s, 0, '') ON CONFLICT DO NOTHING"


class BadKey(exceptions.APIException):
    """The key is empty, too long, or holds something that cannot be printed."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "bad_idempotency_key"
    default_detail = f"An {HEADER} has 1 to {LONGEST} printable characters. Nothing was changed."


class KeyInUse(exceptions.APIException):
    """The first request with this key is being worked on."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotency_key_in_use"
    default_detail = f"The first request with this {HEADER} is still under way. Ask again for its answer."


class KeyReused(exceptions.APIException):
    """Another request was made with this key."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = f"This {HEADER} was used for another request. Nothing was changed: take a new one."


def once(request: Request, act: Callable[[], Response]) -> Response:
    """What `act` answers; where it was done under this user's key before, what it answered then."""
    given = request.headers.get(HEADER)
    if given is None:
        return act()
    if not 1 <= len(given) <= LONGEST or not given.isprintable():
        raise BadKey
    key = _digest("key", str(request.user.pk), given)
    asked = _digest("request", request.method or "", request.get_full_path(), request.body.hex())
    with transaction.atomic():
        if not _is_first(key, asked):
            return _kept(key, asked)
        answer = act()
        body = JSONRenderer().render(answer.data).decode()
        KeptAnswer.objects.filter(pk=key).update(status=answer.status_code, body=body)
    return answer


def _is_first(key: uuid.UUID, asked: uuid.UUID) -> bool:
    """Whether the key is ours for the rest of the transaction; False where its answer is kept already."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LIMIT)
            cursor.execute(_CLAIM, [key, asked])
            is_first: bool = cursor.rowcount == 1
            cursor.execute(_NO_LIMIT)
    except OperationalError as exc:
        if not isinstance(exc.__cause__, LockNotAvailable):
            raise
        raise KeyInUse from exc
    return is_first


def _kept(key: uuid.UUID, asked: uuid.UUID) -> Response:
    kept = KeptAnswer.objects.filter(pk=key).first()
    if kept is None:  # forgotten between two statements
        raise KeyInUse
    if kept.asked != asked:
        raise KeyReused
    return Response(json.loads(kept.body), status=kept.status, headers={REPLAYED: "true"})


def _digest(*parts: str) -> uuid.UUID:
    """128 bits that tell nothing of the parts: whoever chose a key, or wrote a reason, may have named somebody."""
    return uuid.UUID(bytes=salted_hmac("audit.rest.once", json.dumps(parts), algorithm="sha256").digest()[:16])
