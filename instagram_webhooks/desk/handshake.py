"""Meta's handshake, tried at the public address: what would Meta meet there?"""

import secrets
import ssl
from urllib.parse import urlsplit

import requests

from instagram_webhooks.conf import conf
from instagram_webhooks.desk.findings import Finding, fine, unsure, wrong

PATH = "/webhooks/instagram"
TIMEOUT_S = 10
ANSWER_BYTES = 4096
ABOUT = "Handshake"

_REFUSED_BY_US = "handshake_refused"
_STATUSES = {
    400: (
        "the server refuses the request (400)",
        "Let the proxy pass the query on unchanged, dots included.",
    ),
    401: ("a login is asked for (401)", "Let Meta reach this path without a login."),
    403: (
        "access is forbidden (403), but not by this service",
        "Look for a firewall or bot filter before it.",
    ),
    404: ("nothing is there (404)", f"Let the proxy pass {PATH} on to the web process."),
    421: ("the server does not serve this host name (421)", "Check the host name in proxy and certificate."),
}
_LOCAL = ("localhost", "127.0.0.1", "::1")


def callback(public_url: str) -> str:
    """The callback address to enter at Meta, from the address of the service or from the callback itself."""
    url = public_url.partition("?")[0].rstrip("/")
    return url if url.endswith(PATH) else url + PATH


def handshake(public_url: str) -> Finding:
    """Asks as Meta does, from this machine, and says in words what is in the way."""
    url = callback(public_url)
    scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    if scheme not in ("http", "https") or not host:
        return wrong(ABOUT, "this is no web address.", "Give it as https://your.host")
    try:
        status, location, body, challenge = _ask(url)
    except requests.RequestException as exc:
        return _unreachable(exc, host)
    if 300 <= status < 400:
        advice = "Enter the address that it points to at Meta, or stop the redirect for this path."
        return wrong(ABOUT, f"the address redirects ({status}) to {_place(location)}; Meta does not follow.", advice)
    if status != requests.codes.ok:
        return _refused(status, body)
    if body != challenge:
        return wrong(ABOUT, "something else answers there (200, but not the challenge).", _STATUSES[404][1])
    if scheme == "http":
        said = "the challenge came back, but over http, and Meta calls https only."
        advice = "Put a proxy with a valid certificate before the web process."
        return unsure(ABOUT, said, advice) if host in _LOCAL else wrong(ABOUT, said, advice)
    return fine(ABOUT, f"the challenge came back. Enter {url} and the verify token in Meta's dashboard.")


def _ask(url: str) -> tuple[int, str, str, str]:
    """Status, Location and beginning of the answer, and the challenge that was sent."""
    challenge = str(secrets.randbelow(10**9) + 10**9)
    token = conf().verify_tokens["instagram"]
    params = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": token}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, params=params, timeout=TIMEOUT_S, allow_redirects=False, stream=True)
        with answer:
            body = next(answer.iter_content(ANSWER_BYTES), b"").decode("utf-8", "replace")
    return answer.status_code, answer.headers.get("Location", ""), body, challenge


def _refused(status: int, body: str) -> Finding:
    if status == requests.codes.forbidden and body.strip() == _REFUSED_BY_US:
        advice = "Give the web process the same INSTAGRAM_VERIFY_TOKEN as this command, and restart it."
        return wrong(ABOUT, "the service is there and knows another verify token (403).", advice)
    if status >= 500:
        return wrong(
            ABOUT,
            f"the server fails ({status}).",
            "Look whether the web process runs.",
        )
    said, advice = _STATUSES.get(status, (f"the answer is {status}", "Meta accepts 200 with the challenge alone."))
    return wrong(ABOUT, f"{said}.", advice)


def _unreachable(exc: requests.RequestException, host: str) -> Finding:
    """No answer at all. The exception's own words are not used: they quote the address, token included."""
    if isinstance(exc, requests.exceptions.SSLError):
        advice = "Meta accepts no self-signed one. Install a public certificate with its whole chain."
        return wrong(ABOUT, f"the certificate of {host} is not valid ({_tls_reason(exc)}).", advice)
    if isinstance(exc, requests.Timeout):
        return wrong(ABOUT, f"{host} does not answer within {TIMEOUT_S} s.", "Open the port in firewall and proxy.")
    if isinstance(exc, requests.ConnectionError) and "resolve" in repr(exc).lower():
        return wrong(ABOUT, f"the name {host} is not known.", "Check the name and its DNS record.")
    return wrong(ABOUT, f"{host} takes no connection.", "Look whether the proxy listens on this port.")


def _tls_reason(exc: BaseException) -> str:
    """What OpenSSL says of the certificate, as far down as it lies."""
    found: BaseException | None = exc
    for _ in range(8):
        if isinstance(found, ssl.SSLCertVerificationError):
            return str(found.verify_message).rstrip(".")
        inner = getattr(found, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in getattr(found, "args", ()) if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        found = inner
    return "the TLS connection fails"


def _place(location: str) -> str:
    """Where a redirect leads, without its query, which may hold the token."""
    return location.partition("?")[0][:200] or "nowhere"
