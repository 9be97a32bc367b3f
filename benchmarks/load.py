"""`python -m benchmarks.load FILE PORT CONNECTIONS`: posts each line of a file (signature, TAB, body) once.

Each connection sends its next POST when the last is answered. Prints seconds, p50 and p99 in ms, and what was not 200.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

HEAD = (
    "POST /webhooks/instagram HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "X-Forwarded-Proto: https\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n"
)


async def _connection(port: int, posts: list[bytes], taken: list[float], refused: list[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while posts:
        request, begun = posts.pop(), time.monotonic()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        await _body(reader, head.lower())
        taken.append(time.monotonic() - begun)
        if (status := int(head[9:12])) != 200:
            refused.append(status)
    writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> None:
    if b"transfer-encoding: chunked" in head:
        await reader.readuntil(b"0\r\n\r\n")
        return
    length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    await reader.readexactly(int(length.split(b":")[1]))


async def _all(path: str, port: int, connections: int) -> dict[str, object]:
    posts = [_request(line) for line in Path(path).read_bytes().splitlines()][::-1]  # taken from the end
    taken: list[float] = []
    refused: list[int] = []
    begun = time.monotonic()
    await asyncio.gather(*[_connection(port, posts, taken, refused) for _ in range(connections)])
    ranked = sorted(taken)
    p50, p99 = (round(ranked[int(len(ranked) * share)] * 1000, 1) for share in (0.5, 0.99))
    return {"seconds": time.monotonic() - begun, "p50_ms": p50, "p99_ms": p99, "refused": refused}


def _request(line: bytes) -> bytes:
    signature, _, body = line.partition(b"\t")
    return HEAD.format(signature=signature.decode(), length=len(body)).encode() + body


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
