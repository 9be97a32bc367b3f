"""What reaches a log line, whoever logs it and however."""

import io
import json
import logging
import logging.config
import threading
import uuid

import pytest

from audit import correlation
from audit.redaction import FIELDS, QuietHandler, RedactingFormatter, logging_config

CANARY = "canary-4917612345678 says hello"


def said(record):
    return json.loads(RedactingFormatter(render="json").format(record))


def a_record(msg, *args, logger="instagram_webhooks.worker.work", level=logging.INFO, exc_info=None, extra=None):
    return logging.getLogger(logger).makeRecord(
        logger, level, "/somewhere/site-packages/lib/code.py", 7, msg, args, exc_info, extra=extra
    )


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_an_allowed_fact_is_shown_and_another_key_is_only_named():
    line = said(a_record("event.processed", extra={"attempt": 2, "customer_name": "Canary"}))

    assert line["attempt"] == 2
    assert line["redacted_fields"] == ["customer_name"]
    assert "Canary" not in str(line)


@pytest.mark.parametrize("value", [CANARY, {"text": CANARY}, [CANARY], CANARY.encode()])
def test_an_allowed_key_does_not_let_a_text_through(value):
    line = said(a_record("event.failed", extra={"reason": value}))

    assert "reason" not in line
    assert line["redacted_fields"] == ["reason"]


def test_an_id_is_shown_as_text():
    event_id = uuid.uuid4()

    assert said(a_record("event.failed", extra={"event_id": event_id}))["event_id"] == str(event_id)


def test_every_line_of_bound_work_carries_its_ids():
    event_id = uuid.uuid4()

    with correlation.bind(correlation_id="abc.1", event_id=event_id):
        inside = said(a_record("event.processed"))
    outside = said(a_record("event.processed"))

    assert (inside["correlation_id"], inside["event_id"]) == ("abc.1", str(event_id))
    assert "correlation_id" not in outside


def test_an_exception_is_its_class_and_its_places_without_what_it_said():
    trace = raised(RuntimeError(CANARY), cause=KeyError(CANARY))

    line = said(a_record("event.failed", exc_info=trace))

    assert line["error"] == "RuntimeError"
    assert any(frame.startswith("tests/audit/test_redaction.py:") for frame in line["frames"])
    assert "from KeyError" in line["frames"]
    assert CANARY not in str(line)


@pytest.mark.parametrize("message", [f"got {CANARY}", CANARY, "got %s"])
def test_a_message_of_ours_that_is_no_event_name_is_withheld(message):
    line = said(a_record(message, *([CANARY] if "%" in message else [])))

    assert line["event"] == "withheld lib/code.py:7"
    assert CANARY not in str(line)


def test_an_unknown_library_says_only_where_it_logged():
    line = said(a_record(f"unclosed {CANARY}", logger="asyncio"))

    assert line["event"] == "withheld lib/code.py:7"
    assert line["logger"] == "asyncio"


def test_a_library_template_keeps_its_numbers_and_hides_the_rest():
    line = said(a_record("Retrying (%r) after %r: %s, %d", 3, OSError(CANARY), CANARY, 503, logger="urllib3.retry"))

    assert line["event"] == "Retrying (3) after '<OSError>': <str>, 503"


def test_a_number_that_could_be_a_phone_number_is_hidden_in_a_template():
    line = said(a_record("for %s", 4917612345678, logger="urllib3.retry"))

    assert line["event"] == "for <int>"


def test_celery_names_its_task_and_not_what_the_exception_said():
    line = said(
        a_record(
            "Task %(name)s[%(id)s] %(description)s: %(exc)s",
            {
                "name": "process_event",
                "id": "0192f3",
                "description": "raised unexpected",
                "exc": f"E({CANARY!r})",
            },
            logger="celery.app.trace",
        )
    )

    assert line["event"] == "Task process_event[0192f3] <str>: <str>"


def test_celery_names_its_host_and_broker():
    line = said(a_record("Connected to %s", "redis://127.0.0.1:6379/0", logger="celery.worker.consumer"))

    assert line["event"] == "Connected to redis://127.0.0.1:6379/0"


def test_only_the_first_line_of_a_template_is_shown():
    line = said(a_record(f"Application raised\n{CANARY}", logger="_granian.wsgi"))

    assert line["event"] == "Application raised"


def test_a_failed_request_names_its_route_and_status_and_not_its_path():
    class Match:
        route = "admin/<path:object_id>/change/"

    class Request:
        resolver_match = Match

    extra = {"status_code": 500, "request": Request()}
    line = said(a_record("%s: %s", "Internal Server Error", f"/x?q={CANARY}", logger="django.request", extra=extra))

    assert line["event"] == "django.request admin/<path:object_id>/change/"
    assert line["status_code"] == 500
    assert CANARY not in str(line)


@pytest.mark.parametrize("as_argument", [True, False])  # Python's ways before and since 3.11
def test_a_warning_names_its_category_and_place(as_argument):
    text = f"/usr/lib/python3/site-packages/lib/code.py:12: UserWarning: {CANARY}\n  use({CANARY!r})\n"
    line = said(a_record(*(["%s", text] if as_argument else [text]), logger="py.warnings"))

    assert line["event"] == "UserWarning lib/code.py:12"


@pytest.mark.parametrize("logger", ["instagram_webhooks", "celery.worker", "urllib3", "unknown", "py.warnings"])
def test_wrong_arguments_break_nothing_and_leak_nothing(logger):
    line = said(a_record("%d and %(x)s", CANARY, CANARY, logger=logger))

    assert CANARY not in str(line)


def test_a_line_that_cannot_be_written_is_dropped_in_silence(capsys):
    class Full(io.StringIO):
        def write(self, _):
            raise OSError("no space left")

    QuietHandler(Full()).emit(a_record(CANARY))

    assert capsys.readouterr().err == ""


def test_a_console_line_is_readable_and_just_as_silent():
    line = RedactingFormatter(render="console").format(
        a_record("event.failed", extra={"attempt": 2, "text": CANARY}, exc_info=raised(ValueError(CANARY)))
    )

    assert "event.failed" in line
    assert "attempt" in line
    assert CANARY not in line


def test_the_configuration_takes_away_every_other_handler():
    config = logging_config(level="debug", fmt="json")

    logging.config.DictConfigurator(config)  # its form is right
    assert config["root"] == {"handlers": ["redacted"], "level": "DEBUG"}
    assert config["loggers"]["django"]["handlers"] == []
    assert config["loggers"]["django.server"]["handlers"] == []
    assert list(config["handlers"]) == ["redacted"]


def test_no_field_that_could_hold_personal_data_is_on_the_list():
    assert not FIELDS & {
        "text",
        "message",
        "payload",
        "body",
        "name",
        "token",
        "sender",
        "partner",
        "phone",
        "url",
    }


def test_work_in_one_thread_does_not_name_the_lines_of_another():
    seen = []

    with correlation.bind(correlation_id="abc.1"):
        thread = threading.Thread(target=lambda: seen.append(correlation.current().correlation_id))
        thread.start()
        thread.join()

    assert seen == [""]
