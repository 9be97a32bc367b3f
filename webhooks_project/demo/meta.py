"""The stand-in for Meta, as a process of its own: sends webhooks, answers as the Graph API."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webhooks_project.demo import local_http, processes
from webhooks_project.demo.errors import DemoEnded
from webhooks_project.demo.variables import ACCOUNT, APP_SECRET, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event that was sent. id: Meta's; person: who wrote, invented."""

    kind: str
    id: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook that was sent, and the answer. what: new, again or forged; status 0: there was none."""

    what: str
    status: int
    seconds: float
    correlation_id: str
    messages: tuple[Message, ...]


class Meta:
    """Speaks to the stand-in and lets it send."""

    def __init__(self, places: Places, environ: Mapping[str, str]) -> None:
        self._url = f"{places.graph_url}/_simulator"
        self._environ = environ
        self.to = ["--url", f"{places.web_url}/webhooks/instagram", "--secret", APP_SECRET,
                   "--account", ACCOUNT, "--graph", places.graph_url]  # fmt: skip

    def send(self, *options: str) -> list[Delivery]:
        """The webhooks sent, in their order; options as `python -m simulator send --help` lists them."""
        said = processes.run(["simulator", "send", *self.to, "--json", *options], self._environ)
        return [delivery_of(line) for line in said.splitlines()]

    def echo_to(self, url: str) -> None:
        """From now on every message that it takes is echoed, as Meta does."""
        self._ask("settings", {"echo": {"url": url, "secret": APP_SECRET}})

    def answer(self, person: str, *steps: str) -> None:
        """What the next calls about this person get, before all is well again."""
        self._ask("script", {"recipient": person, "steps": list(steps)})

    def calls(self, person: str) -> list[dict[str, Any]]:
        """The calls about this person, oldest first."""
        found: list[dict[str, Any]] = self._ask(f"calls?recipient={person}")["calls"]
        return found

    def summary(self) -> dict[str, Any]:
        """Counts of all calls; `taken`: messages by person."""
        found: dict[str, Any] = self._ask("summary")
        return found

    def taken(self, people: Sequence[str]) -> dict[str, int]:
        """How many replies each of these people got."""
        counts = self.summary()["taken"]
        return {person: int(counts.get(person, 0)) for person in people}

    def _ask(self, page: str, body: object = None) -> Any:
        try:
            answer = local_http.ask(f"{self._url}/{page}", body)
        except OSError as exc:
            raise DemoEnded(f"Meta's stand-in does not answer ({type(exc).__name__}).") from exc
        if answer.status != 200:
            raise DemoEnded(f"Meta's stand-in answers {answer.status} to {page.partition('?')[0]}.")
        return answer.body


def delivery_of(line: str) -> Delivery:
    """A delivery from its line of JSON."""
    told = json.loads(line)
    return Delivery(
        what=told["what"],
        status=told["status"],
        seconds=told["seconds"] or 0.0,
        correlation_id=told["correlation"],
        messages=tuple(Message(**event) for event in told["events"]),
    )


def new_person() -> str:
    """An id that no customer had in an earlier run."""
    return f"7{secrets.randbelow(10**15):015d}"
