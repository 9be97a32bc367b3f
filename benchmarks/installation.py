"""What all columns stand on: a durable PostgreSQL and Redis, and a Graph API that costs next to nothing."""

import contextlib
import enum
import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cpu
from tests.processes.process import CHECKOUT
from tests.processes.product import installed
from webhooks_project.embedded import processes
from webhooks_project.embedded.server import free_port
from webhooks_project.environment import SETTINGS

# As where it is deployed: with DJANGO_DEBUG Django keeps the last 9,000 statements of a connection, 3 MB. The secrets
# are those that development would fill in, which the senders of the tests sign with.
SHIPPED = {
    setting.name: setting.development
    for setting in SETTINGS
    if setting.development is not None and setting.name not in ("DATABASE_URL", "REDIS_URL")
} | {
    "DJANGO_DEBUG": "false", "LOG_FORMAT": "json",
    "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0",  # as make, units and image set it
    "WEBHOOK_RETRY_DELAYS_S": "", "REPLY_SETTLE_S": "", "WEBHOOK_LEASE_S": "", "WEBHOOK_SWEEP_INTERVAL_S": "",
    "WEBHOOK_DISPATCH_GATE_S": "", "GRAPH_DEADLINE_S": "", "REPLY_POLICY_BUDGET_S": "", "REPLY_POLICY": "",
    "ACK_COOLDOWN_S": "0",  # each message is answered
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GraphStub:
    """The stand-in of Meta's Graph API (benchmarks.graph)."""

    url: str
    latency_ms: int

    def sent(self) -> int:
        """How many replies have come."""
        found: int = self._told()["sent"]
        return found

    def recipients(self) -> dict[str, tuple[int, float]]:
        """How many replies each recipient has got, and when the first came, of time.monotonic()."""
        return {recipient: (count, first) for recipient, (count, first) in self._told()["recipients"].items()}

    def _told(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/_told", timeout=10) as answer:  # noqa: S310 - our own
            return json.load(answer)


class Cores(enum.Enum):
    """What runs where."""

    APART = "one core for the applications, another for all else"
    OWN = "each process kept to a core"
    ALL = "all cores for all"

    @property
    def of_all_else(self) -> Collection[int]:
        return {cpu.ALL_ELSE} if self is Cores.APART else cpu.EVERY

    def of_application(self, number: int) -> Collection[int]:
        """Of the process that was started so many processes after the first."""
        return {
            Cores.APART: {cpu.APPLICATION},
            Cores.OWN: {cpu.EVERY[number % len(cpu.EVERY)]},
            Cores.ALL: cpu.EVERY,
        }[self]


@dataclass(frozen=True, slots=True)
class Place:
    """Servers that run, the product over them with its shipped settings, and a folder for logs."""

    product: Any
    graph: GraphStub
    folder: Path
    cores: Cores


@contextlib.contextmanager
def installation(*, latency_ms: int = 0, cores: Cores = Cores.APART) -> Iterator[Place]:
    """New servers. This process and all that it starts run where what is no application does."""
    os.sched_setaffinity(0, cores.of_all_else)
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.graph", str(port), str(latency_ms)]
    graph = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        start_new_session=True,  # Ctrl-C is for us
        preexec_fn=processes.dying_with_us(signal.SIGKILL),  # noqa: PLW1509 - from the main thread only
    )
    stub = GraphStub(f"http://127.0.0.1:{port}", latency_ms)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            installed(Path(folder), settings=SHIPPED | {"GRAPH_API_URL": stub.url}, durable=True) as product,
        ):
            for pid in (product.postgres.pid, product.redis.pid):
                cpu.pin(pid, *cores.of_all_else)
            yield Place(product, stub, Path(folder), cores)
    finally:
        graph.kill()
        graph.wait()
