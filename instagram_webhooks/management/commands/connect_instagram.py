"""The first real account, from its token to its first message."""

import getpass
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser, DjangoHelpFormatter

from instagram_webhooks.conf import conf
from instagram_webhooks.desk import accounts, connection
from instagram_webhooks.desk.account_check import checks
from instagram_webhooks.desk.account_form import is_account_id, is_token
from instagram_webhooks.desk.command import DeskCommand, within
from instagram_webhooks.desk.connection import Identity
from instagram_webhooks.desk.event import shown
from instagram_webhooks.desk.findings import Finding, Verdict, fine, unsure, wrong
from instagram_webhooks.desk.first_message import NOTHING_CAME, database_now, first_message
from instagram_webhooks.desk.handshake import handshake
from instagram_webhooks.desk.telling import told
from instagram_webhooks.errors import PayloadSealBroken, WebhookError
from instagram_webhooks.models import Account
from instagram_webhooks.replies import pause
from instagram_webhooks.replies.graph_api import Destination

ACTOR = "manage.py"
WAIT_S = 300


class _Lines(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Leaves the lines of the examples as they are."""


def _day(text: str) -> datetime:
    """The beginning of a day, in UTC."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"a day such as 2027-01-31 is wanted, not {text!r}") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Command(DeskCommand):
    help = "Connect an Instagram account: check each step, store the token, wait for the first message."
    example = (
        "--public-url https://hooks.example.org\n"
        "         asks for the rest\n"
        "         manage.py connect_instagram --account-id 17841400000000001 --token-file token.txt --yes\n"
        "         asks nothing\n"
        "         manage.py connect_instagram --check\n"
        "         checks all connected accounts and changes nothing; for cron\n\n"
        "Exit code 0: all is well. 1: a check failed, or no message came. 2: wrong usage.\n"
        "The token is never an argument: others on this machine could read it there."
    )

    def __init__(
        self,
        *args: Any,
        ask: Callable[[str], str] = input,
        ask_secretly: Callable[[str], str] = getpass.getpass,
        is_interactive: Callable[[], bool] = lambda: bool(sys.stdin and sys.stdin.isatty()),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._ask, self._ask_secretly, self._is_interactive = ask, ask_secretly, is_interactive
        self._says_yes = self._asks = False
        self._wrong = 0

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, formatter_class=_Lines, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--account-id", metavar="ID", help="the id that webhooks carry (default: the token's own)")
        add("--token-file", metavar="FILE", help="file that holds the access token; - reads standard input")
        add("--label", default="", help="a name for people (default: @ and the account's user name)")
        add("--expires", type=_day, metavar="YYYY-MM-DD", help="the day on which the token runs out")
        add("--public-url", metavar="URL", help="where the service is reached: https://your.host")
        add("--check", action="store_true", help="only check; asks nothing and changes nothing")
        add("--yes", action="store_true", help="ask nothing; refresh the token and subscribe where needed")
        wait = f"how long to wait for the first message (default: {WAIT_S} with questions, else 0)"
        add("--wait", type=within(0, 86_400), metavar="S", help=wait)

    def handle(self, *_: Any, **options: Any) -> None:
        """Connects, or only checks; exit code 1 where something is wrong."""
        self._says_yes = options["yes"]
        self._asks = not options["yes"] and not options["check"] and self._is_interactive()
        self._wrong = 0
        try:
            self._check(options) if options["check"] else self._connect(options)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. What is written above as done stays done.")
        if self._wrong:
            checks = "check says" if self._wrong == 1 else "checks say"
            raise CommandError(f"{self._wrong} {checks} ✕: mend what the lines above name, then run this again.")

    # --- only checks -------------------------------------------------------------------------------

    def _check(self, options: dict[str, Any]) -> None:
        self._check_settings(options["public_url"])
        wanted = _account_id(options)
        known = Account.objects.filter(provider="instagram").order_by("account_id")
        chosen = list(known.filter(account_id=wanted) if wanted else known)
        if not chosen:
            which = "this account" if wanted else "no Instagram account"
            self._tell(wrong("Account", f"{which} is not connected.", "Run this without --check."))
        token = self._given_token(options)
        for account in chosen:
            self.stdout.write(f"\n{account} ({account.account_id})")
            for finding in checks(account, token):
                self._tell(finding)

    def _check_settings(self, public_url: str | None) -> None:
        self._tell(connection.app_secrets())
        self._tell(connection.verify_token())
        if public_url:
            self._tell(handshake(public_url))

    # --- connecting --------------------------------------------------------------------------------

    def _connect(self, options: dict[str, Any]) -> None:
        public_url = options["public_url"]
        if self._asks and not public_url:
            public_url = self._ask("Public address of this service, https://… (empty: check it later): ").strip()
        self._check_settings(public_url)
        token = self._given_token(options) or self._asked_token()
        found = self._identified(token, _account_id(options))
        if found is None:
            return
        account = self._stored(found, token, options)
        self._subscribed(connection.destination(account.account_id, account.token()))
        self._await_message(account, options["wait"])

    def _identified(self, token: str, wanted: str) -> Identity | None:
        """Who the token speaks for, where that is who was meant."""
        try:
            found = connection.speaks_for(token)
        except WebhookError as exc:
            self._tell(connection.refusal("Token", exc))
            return None
        self._tell(fine("Token", "Meta takes it."))
        if self._asks and not wanted and found:
            typed = self._ask(f"Account id, as webhooks carry it (empty: {found.account_id}): ").strip()
            wanted = typed if not typed or is_account_id(typed) else ""
        verdict = connection.identity(found, wanted or (found.account_id if found else ""))
        if found and wanted not in ("", found.account_id):
            if self._asks and self._agrees(f"{wanted} is another id. Connect {found.account_id} instead?"):
                return found
            self._tell(verdict)
            return None
        self._tell(verdict)
        return found

    def _stored(self, found: Identity, token: str, options: dict[str, Any]) -> Account:
        """The account with its sealed token, its parked events at work again."""
        expires_at = options["expires"]
        question = "Refresh the token now? It then lives 60 days, and Meta says until when."
        if expires_at is None and self._agrees(question):
            token, expires_at = self._refreshed(token)
        known = {"provider": "instagram", "account_id": found.account_id}
        account = Account.objects.filter(**known).first() or Account(**known)
        label = options["label"] or account.label or (f"@{found.username}" if found.username else "")
        if expires_at is None and _is_stored(account, token):
            expires_at = account.token_expires_at
        new = {"label": label, "token_expires_at": expires_at}
        changed = [name for name, value in new.items() if getattr(account, name) != value]
        account.label, account.token_expires_at = label, expires_at
        accounts.save(account, changed=changed, token=token, actor=ACTOR)
        count = pause.release(account, actor=ACTOR, reason="connected")
        events = "1 parked event is" if count == 1 else f"{count} parked events are"
        back = f"; {events} back at work" if count else ""
        self._tell(fine("Account", f"{account} is connected, its token sealed{back}."))
        self._tell(connection.expiry(expires_at, datetime.now(UTC)))
        return account

    def _refreshed(self, token: str) -> tuple[str, datetime | None]:
        try:
            new = connection.refreshed(token)
        except WebhookError:
            said = "Meta does not refresh it now; it must be 24 hours old."
            self._tell(unsure("Refresh", said))
            return token, None
        return new.token, new.expires_at

    def _subscribed(self, to: Destination) -> None:
        """Tells what Meta sends for the account, and offers to have it send all."""
        try:
            fields = connection.subscribed_fields(to)
            found = connection.subscription(fields)
            if found.verdict is not Verdict.FINE and self._agrees(
                "Meta does not send all that this service handles. Subscribe to it now?"
            ):
                connection.subscribe(to, fields)
                found = connection.subscription(connection.subscribed_fields(to))
            self._tell(found)
        except WebhookError as exc:
            self._tell(connection.refusal("Subscription", exc))

    def _await_message(self, account: Account, asked_s: int | None) -> None:
        wait_s = asked_s if asked_s is not None else WAIT_S if self._asks else 0
        if not wait_s:
            return
        invitation = f"\nNow write a message to {account} from another account."
        try:
            self.stdout.write(f"{invitation} Waiting {wait_s} s (Ctrl-C ends it).")
            event = first_message(account.account_id, since=database_now(), wait_s=wait_s, say=self.stdout.write)
        except KeyboardInterrupt:
            self.stdout.write("\nNo longer waiting. The account is connected.")
            return
        if event is None:
            self._tell(wrong("First message", f"none within {wait_s} s.", NOTHING_CAME))
            return
        (one,) = shown([event], timeline=True)
        self.stdout.write(told(one))

    # --- asking and telling ------------------------------------------------------------------------

    def _tell(self, finding: Finding) -> None:
        self._wrong += finding.verdict is Verdict.WRONG
        self.stdout.write(str(finding))

    def _agrees(self, question: str) -> bool:
        if self._asks:
            return self._ask(f"{question} [Y/n] ").strip().lower() in ("", "y", "yes")
        return self._says_yes

    def _given_token(self, options: dict[str, Any]) -> str:
        """From --token-file, else (when connecting) from INSTAGRAM_ACCESS_TOKEN; "" where there is none."""
        name = options["token_file"]
        if name is None:
            return "" if options["check"] else conf().first_account_token
        try:
            text = (sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")).strip()
        except (OSError, UnicodeDecodeError) as exc:
            why = type(exc).__name__
            raise CommandError(
                f"--token-file cannot be read ({why}): name a file with the token alone.", returncode=2
            ) from None
        if not is_token(text):
            raise CommandError("--token-file does not hold one access token and nothing else.", returncode=2)
        return text

    def _asked_token(self) -> str:
        if not self._asks:
            raise CommandError("There is no token: give --token-file, or set INSTAGRAM_ACCESS_TOKEN.", returncode=2)
        text = self._ask_secretly("Access token (it is not shown): ").strip()
        if not is_token(text):
            raise CommandError("This is no access token: copy it whole, without blanks.", returncode=2)
        return text


def _is_stored(account: Account, token: str) -> bool:
    """Whether it is the token that is there already; one that cannot be opened is replaced like any other."""
    try:
        return account.token() == token
    except PayloadSealBroken:
        return False


def _account_id(options: dict[str, Any]) -> str:
    """From --account-id, else (when connecting) from INSTAGRAM_ACCOUNT_ID; "" where there is none."""
    given: str | None = options["account_id"]
    if given is not None and not is_account_id(given):
        raise CommandError("--account-id is Meta's id of the account, such as 17841400000000001.", returncode=2)
    if given is None and not options["check"] and options["token_file"] is None:
        return conf().first_account_id  # with the token that stands beside it
    return given or ""
