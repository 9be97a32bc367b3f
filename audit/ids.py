"""Public ids: UUID version 7, made by the application, so that rows sort by their making."""

import os
import random
import time
import uuid
from datetime import UTC, datetime, timedelta

# Between the clock that an id was made by and the database's.
CLOCKS_DIFFER = timedelta(minutes=10)

# An id has to differ from all others, and is no secret. Whoever asks the system for random bits gives up Python's lock,
# and another thread goes on: that took 5 % of a webhook's time. Seeded by the system, anew after a fork.
_bits = random.Random()
os.register_at_fork(after_in_child=_bits.seed)


def uuid7() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562, 6.2, method 3): milliseconds since the epoch, 1/4096 of one, then 62 random bits.

    So what is made a quarter of a microsecond later sorts later, unless the clock was set back. The standard library
    has its own from Python 3.14 on.
    """
    return uuid.UUID(int=_made())


def uuid7_text() -> str:
    """A new one as text, which sorts as it does; str() of an object takes nearly twice as long."""
    digits = f"{_made():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _made() -> int:
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    fraction = (nanos << 12) // 1_000_000
    return millis << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | _bits.getrandbits(62)


def first_id(at: datetime, apart: timedelta) -> uuid.UUID:
    """No id that was made at or after that time, and apart, is smaller; whatever year a person typed."""
    millis = (at - datetime(1970, 1, 1, tzinfo=UTC) + apart) // timedelta(milliseconds=1)
    return uuid.UUID(int=min(max(millis, 0), 2**48 - 1) << 80)
