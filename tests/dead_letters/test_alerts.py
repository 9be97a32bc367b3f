"""New dead letters are told of once a minute, in one message, until it was delivered."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail

from dead_letters import alerts
from dead_letters.models import DeadLetter
from tests.dead_letters.conftest import Box

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ops(settings):
    """Somebody is to be told."""
    settings.ADMINS = [("ops", "ops@example.org")]


def test_where_nobody_is_to_be_told_letters_wait_untold(buried, settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], ""
    letter = buried()

    assert alerts.send_due() == 0

    letter.refresh_from_db()
    assert letter.alerted_at is None


def test_new_letters_make_one_message_of_counts_codes_and_ids(buried, error):
    first = buried()
    buried()
    buried(error=error(error_class="audit.Bug", code="bug", upstream_code=None))
    box = Box()

    assert alerts.send_due(deliver=box) == 3

    ((subject, message),) = box.messages
    assert subject == "3 new dead letters"
    assert message.startswith("2 × GraphRefused graph_refused (100)\n1 × Bug bug\n")
    assert str(first.pk) in message


def test_a_letter_is_told_of_once(buried):
    buried()
    box = Box()

    told = [alerts.send_due(deliver=box, pause_s=0) for _ in range(2)]

    assert told == [1, 0]
    assert len(box.messages) == 1


def test_a_second_death_within_the_minute_waits_for_the_next_message(buried):
    box = Box()
    buried()
    alerts.send_due(deliver=box)
    buried()

    assert alerts.send_due(deliver=box) == 0
    assert alerts.send_due(deliver=box, pause_s=0) == 1
    assert [subject for subject, _ in box.messages] == ["1 new dead letter"] * 2


def test_a_failed_delivery_is_no_error_and_is_tried_again_after_the_pause(buried, caplog):
    letter = buried()

    with caplog.at_level("WARNING", logger="dead_letters.alerts"):
        assert alerts.send_due(deliver=Box(error=OSError("https://chat.example/secret"))) == 0
    letter.refresh_from_db()
    assert letter.alerted_at is None
    assert "secret" not in caplog.text
    box = Box()
    assert alerts.send_due(deliver=box) == 0  # the pause holds for tries, not only for successes
    assert alerts.send_due(deliver=box, pause_s=0) == 1


def test_nothing_new_costs_one_look(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert alerts.send_due(deliver=Box()) == 0


def test_without_a_url_the_alert_is_a_mail_to_the_admins(buried, settings):
    settings.ALERT_WEBHOOK_URL = ""
    settings.ADMINS = [("ops", "ops@example.org")]
    buried()

    assert alerts.send_due() == 1

    (letter,) = mail.outbox
    assert "1 new dead letter" in letter.subject
    assert letter.to == ["ops@example.org"]


class Chat:
    """A real HTTP server that answers one POST with `status` and keeps what it got."""

    def __init__(self, status):
        self.got = []
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                chat.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):  # where a followed redirect would arrive
                chat.got.append("followed")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_with_a_url_the_alert_is_one_post_of_a_text(buried, settings):
    buried()

    with Chat(200) as chat:
        settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], chat.url
        assert alerts.send_due() == 1

    ((body),) = chat.got
    assert body["text"].startswith("1 new dead letter\n1 × GraphRefused graph_refused (100)")
    assert mail.outbox == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refused_or_redirected_post_counts_as_not_delivered(buried, settings, status):
    buried()

    with Chat(status) as chat:
        settings.ALERT_WEBHOOK_URL = chat.url
        assert alerts.send_due() == 0

    assert len(chat.got) == 1
    assert DeadLetter.objects.filter(alerted_at__isnull=True).exists()
