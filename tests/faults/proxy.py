"""
A TCP proxy that misbehaves when it is told to; one process for all the services of a run.

    pass            what comes is handed on
    delay           each piece `ms` later
    blackhole       connections are taken and nothing passes, until the mode ends
    reset           open connections are reset, and new ones as they come
    cut_after       `bytes` of the answer pass on each connection, then it is reset
    swallow_replies requests pass, answers vanish; connections that lost something are reset at the end

A mode holds for open and for new connections. What a client sent and was not handed on yet is thrown away
with the client: a request must not arrive after the one who asked has given up.
"""

import asyncio
import json
import socket
import struct
import sys
from collections import deque

HOST = "127.0.0.1"
MODES = ("pass", "delay", "blackhole", "reset", "cut_after", "swallow_replies")
UP, DOWN = "up", "down"  # from the client, to the client
FAR_S = 2.0
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


class Side(asyncio.Protocol):
    """One end of a pipe. `way`: where what is read here goes."""

    def __init__(self, pipe, way):
        self._pipe, self._way = pipe, way

    def connection_made(self, transport):
        self._pipe.ends[self._way] = transport
        if self._way == UP:
            self._pipe.open()
        else:
            self._pipe.flush(UP)

    def data_received(self, data):
        self._pipe.take(self._way, data)

    def connection_lost(self, _):
        self._pipe.end(self._way)

    def pause_writing(self):
        self._pipe.pace("pause_reading", self._way)

    def resume_writing(self):
        self._pipe.pace("resume_reading", self._way)


class Pipe:
    """A client's connection and the one that was made for it."""

    def __init__(self, listener):
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._held = {UP: deque(), DOWN: deque()}
        self._is_over = self._is_drained = False
        self.ends = {UP: None, DOWN: None}  # by the way of what is read there
        self.has_lost = False
        self.passing = listener.passing

    def open(self):
        self._listener.pipes.add(self)
        if self._listener.mode == "reset":
            self.reset()
        else:
            self._task = self._loop.create_task(self._connect())

    async def _connect(self):
        while self._listener.mode == "blackhole" and not self._is_over:
            await self._listener.changed.wait()
        for port in self._listener.in_turn():
            if self._is_over:
                return
            try:
                await asyncio.wait_for(self._loop.create_connection(lambda: Side(self, DOWN), HOST, port), FAR_S)
            except OSError:
                continue
            if self._is_over:
                self.ends[DOWN].abort()
            return
        self.reset()

    def take(self, way, data):
        due = 0.0
        if self._listener.mode == "delay":
            due = self._loop.time() + self._listener.delay_s
            self._loop.call_at(due, self.flush, way)
        self._held[way].append((due, data))
        self.flush(way)

    def flush(self, way):
        """Hands on what may pass now."""
        held, target = self._held[way], self.ends[DOWN if way == UP else UP]
        if self._is_over or target is None or self._listener.mode == "blackhole":
            return
        now = self._loop.time()
        while held and held[0][0] <= now and not self._is_over:
            self._hand_on(way, target, held.popleft()[1])
        if way == DOWN and self._is_drained and not held:
            target.close()

    def _hand_on(self, way, target, data):
        mode = self._listener.mode
        if way == DOWN and mode == "swallow_replies":
            self.has_lost = True
            return
        if way == DOWN and mode == "cut_after":
            target.write(data[: self.passing])
            self.passing -= len(data)
            if self.passing < 0:
                self.reset()
            return
        target.write(data)

    def end(self, way):
        if way == DOWN:  # the service ended it: the client first gets what was said
            self._is_drained = True
            self.flush(DOWN)
        else:
            self._forget()
            if self.ends[DOWN]:
                self.ends[DOWN].abort()

    def reset(self):
        self._forget()
        for transport in filter(None, self.ends.values()):
            if (raw := transport.get_extra_info("socket")) is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()

    def _forget(self):
        self._is_over = True
        self._listener.pipes.discard(self)
        for held in self._held.values():
            held.clear()

    def pace(self, how, way):
        """Whoever writes faster than the other reads has to wait."""
        if (source := self.ends[DOWN if way == UP else UP]) is not None and not source.is_closing():
            getattr(source, how)()


class Listener:
    """The door of one service, which may have several processes."""

    def __init__(self, upstreams):
        self._upstreams = deque(upstreams)
        self.pipes = set()
        self.mode, self.delay_s, self.passing = "pass", 0.0, 0
        self.changed = asyncio.Event()

    def in_turn(self):
        """The ports to try, each time another one first."""
        self._upstreams.rotate(1)
        return list(self._upstreams)

    def set(self, mode, *, ms=0, nbytes=0):
        if mode not in MODES:
            raise ValueError(f"modes are {', '.join(MODES)}")
        self.mode, self.delay_s, self.passing = mode, ms / 1000, nbytes
        self.changed.set()
        self.changed = asyncio.Event()
        for pipe in list(self.pipes):
            pipe.passing = nbytes
            if mode == "reset" or pipe.has_lost:
                pipe.reset()
            pipe.flush(UP)
            pipe.flush(DOWN)


async def serve(wanted):
    """Serves until it is ended. wanted: {"control": port, "listeners": {name: {"port": …, "upstreams": [port]}}}."""
    loop, listeners = asyncio.get_running_loop(), {}
    for name, one in wanted["listeners"].items():
        listeners[name] = listener = Listener(one["upstreams"])
        await loop.create_server(lambda listener=listener: Side(Pipe(listener), UP), HOST, one["port"], backlog=512)

    async def obey(reader, writer):
        while line := await reader.readline():
            asked = json.loads(line)
            listener = listeners[asked.pop("listener")]
            listener.set(asked.pop("mode"), **asked)
            writer.write(json.dumps({"open": len(listener.pipes)}).encode() + b"\n")
        writer.close()

    async with await asyncio.start_server(obey, HOST, wanted["control"]) as control:
        await control.serve_forever()


class ProxyControl:
    """Tells a proxy in another process what to do; safe for threads."""

    def __init__(self, port):
        self._port = port

    def set(self, listener, mode, **how):
        """Sets the mode of one listener; how many connections it has open. how: ms=…, nbytes=…."""
        with socket.create_connection((HOST, self._port), timeout=5) as connection:
            connection.sendall(json.dumps({"listener": listener, "mode": mode, **how}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                return json.loads(answers.readline())["open"]


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
