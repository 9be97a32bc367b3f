"""Where the web process listens, tried out before it does."""

import errno
import socket


def refusal(host: str, port: int) -> str | None:
    """Why nothing can listen at an IP address and port, as a sentence; None where it can.

    Granian opens its port with SO_REUSEPORT: beside another process that does so too it would start, and
    each would get a part of the webhooks. Without that option the system refuses the second one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # or a restart waits for old connections
            probe.bind((host, port))
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            return f"{place} is in use by another process: end it, or set PORT to a free one."
        return (
            f"{place} cannot be listened on ({exc.strerror}): set HOST to an address of this machine and PORT to a "
            "port that this user may open."
        )
    return None
