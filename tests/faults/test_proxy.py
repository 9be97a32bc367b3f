"""Each mode of the proxy against a server that says what it hears."""

import json
import socket
import socketserver
import sys
import threading
import time

import pytest

from tests.faults.proxy import HOST, ProxyControl
from tests.processes.process import Process, until
from webhooks_project.embedded.server import free_port


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        with self.server.lock:
            self.server.connections += 1
        try:
            while data := self.request.recv(65536):
                with self.server.lock:
                    self.server.heard += data
                self.request.sendall(data)
        except OSError:
            pass


class EchoServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self):
        self.lock, self.heard, self.connections = threading.Lock(), b"", 0
        super().__init__((HOST, 0), Echo)


class House:
    """A proxy in front of a server that nobody runs and one that says what it hears."""

    def __init__(self, folder):
        self.server = EchoServer()
        threading.Thread(target=self.server.serve_forever, args=[0.05], daemon=True).start()
        self.port, control = free_port(), free_port()
        upstreams = [free_port(), self.server.server_address[1]]
        wanted = {"control": control, "listeners": {"echo": {"port": self.port, "upstreams": upstreams}}}
        self.process = Process(
            "proxy", ["-m", "tests.faults.proxy", json.dumps(wanted)], folder=folder, environ={"PATH": sys.prefix}
        )
        self._control = ProxyControl(control)
        until(self._is_up, "the proxy listens")

    def set(self, mode, **how):
        return self._control.set("echo", mode, **how)

    def _is_up(self):
        try:
            return self.set("pass") == 0
        except OSError:
            return False

    def client(self):
        return socket.create_connection((HOST, self.port), timeout=5)

    def heard(self):
        with self.server.lock:
            return self.server.heard


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("proxy"))
    yield house
    house.process.kill()
    house.server.shutdown()
    house.server.server_close()


@pytest.fixture
def house(running):
    running.set("pass")
    with running.server.lock:
        running.server.heard = b""
    return running


def said(client, words):
    """What comes back."""
    client.sendall(words)
    return received(client, len(words))


def received(client, count):
    found = b""
    while len(found) < count and (piece := client.recv(count - len(found))):
        found += piece
    return found


def test_bytes_pass_in_both_ways_and_the_end_too(house):
    large = bytes(range(256)) * 8192

    with house.client() as client:
        thread = threading.Thread(target=client.sendall, args=[large])
        thread.start()
        assert received(client, len(large)) == large
        thread.join()

    until(lambda: house.set("pass") == 0, "the pipe is gone")


def test_a_delayed_piece_comes_later_in_its_place(house):
    with house.client() as client:
        assert said(client, b"at once") == b"at once"
        house.set("delay", ms=60)
        began = time.monotonic()
        client.sendall(b"late ")
        house.set("pass")
        client.sendall(b"words")

        assert received(client, 10) == b"late words"
        assert time.monotonic() - began >= 0.06


def test_nothing_passes_a_black_hole_until_it_ends(house):
    with house.client() as before:
        assert said(before, b"a") == b"a"
        house.set("blackhole")
        before.sendall(b"b")
        with house.client() as after:
            after.sendall(b"c")
            before.settimeout(0.15)
            with pytest.raises(TimeoutError):
                before.recv(1)
            assert house.heard() == b"a"
            house.set("pass")
            before.settimeout(5)

            assert received(before, 1) == b"b"
            assert received(after, 1) == b"c"


def test_what_a_client_said_into_a_black_hole_dies_with_it(house):
    with house.client() as before:
        assert said(before, b"a") == b"a"
        house.set("blackhole")
        before.sendall(b"never")
    with house.client() as after:
        after.sendall(b"never either")
    until(lambda: house.set("blackhole") == 0, "the pipes are gone")

    house.set("pass")

    with house.client() as client:
        assert said(client, b"z") == b"z"
    assert house.heard() == b"az"


def test_reset_ends_open_connections_and_new_ones(house):
    with house.client() as before:
        assert said(before, b"a") == b"a"
        house.set("reset")
        with pytest.raises(ConnectionResetError):
            before.recv(1)
    with pytest.raises(ConnectionResetError), house.client() as after:  # while it connects, or right after
        after.recv(1)


def test_an_answer_is_cut_after_so_many_bytes(house):
    with house.client() as client:
        house.set("cut_after", nbytes=4)
        client.sendall(b"abcdefgh")

        assert received(client, 4) == b"abcd"
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    until(lambda: house.heard() == b"abcdefgh", "the request passed whole")


def test_swallowed_answers_are_lost_with_their_connection(house):
    with house.client() as client, house.client() as other:
        assert said(other, b"x") == b"x"
        house.set("swallow_replies")
        client.sendall(b"request")
        until(lambda: b"request" in house.heard(), "the request arrived")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)

        house.set("pass")

        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert said(other, b"y") == b"y"


def test_a_process_that_is_not_there_is_passed_over(house):
    for _ in range(4):
        with house.client() as client:
            assert said(client, b"a") == b"a"
