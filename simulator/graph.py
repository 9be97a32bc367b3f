"""The Graph API on a port of this machine, for a test (`with GraphSimulator() as graph`) or a process."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from simulator.http_server import Server
from simulator.record import Call
from simulator.script import EVERYONE, Step
from simulator.settings import Settings
from simulator.world import KEPT_CALLS, World

POLL_S = 0.02  # how long closing may wait for the server


class GraphSimulator:
    """The stand-in, listening from the first line of its `with` block to the last.

    accounts: access token by Meta's id of the account; without any, whoever asks is answered.
    port: 0 takes a free one. keep: how many calls are remembered. clock: seconds since the epoch.
    """

    def __init__(
        self,
        accounts: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        keep: int = KEPT_CALLS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        known = dict(accounts or {})
        self._world = World(Settings(accounts=known, check_tokens=bool(known)), keep=keep, clock=clock)
        self._server = Server(port, self._world)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": POLL_S},
            name="graph-simulator",
            daemon=True,
        )
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends every connection, also those held without an answer."""
        self._world.is_closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.end_connections()
        self._world.echoes.close()
        self._thread.join()

    # --- what it is told -------------------------------------------------------------------------

    def script(self, recipient: str, steps: Iterable[str | Step], *, edge: str = "messages") -> None:
        """What the next calls about this recipient get; `script.py` says how steps are written."""
        with self._world.lock:
            self._world.scripts.tell(recipient, steps, edge=edge)

    def script_all(self, steps: Iterable[str | Step], *, edge: str = "messages") -> None:
        """What the next calls about anybody get who has no script of his own."""
        self.script(EVERYONE, steps, edge=edge)

    def settings(self, **changes: object) -> None:
        """Change settings by name, as `settings.py` lists them: `graph.settings(lag_s=3)`."""
        self._world.change(changes)

    def hear(self, body: object) -> int:
        """Put the messages of a webhook body into the listing, which holds both sides; how many."""
        with self._world.lock:
            return self._world.listing.hear(body)

    def reset(self) -> None:
        """Forget all but the settings."""
        self._world.reset()

    # --- what it saw -----------------------------------------------------------------------------

    def calls(self, recipient: str | None = None, *, edge: str | None = None) -> list[Call]:
        """The calls, oldest first."""
        with self._world.lock:
            return [call for call in self._world.record.calls(recipient) if edge in (None, call.edge)]

    def taken(self, recipient: str | None = None) -> list[Call]:
        """The calls whose message was taken: what the customer sees."""
        return [call for call in self.calls(recipient) if call.taken]

    def summary(self) -> dict[str, object]:
        """What came in, in numbers."""
        return self._world.summary()
