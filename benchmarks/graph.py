"""`python -m benchmarks.graph PORT`: answers each send at once with an id of its own, for as little CPU as can be."""

import asyncio
import itertools
import sys

_numbers = itertools.count(1)


class Graph(asyncio.Protocol):
    """One connection of the product's."""

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
            is_send, self._given = head.startswith(b"post"), self._given[whole:]
            body = b'{"recipient_id":"1","message_id":"m-bench-%d"}' % next(_numbers) if is_send else b'{"data":[]}'
            self._transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Graph, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
