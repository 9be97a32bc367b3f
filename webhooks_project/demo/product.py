"""What the service says of itself: its API, its database, its queue. Nothing here is assumed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import psycopg
import redis

from instagram_webhooks.conf import QUEUE
from webhooks_project.demo import local_http, processes
from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.meta import Delivery
from webhooks_project.demo.variables import Places

PAGE = 100
Event = dict[str, Any]  # EVENT of the public interface, as JSON


class Product:
    """Asks the running service. api_token: for what is asked through the API."""

    def __init__(self, places: Places, environ: Mapping[str, str], *, api_token: str = "") -> None:
        self._api = f"{places.web_url}/api/v1"
        self._headers = {"Authorization": f"Token {api_token}"}
        self._database_url, self._redis_url = places.database_url, places.redis_url
        self._environ = environ

    # --- API -------------------------------------------------------------------------------------

    def events(self, *, since: str) -> list[Event]:
        """All events received since a time, oldest first."""
        found: list[Event] = []
        url = f"{self._api}/events/?{urlencode({'since': since, 'limit': PAGE})}"
        while url:
            page = self._get(url)
            found += page["results"]
            url = page["next"]
        return found[::-1]

    def event(self, event_id: str) -> Event:
        """One event with its timeline."""
        found: Event = self._get(f"{self._api}/events/{event_id}/")
        return found

    def dead_letter(self, letter_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"{self._api}/dead-letters/{letter_id}/")
        return found

    def replay(self, letter_id: str, *, reason: str) -> int:
        """The status of the answer: 202 where the event goes back to work."""
        url = f"{self._api}/dead-letters/{letter_id}/replay/"
        return local_http.ask(url, {"reason": reason}, headers=self._headers).status

    def _get(self, url: str) -> Any:
        try:
            answer = local_http.ask(url, headers=self._headers)
        except OSError as exc:
            raise NotSeen(f"The API does not answer ({type(exc).__name__}).", process="web") from exc
        if answer.status != 200:
            asked = url.removeprefix(self._api).partition("?")[0]
            raise NotSeen(f"The API answers {answer.status} to {asked}.", process="web")
        return answer.body

    # --- database --------------------------------------------------------------------------------

    def now(self) -> str:
        """The database's time, which the events bear; ISO 8601, UTC."""
        at: datetime = self._one("SELECT clock_timestamp()")
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def stored(self) -> int:
        """How many rows the table of events has."""
        return int(self._one("SELECT count(*) FROM instagram_webhooks_webhookevent"))

    def has_worker(self, *, since: str) -> bool:
        """Whether a worker that started after this time shows its pulse."""
        return bool(
            self._one(
                "SELECT count(*) FROM instagram_webhooks_worker"
                " WHERE started_at >= %s::timestamptz AND stopped_at IS NULL",
                since,
            )
        )

    def _one(self, sql: str, *values: object) -> Any:
        with psycopg.connect(self._database_url, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute(sql, values).fetchone()
        return row[0] if row else None

    # --- queue -----------------------------------------------------------------------------------

    def queued(self) -> int:
        """How many wake-ups wait in the queue."""
        with redis.Redis.from_url(self._redis_url, socket_timeout=5) as broker:
            return int(broker.llen(QUEUE))

    def purge(self) -> str:
        """What `celery purge` says, having emptied the queue."""
        purge = ["celery", "-A", "webhooks_project", "purge", "--force", "--queues", QUEUE]
        return processes.run(purge, self._environ).strip()


def of_deliveries(events: Iterable[Event], deliveries: Iterable[Delivery]) -> list[Event]:
    """The events that came with these webhooks, in the order in which they were sent.

    An event's correlation id is that of its request, a dot, and its place in the body.
    """
    order = {delivery.correlation_id: place for place, delivery in enumerate(deliveries)}
    found = [(order.get(prefix), int(place), event) for event in events for prefix, place in [_parts(event)]]
    mine = [(turn, place, event) for turn, place, event in found if turn is not None]
    return [event for _, _, event in sorted(mine, key=lambda each: each[:2])]


def _parts(event: Event) -> tuple[str, str]:
    prefix, _, place = str(event["correlation_id"]).rpartition(".")
    return prefix, place
