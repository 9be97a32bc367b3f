"""`python -m benchmarks.load FILE PORT CONNECTIONS [RATE]`: posts each line of a file (signature, TAB, body) once.

Each connection sends its next POST when the last is answered; with a rate, so many a second are due, and the time of
each counts from then. A connection that the server closes is opened anew; a POST that had no answer is sent again.
Prints seconds, when it began (time.monotonic()), p50 and p99 in ms, what was not 200, and how many were sent again.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HEAD = (
    "POST /webhooks/instagram HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "X-Forwarded-Proto: https\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n"
)
MOST_REPEATED, ANSWER_S = 2000, 60.0


class Load:
    """All connections, and what they saw."""

    def __init__(self, posts: list[bytes], *, port: int, rate: float) -> None:
        self._port, self._rate = port, rate
        self.begun = time.monotonic()
        self._posts: Iterator[tuple[int, bytes]] = iter(enumerate(posts))
        self.taken: list[float] = []
        self.refused: list[int] = []
        self.repeated = 0

    async def connection(self) -> None:
        """Sends what is left, one after the other."""
        opened = None
        for number, request in self._posts:
            since = await self._due(number)
            while True:
                try:
                    opened = opened or await asyncio.open_connection("127.0.0.1", self._port)
                    status, closes = await asyncio.wait_for(_answer(*opened, request), ANSWER_S)
                    break
                except (ConnectionError, asyncio.IncompleteReadError):
                    self.repeated += 1
                    if self.repeated > MOST_REPEATED:
                        raise
                    opened = _closed(opened)
            self.taken.append(time.monotonic() - since)
            if status != 200:
                self.refused.append(status)
            if closes:
                opened = _closed(opened)
        _closed(opened)

    async def _due(self, number: int) -> float:
        if not self._rate:
            return time.monotonic()
        due = self.begun + number / self._rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        return due


def _closed(opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None) -> None:
    if opened:
        opened[1].close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bool]:
    """The status, and whether the server closes."""
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        await reader.readuntil(b"0\r\n\r\n")
    else:
        length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        await reader.readexactly(int(length.split(b":")[1]))
    return int(head[9:12]), b"connection: close" in head


async def _all(path: str, port: int, connections: int, rate: float) -> dict[str, object]:
    load = Load([_request(line) for line in Path(path).read_bytes().splitlines()], port=port, rate=rate)
    await asyncio.gather(*[load.connection() for _ in range(connections)])
    ranked = sorted(load.taken)
    p50, p99 = (round(ranked[int(len(ranked) * share)] * 1000, 1) for share in (0.5, 0.99))
    seen = {"refused": load.refused, "repeated": load.repeated}
    return {"seconds": time.monotonic() - load.begun, "begun": load.begun, "p50_ms": p50, "p99_ms": p99, **seen}


def _request(line: bytes) -> bytes:
    signature, _, body = line.partition(b"\t")
    return HEAD.format(signature=signature.decode(), length=len(body)).encode() + body


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[4:]] or [0.0]
    print(json.dumps(asyncio.run(_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), given[0]))))
