"""A signed sample webhook to a running service, as Meta would send it."""

import hashlib
import hmac
import os
from argparse import ArgumentParser
from difflib import get_close_matches
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from django.core.management.base import CommandError
from django.utils import timezone

from instagram_webhooks.conf import conf
from instagram_webhooks.desk.command import DeskCommand
from instagram_webhooks.events import Provider
from instagram_webhooks.providers import samples

TIMEOUT_S = 20


class Command(DeskCommand):
    help = "Sign sample webhooks with the app secret of these settings and post them; prints each answer."
    example = "instagram/message__text instagram/comment__text"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="a sample, as --list names them")
        parser.add_argument("--list", action="store_true", help="print the names of all samples")
        parser.add_argument(
            "--url", help="where to post, a whole address or only https://host (default: this machine, at PORT)"
        )
        parser.add_argument("--times-as-they-are", action="store_true", help="keep the sample's own times and ids")

    def handle(self, *_: Any, **options: Any) -> None:
        """Posts the samples in order; exit code 1 where one was not taken."""
        names: list[str] = options["names"]
        if options["list"]:
            self.stdout.write("\n".join(samples.names()))
            return
        if not names:
            raise CommandError("Name at least one sample; --list prints all names.", returncode=2)
        bodies = [(name, _body(name, as_it_is=options["times_as_they_are"])) for name in names]
        refused = 0
        with requests.Session() as session:
            session.trust_env = False  # a proxy cannot reach this machine's own address
            for name, body in bodies:
                answer = _post(session, name, body, options["url"])
                correlation_id = answer.headers.get("X-Correlation-ID", "none")
                self.stdout.write(f"{answer.status_code}  {name}  correlation id {correlation_id}")
                refused += answer.status_code != requests.codes.ok
        if refused:
            was = "was" if refused == 1 else "were"
            raise CommandError(f"{refused} of {len(names)} {was} refused: the log of the web process says why.")


def _body(name: str, *, as_it_is: bool) -> bytes:
    try:
        body = samples.load(name)
    except KeyError:
        near = f"; near it: {', '.join(found)}" if (found := _near(name)) else ""
        raise CommandError(f'There is no sample "{name}"{near}; --list prints all names.') from None
    return body if as_it_is else samples.with_times_now(body, timezone.now(), fresh=True)


def _near(name: str) -> list[str]:
    """Names that may have been meant: of the same provider, where that is one."""
    provider, _, stem = name.rpartition("/")
    among = [known for known in samples.names() if known.startswith(f"{provider}/")] or samples.names()
    stems = {known.split("/")[1]: None for known in among}
    near = get_close_matches(stem, stems, cutoff=0.7)
    return [known for one in near for known in among if known.endswith(f"/{one}")]


def _address(url: str | None, provider: Provider) -> str:
    """Where the webhooks of this provider are taken; an address with a path is taken as it is."""
    url = url or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    try:
        parts = urlsplit(url)
    except ValueError:  # it is refused where it is posted to
        return url
    return parts._replace(path=f"/webhooks/{provider}").geturl() if parts.netloc and parts.path in ("", "/") else url


def _post(session: requests.Session, name: str, body: bytes, url: str | None) -> requests.Response:
    provider = cast(Provider, name.split("/", maxsplit=1)[0])
    secrets = conf().app_secrets[provider]
    if not secrets:
        raise CommandError(f"{provider.upper()}_APP_SECRETS is empty: without it nothing can be signed.")
    url = _address(url, provider)
    signature = hmac.new(secrets[0].encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={signature}"}
    try:
        return session.post(url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as exc:
        raise CommandError(
            f"Nobody answers there ({type(exc).__name__}): start the web process, or name its --url."
        ) from exc
