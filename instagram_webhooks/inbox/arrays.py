"""
Rows as arrays, a column each, in PostgreSQL's binary form and written in one go; and the statement's side of it.

psycopg adapts an array element by element in Python: of 1000 events with 13 columns that took 65 ms of the door's time,
and this takes a tenth of it. To read them as text took PostgreSQL a fifth of what it does to store an event.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

# What `array_recv` and the types' own receiving functions read (PostgreSQL, src/backend/utils/adt).
_HEAD = struct.Struct(">iiIii")  # dimensions, flags, type of the elements, how many, number of the first
_SIZE, _NULL = struct.Struct(">i").pack, struct.pack(">i", -1)
_SMALLINT, _INT, _BIGINT = (struct.Struct(form).pack for form in (">h", ">i", ">q"))
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def _uuid(value: UUID | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.bytes


def _timestamptz(value: datetime) -> bytes:
    return _BIGINT((value - _EPOCH) // _MICROSECOND)


_KINDS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "bytea": (17, bytes),
    "int": (23, _INT),
    "smallint": (21, _SMALLINT),
    "text": (25, str.encode),
    "timestamptz": (1184, _timestamptz),
    "uuid": (2950, _uuid),  # or its 16 bytes
}


class Array(bytes):
    """An array as PostgreSQL receives it; for a parameter with its type, `%(name)s::uuid[]`, of a Line."""


class ArrayDumper(Dumper):
    """Has psycopg send an Array as it is; the statement says its type."""

    format = Format.BINARY

    def dump(self, obj: Array) -> bytes:
        """The array itself."""
        return obj


def take_arrays(connection: psycopg.Connection[Any]) -> None:
    """From now on the connection sends Arrays."""
    connection.adapters.register_dumper(Array, ArrayDumper)


def array(kind: str, values: Sequence[Any]) -> Array:
    """The values, of one type of PostgreSQL's, or None for NULL."""
    oid, encoded = _KINDS[kind]
    parts = [_HEAD.pack(1, 0, oid, len(values), 1) if values else _HEAD.pack(0, 0, oid, 0, 0)[:12]]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            data = encoded(value)
            parts.append(_SIZE(len(data)))
            parts.append(data)
    return Array(b"".join(parts))


def columns(rows: Iterable[object], kinds: Mapping[str, str]) -> dict[str, object]:
    """Of some rows, one at least, these two or more attributes, each of its type: an Array each, by its name."""
    values = zip(*map(attrgetter(*kinds), rows), strict=True)
    return {name: array(kind, column) for (name, kind), column in zip(kinds.items(), values, strict=True)}


def as_input(kinds: Mapping[str, str]) -> str:
    """The parameters that `columns` gives as rows again, as a common table expression of the name `input`."""
    arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in kinds.items())
    return f"input AS (SELECT * FROM unnest({arrays}) AS given({', '.join(kinds)}))"
