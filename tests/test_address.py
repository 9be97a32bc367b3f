"""Whether the web process may listen where it is told to."""

import socket

import pytest

from webhooks_project.address import refusal


@pytest.fixture
def listener():
    """The port of a process that shares it with whoever asks, as Granian does."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_another_process_shares_is_refused(listener, host):
    port = listener.getsockname()[1]

    assert refusal(host, port) == f"{host}:{port} is in use by another process: end it, or set PORT to a free one."


def test_the_connections_of_a_process_that_ended_are_no_hindrance(listener):
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        accepted, _ = listener.accept()
        accepted.close()  # this side closes first, so its port waits a minute
    listener.close()

    assert refusal("127.0.0.1", port) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_system_may_choose_the_port(host):
    assert refusal(host, 0) is None


def test_an_address_of_another_machine_is_refused():
    assert refusal("192.0.2.1", 8000) == (
        "192.0.2.1:8000 cannot be listened on (Cannot assign requested address): set HOST to an address of this "
        "machine and PORT to a port that this user may open."
    )
