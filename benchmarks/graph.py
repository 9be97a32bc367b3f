"""`python -m benchmarks.graph PORT [LATENCY_MS]`: answers each send with an id of its own, for as little CPU as can be.

Without a latency at once. GET /_told, never delayed, tells how many were sent and, by recipient, how many and when the
first came (time.monotonic(), which all processes of a machine share).
"""

import asyncio
import itertools
import json
import sys
import time

_numbers = itertools.count(1)


class Graph(asyncio.Protocol):
    """One connection of a column's."""

    latency_s = 0.0
    sent = 0
    recipients: dict[str, list[float]] = {}  # noqa: RUF012 - of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the connection."""
        self._transport, self._given = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answers each whole request."""
        self._given += data
        while (end := self._given.find(b"\r\n\r\n")) >= 0:
            head = self._given[:end].lower()
            at = head.find(b"content-length:")
            whole = end + 4 + (int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0)
            if len(self._given) < whole:
                return
            body, self._given = self._given[end + 4 : whole], self._given[whole:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"get /_told"):
            self._write(json.dumps({"sent": Graph.sent, "recipients": self.recipients}).encode())
            return
        answer = _sent(body) if head.startswith(b"post") else b'{"data":[]}'
        if self.latency_s:
            asyncio.get_running_loop().call_later(self.latency_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )


def _sent(body: bytes) -> bytes:
    call = json.loads(body) if body.startswith(b"{") else {}
    if "message" not in call:
        return b'{"success":true}'
    Graph.sent += 1
    Graph.recipients.setdefault(call["recipient"]["id"], [0, time.monotonic()])[0] += 1
    return b'{"recipient_id":"1","message_id":"m-bench-%d"}' % next(_numbers)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Graph, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    Graph.latency_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0
    asyncio.run(_serve(int(sys.argv[1])))
