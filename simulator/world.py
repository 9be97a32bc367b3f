"""Everything the stand-in knows, behind one lock."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from simulator.echoes import Echoes
from simulator.exchange import Reply, Request
from simulator.invented import ACCOUNTS, Cast
from simulator.limits import Pace
from simulator.listing import Listing
from simulator.record import Call, Record, iso
from simulator.script import Scripts
from simulator.settings import Settings

KEPT_CALLS = 50_000
MAX_TEXT = 5000


class World:
    """State of the Graph API. Whoever reads or changes it holds `lock`, which a thread may take twice."""

    def __init__(self, settings: Settings, *, keep: int = KEPT_CALLS, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.scripts, self.record, self.listing = Scripts(), Record(keep), Listing()
        self.sends, self.lookups = Pace(), Pace()
        self.echoes = Echoes()
        self.cast = Cast(clock=clock)  # seeded by the system: ids must be new after a restart too
        self.subscribed: dict[str, list[str]] = {}
        self.is_closing = threading.Event()

    def change(self, values: Mapping[str, Any]) -> None:
        """Change some settings; ValueError with a sentence when they make no sense."""
        with self.lock:
            self.settings = self.settings.changed(values)

    def reset(self) -> None:
        """Forget calls, scripts, conversations, subscriptions and echoes; the settings stay."""
        with self.lock:
            for one in (self.scripts, self.record, self.listing, self.echoes, self.subscribed):
                one.clear()

    def accounts_of(self, token: str) -> list[str]:
        """The accounts that this token speaks for."""
        return [id_ for id_, of in self.settings.accounts.items() if of == token]

    @property
    def first_account(self) -> str:
        """Who `me` is where tokens are not checked."""
        return next(iter(self.settings.accounts), ACCOUNTS["instagram"])

    def note(
        self,
        request: Request,
        reply: Reply,
        *,
        edge: str,
        account: str,
        recipient: str = "",
        text: str = "",
        answer: str = "ok",
        mid: str = "",
    ) -> None:
        """Write one call down; a mid says that the message was taken."""
        call = Call(
            at=iso(self.clock()),
            method=request.method,
            path=request.path[:MAX_TEXT],
            edge=edge,
            account=account,
            recipient=recipient[:MAX_TEXT],
            text=text[:MAX_TEXT],
            answer=answer,
            status=reply.status if reply.ending == "answer" else 0,
            taken=bool(mid),
            mid=mid,
        )
        with self.lock:
            self.record.add(call)

    def summary(self) -> dict[str, object]:
        """What came in, in numbers."""
        with self.lock:
            return {
                **self.record.summary(),
                "scripts_waiting": len(self.scripts),
                "echoes": self.echoes.counts(),
            }


def app_scoped(account: str) -> str:
    """The other id of an account, which `/me?fields=id` gives; webhooks never bear it."""
    return f"2{int(hashlib.sha256(account.encode()).hexdigest()[:12], 16):016d}"
