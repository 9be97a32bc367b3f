"""What is spared around a webhook, and what is not around a page."""

import io
import threading
from types import SimpleNamespace

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.http import HttpResponse

from webhooks_project import short_way

ENVIRON = {
    "REQUEST_METHOD": "GET", "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
    "wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "https",
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """Asks for a path; the answer, what Django did at the beginning, and how often it was told of an end."""
    tidied, ended = [], []
    application = short_way.around(get_wsgi_application())
    monkeypatch.setattr(short_way, "_thread", threading.local())
    monkeypatch.setattr(short_way, "_AT_THE_BEGINNING", (lambda: tidied.append("begun"),))

    def told(**_):
        ended.append("ended")

    request_finished.disconnect(close_old_connections)  # the test's own is needed
    request_finished.connect(told)

    def ask(path):
        answer = application(
            ENVIRON | {"PATH_INFO": path, "wsgi.input": io.BytesIO()}, lambda status, headers: ended.clear()
        )
        return answer, tidied, ended

    yield ask
    request_finished.disconnect(told)
    request_finished.connect(close_old_connections)
    for each in (reset_queries, close_old_connections):
        request_started.connect(each)


def test_a_webhook_s_answer_is_whole_and_nothing_is_tidied_up_around_it(asked):
    answer, tidied, ended = asked("/webhooks/telegram")

    assert (answer, tidied, ended) == ([b"unknown_provider"], [], [])


def test_around_a_page_django_does_what_it_does(asked):
    answer, tidied, ended = asked("/")

    assert isinstance(answer, list)
    assert (tidied, ended) == (["begun"], ["ended"])


def test_a_webhook_looks_at_what_a_page_opened_in_its_thread_until_it_is_closed(asked, monkeypatch):
    opened = [SimpleNamespace(connection=object())]
    monkeypatch.setattr(short_way, "connections", SimpleNamespace(all=lambda initialized_only: opened))

    asked("/")
    asked("/webhooks/telegram")
    opened.clear()
    asked("/webhooks/telegram")
    _, tidied, _ = asked("/webhooks/telegram")

    assert tidied == ["begun"] * 3  # the page, and two webhooks: the second found it closed


def test_what_fails_at_the_end_of_a_request_does_not_take_the_place_of_its_answer(asked, monkeypatch, caplog):
    monkeypatch.setattr(HttpResponse, "close", lambda self: 1 / 0)

    answer, _, _ = asked("/")

    assert isinstance(answer, list)
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["request.end_failed"]


def test_a_stream_is_handed_over_as_it_is(asked):
    answer, _, _ = asked("/static/admin/css/base.css")

    assert not isinstance(answer, list)
    assert b"".join(answer)
    answer.close()
