"""What is compared: a column is a program that takes webhooks and answers them, with the same few operations as any."""

from typing import Any, ClassVar

import psycopg
import redis

from benchmarks import cpu
from benchmarks.installation import Place
from benchmarks.posts import Crowd
from tests.processes.process import Process


class Column:
    """One program, once, over tables of its own that nobody else has written to.

    DONE: whether it has nothing left to do. COUNTS: events stored, processed, and in its ledger.
    """

    name: ClassVar[str]
    DONE: ClassVar[str]
    COUNTS: ClassVar[str]
    is_slow: ClassVar[bool] = False
    port: int
    database_url: str

    def __init__(self, place: Place, *, slots: int = 1) -> None:
        self.place, self.slots = place, slots
        self.crowd = Crowd()
        self._processes: list[Process] = []

    # --- what each does in its own way -----------------------------------------------------------

    def set_up(self) -> None:
        """Its database with its tables, before anything of it runs."""

    def web(self) -> Process:
        """Its web process where applications run, answering."""
        raise NotImplementedError

    def worker(self) -> Process:
        """Its worker where applications run, started."""
        raise NotImplementedError

    def is_quiet(self) -> bool:
        """Whether its queue holds nothing more for a worker that is done."""
        return True

    # --- what is the same of all -----------------------------------------------------------------

    def open(self) -> None:
        """An empty Redis, the database set up and written out."""
        redis.Redis.from_url(self.place.product.redis_url).flushall()
        self.set_up()
        with self.server() as server:
            server.execute("CHECKPOINT")

    def close(self) -> None:
        """Ends its processes and drops its database, so that no autovacuum of it is counted as another's work."""
        for process in list(self._processes):
            self.end(process)
        with self.server() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{self.database_url.rpartition("/")[2]}" WITH (FORCE)')

    def server(self) -> Any:
        """A session beside all columns' databases."""
        return psycopg.connect(self.place.product.database_url.rpartition("/")[0] + "/postgres", autocommit=True)

    def started(self, process: Process) -> Process:
        """The process, where applications run and ended in the end."""
        self._processes.append(process)
        cpu.pin(process.pid, *self.place.cores.of_application(len(self._processes) - 1))
        return process

    def end(self, process: Process) -> None:
        """kill -9 of a process of this column."""
        self._processes.remove(process)
        process.kill()

    def is_done(self, asking: Any) -> bool:
        """Whether all is done. asking: a session that is held open, since each new one costs PostgreSQL 3 ms."""
        for process in self._processes:
            assert process.is_alive, f"{process.name} ended:\n{process.last_words()}"
        return bool(asking.execute(self.DONE, prepare=True).fetchone() == (True,))

    def counts(self) -> tuple[int, ...]:
        """Events stored, processed, and in the ledger."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return tuple(connection.execute(self.COUNTS).fetchone() or ())
