"""Public ids: UUID version 7, made by the application, so that rows sort by their making."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562, 6.2, method 3): milliseconds since the epoch, 1/4096 of one, then 62 random bits.

    So what is made a quarter of a microsecond later sorts later, unless the clock was set back. The standard library
    has its own from Python 3.14 on.
    """
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    fraction = (nanos << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=millis << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | random)


def random_text() -> str:
    """A new random UUID (version 4) as text; uuid.uuid4() makes an object of it first, for four times the cost."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
