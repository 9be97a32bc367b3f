"""What a log line may say: an allow-list of fields, ids and numbers as values, no exception text.

A line is built from facts. Four kinds of logger are told apart:
- ours: the message is a dotted name (`event.processed`); anything else is withheld, since it may be
  an f-string. `%` arguments are never filled in; facts go into `extra`.
- libraries whose messages are constant templates: the template, with numbers filled in and every
  other argument replaced by its type.
- libraries that name things (hosts, task names, queues): identifier-like words are filled in too.
- everyone else: the place in the code instead of the message.
"""

import logging
import re
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import structlog

from audit import correlation
from audit.facts import IDENTIFIER, NotAFact, plain
from audit.frames import class_of, frames_of, short_path

Format = Literal["json", "console"]

# Each is a fact: an id, a code, a count or a time. A new key is hidden until it is let out here.
FIELDS = frozenset(
    """
    account account_id accounts action actor age_s alive at attempt attempts backlog broker bytes cause channel check
    child_pid claimed code command concurrency conversation_id correlation_id count database delay_s
    dead_letter_id dead_letter_ids dropped due duration_ms error error_class event_id event_ids exit_code
    expires_at fence free_slots graph_code graph_subcode handed_back happened_at in_flight interval_s job kind
    kinds known lane lease_s lease_until limit lost method new next_attempt_at offered order_at outcome rescued found
    parked paused_until pid pool port provider published queue queued reason received_at reclaimed redelivered
    release released reply_id reply_state route secret_index secret_position seconds signal silent_s size slot
    slots started_at starts state status status_code step stopped_at subcode swept task task_id tasks timeout_s
    trace_id until version wait_s waited_s waits_for worker_id workers
    """.split()  # noqa: SIM905  # one word a line would hide that this is one list
)

OURS = ("audit", "dead_letters", "instagram_webhooks", "webhooks_project")
NAMING = ("celery.apps", "celery.beat", "celery.pool", "celery.worker", "kombu", "granian", "_granian")
TEMPLATES = (
    *("amqp", "celery.app", "celery.backends", "celery.bootsteps", "celery.concurrency", "celery.utils"),
    *("django.db", "django.server", "psycopg", "urllib3", "requests"),
)

_RECORD_KEYS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_EVENT_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_WORD = re.compile(r"[A-Za-z0-9_.:@/*+\[\]-]{1,128}")
_WARNING = re.compile(r"^(?P<file>[^\n]*):(?P<line>\d+): (?P<category>\w+):")
_NAMED_ARGS = frozenset({"name", "id", "description", "runtime", "hostname"})  # Celery's templates
_MANY = 1_000_000  # a larger number may be an id of a person at a provider, or a phone number


class RedactingFormatter(logging.Formatter):
    """Renders a record as one line of facts, as JSON or for a console; never raises."""

    def __init__(self, *, render: Format) -> None:
        super().__init__()
        self._render = (
            structlog.processors.JSONRenderer()
            if render == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=28)
        )

    def format(self, record: logging.LogRecord) -> str:
        try:
            return str(self._render(None, "", facts_of(record)))
        except Exception as error:  # noqa: BLE001  # logging would print the message and its arguments instead
            return f'{{"event": "log.unprintable", "level": "error", "error": "{type(error).__name__}"}}'


class QuietHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not generic at run time
    """Writes to standard error; a line that cannot be written is dropped.

    The standard handler reports such a failure with the record's message and arguments.
    """

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: the report is the leak."""


def facts_of(record: logging.LogRecord) -> dict[str, object]:
    """All that may be said about a record, by field."""
    about = correlation.current()
    facts: dict[str, object] = {
        "timestamp": _moment(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": _event(record),
    }
    if about.correlation_id:
        facts["correlation_id"] = about.correlation_id
    if about.event_id:
        facts["event_id"] = str(about.event_id)
    facts |= _extras(record)
    if record.exc_info and record.exc_info[1] is not None:
        facts["error"] = class_of(record.exc_info[1])
        facts["frames"] = frames_of(record.exc_info[1], record.exc_info[2])
    return facts


def logging_config(*, level: str, fmt: Format) -> dict[str, object]:
    """Django's LOGGING: one redacting handler at the root, and no other handler anywhere.

    Django's defaults print to a console of their own and mail whole exception reports; both are
    taken away by naming their loggers. `celery.app.trace` is raised to WARNING because its success
    line repeats ours and prints the result of the task. SQL is never logged: it carries values.
    """
    chatty = ("celery.app.trace", "celery.worker.strategy", "urllib3", "requests", "redis", "amqp")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"redacted": {"()": "audit.redaction.RedactingFormatter", "render": fmt}},
        "handlers": {"redacted": {"class": "audit.redaction.QuietHandler", "formatter": "redacted"}},
        "root": {"handlers": ["redacted"], "level": level.upper()},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            "django.db.backends": {"level": "INFO"},
            **{name: {"level": "WARNING"} for name in chatty},
        },
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _extras(record: logging.LogRecord) -> dict[str, object]:
    shown: dict[str, object] = {}
    hidden: list[str] = []
    for key, value in vars(record).items():
        if key in _RECORD_KEYS:
            continue
        try:
            if key not in FIELDS:
                raise NotAFact
            shown[key] = plain(value)
        except NotAFact:
            hidden.append(key if IDENTIFIER.fullmatch(key) else "?")
    if hidden:
        shown["redacted_fields"] = sorted(hidden)
    return shown


def _event(record: logging.LogRecord) -> str:
    if record.name == "py.warnings":
        return _warning(record)
    if record.name == "django.request":  # its arguments are the path, which may be anything
        return f"django.request {_route(record)}".strip()
    if _within(record.name, OURS):
        known = isinstance(record.msg, str) and _EVENT_NAME.fullmatch(record.msg)
        return record.msg if known else _place(record)
    if isinstance(record.msg, str) and _within(record.name, (*NAMING, *TEMPLATES)):
        with suppress(TypeError, ValueError, KeyError):  # a template that wants a number where we hid one
            return _filled(record, words=_within(record.name, NAMING))
    return _place(record)


def _within(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def _place(record: logging.LogRecord) -> str:
    return f"withheld {short_path(record.pathname)}:{record.lineno}"


def _route(record: logging.LogRecord) -> str:
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    return str(getattr(match, "route", ""))


def _warning(record: logging.LogRecord) -> str:
    text = str(record.args[0] if isinstance(record.args, tuple) and record.args else record.msg)
    found = _WARNING.match(text)
    return f"{found['category']} {short_path(found['file'])}:{found['line']}" if found else "warning"


def _filled(record: logging.LogRecord, *, words: bool) -> str:
    """The first line of the template with its harmless arguments filled in."""
    text = str(record.msg).strip()
    if isinstance(record.args, Mapping):
        text %= {key: _shown(value, words=words or key in _NAMED_ARGS) for key, value in record.args.items()}
    elif record.args:
        text %= tuple(_shown(value, words=words) for value in record.args)
    return text.split("\n", 1)[0][:300]


def _shown(value: object, *, words: bool) -> object:
    if value is None or isinstance(value, bool | float | uuid.UUID):
        return value
    if isinstance(value, int) and abs(value) < _MANY:
        return value
    if words and isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return f"<{type(value).__name__}>"
