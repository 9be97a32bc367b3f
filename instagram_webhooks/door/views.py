"""The front door: verify, parse, store once, answer. Never calls Meta, never logs a body."""

import contextlib
import logging
import time
from typing import Any

from django.http import HttpRequest
from django.views.decorators.csrf import csrf_exempt

from audit import correlation
from instagram_webhooks import metrics, providers
from instagram_webhooks.conf import BODY_LIMIT_BYTES, conf
from instagram_webhooks.door import signatures
from instagram_webhooks.door.answer import Answer
from instagram_webhooks.door.lookout import lookout
from instagram_webhooks.errors import BodyTooLarge, Rejected, SignatureMismatch, StoreUnavailable, UnknownProvider
from instagram_webhooks.events import PROVIDERS, Provider
from instagram_webhooks.inbox.accept import Stored, accept

log = logging.getLogger(__name__)

CORRELATION_HEADER = "X-Correlation-ID"
# As WSGI names them: request.headers would copy all of them first.
_CORRELATION, _SIGNATURE = "HTTP_X_CORRELATION_ID", "HTTP_X_HUB_SIGNATURE_256"
_CHUNKED = "HTTP_TRANSFER_ENCODING"
DRAINED_BYTES, DRAINED_AT_ONCE = 16 * 1024 * 1024, 64 * 1024


@csrf_exempt
def webhook(request: HttpRequest, name: str) -> Answer:
    """GET answers Meta's handshake, POST takes a webhook; every answer carries the correlation id."""
    given = request.META.get(_CORRELATION, "")
    own = given if correlation.well_formed(given) else correlation.new()
    with correlation.bind(correlation_id=own):
        response = _answer(request, name, own)
    response.headers[CORRELATION_HEADER] = own
    return response


def _answer(request: HttpRequest, name: str, correlation_id: str) -> Answer:
    try:
        provider = _provider(name)
        if request.method == "POST":
            return _receive(request, provider, correlation_id)
        if request.method in ("GET", "HEAD"):
            return _handshake(request, provider)
        _drain(request)
        metrics.REFUSED.add("method_not_allowed")
        return Answer(status=405, headers={"Allow": "GET, POST"})
    except Rejected as exc:
        _drain(request)
        metrics.REFUSED.add(exc.code)
        log.warning("webhook.rejected", extra={"code": exc.code, "status": exc.status, **exc.facts})
        return Answer(exc.code, content_type="text/plain", status=exc.status, headers=_headers(exc))
    except StoreUnavailable as exc:
        metrics.REFUSED.add(exc.code)
        log.error("webhook.not_stored", extra={"code": exc.code, "status": 503})
        return Answer(exc.code, content_type="text/plain", status=503, headers={"Retry-After": "5"})


def _provider(name: str) -> Provider:
    if name not in PROVIDERS:
        raise UnknownProvider
    return name


def _receive(request: HttpRequest, provider: Provider, correlation_id: str) -> Answer:
    begun = time.perf_counter()
    body = _body(request)
    secret_index = _verified(provider, body, request.META.get(_SIGNATURE))
    events = providers.split(provider, body)
    stored = accept(provider, events, correlation_id)
    _tell(provider, stored, secret_index)
    metrics.ACK.observe(time.perf_counter() - begun)
    return Answer(content_type="text/plain")


def _verified(provider: Provider, body: bytes, header: str | None) -> int:
    """The place of the secret that signed it; one that is refused is counted for ops."""
    try:
        return signatures.verify(body, header, conf().app_secrets[provider])
    except SignatureMismatch as exc:
        lookout.refused(provider, exc)
        raise


def _body(request: HttpRequest) -> bytes:
    """The raw bytes, read only as far as the limit allows."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > BODY_LIMIT_BYTES:
        raise BodyTooLarge
    # Not request.body: Django's own limit is smaller, and it answers 400.
    body = _source(request).read(BODY_LIMIT_BYTES + 1)
    if len(body) > BODY_LIMIT_BYTES:
        raise BodyTooLarge
    return bytes(body)


def _source(request: HttpRequest) -> Any:
    """Where the body is read from. Django takes one that comes in chunks, as from some proxies, for empty."""
    return request.META["wsgi.input"] if _CHUNKED in request.META else request


def _headers(exc: Rejected) -> dict[str, str]:
    """Of a body that may be longer than what is read away, both sides know that the connection ends."""
    return {"Connection": "close"} if isinstance(exc, BodyTooLarge) else {}


def _drain(request: HttpRequest) -> None:
    """Reads away what a refused request still holds, up to a bound.

    An answer before it makes the server close the connection, and the next request on it, which may
    be a sound one, would be lost.
    """
    with contextlib.suppress(OSError):
        for _ in range(DRAINED_BYTES // DRAINED_AT_ONCE):
            if not _source(request).read(DRAINED_AT_ONCE):
                return


def _tell(provider: Provider, stored: list[Stored], secret_index: int) -> None:
    known = [str(each.event_id) for each in stored if not each.is_new]
    new = len(stored) - len(known)
    metrics.RECEIVED.add(provider, by=new)
    metrics.DUPLICATES.add(provider, by=len(known))
    log.debug("webhook.received", extra={"provider": provider, "count": new, "secret_index": secret_index})
    if known:
        log.info("webhook.known", extra={"provider": provider, "count": len(known), "event_ids": known[:100]})


def _handshake(request: HttpRequest, provider: Provider) -> Answer:
    """Echoes the challenge as plain text; needs no database, since only a person can ask again."""
    ask = request.GET.get
    challenge = signatures.answer_handshake(
        ask("hub.mode", ""),
        ask("hub.verify_token", ""),
        ask("hub.challenge", ""),
        expected=conf().verify_tokens[provider],
    )
    log.info("webhook.handshake", extra={"provider": provider})
    return Answer(challenge, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})
