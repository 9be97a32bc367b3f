"""All news of a minute is one message; it is told until it was delivered, each way by itself."""

import base64
import hashlib
import hmac
import json
import smtplib
import threading

import pytest
from django.core import mail

from instagram_webhooks.alarms import deliver, incidents, message, telling
from instagram_webhooks.models import Incident, Turn
from tests.alarms.conftest import SECRET, Box, Chat, stopped, told
from tests.builders import knobs

pytestmark = pytest.mark.django_db


def test_a_beginning_and_an_end_are_told_once_each(box):
    stopped("@shop")
    first = [told(box), told(box)]
    stopped()

    assert first == [1, 0]
    assert [told(box), told(box)] == [1, 0]
    began = "@shop cannot be worked for: Meta refuses its token"
    assert box.subjects == [began, f"Over: {began}"]


def test_a_message_says_since_when_what_is_safe_and_where_to_read_on(box):
    with knobs(desk_url="https://desk.example"):
        stopped("@shop")
        told(box)

    lines = box.messages[0].body.splitlines()
    assert lines[1].startswith("Since 20")
    assert lines[2].startswith("Safe: Its events are kept")
    assert lines[3] == "Look: https://desk.example/admin/instagram_webhooks/account/@shop/change/"
    assert lines[4] == "Runbook: https://desk.example/admin/runbook/#account_stopped"


def test_without_an_address_of_the_desk_a_message_names_the_page_by_its_path(box):
    stopped("@shop")
    told(box)

    assert "Runbook: /admin/runbook/#account_stopped" in box.messages[0].body


def test_all_news_of_a_minute_is_one_message_that_spells_out_ten(box):
    stopped("@old")
    told(box)
    stopped(*[f"@shop{n}" for n in range(1000)])

    assert told(box) == 1
    message = box.messages[1]
    assert message.subject == "999 alerts, 1 over"  # a thousand rows at once; the last one by the next
    assert message.body.count("●") == 10
    assert "And 990 more" in message.body


def test_news_within_the_minute_waits_for_the_next_message(box):
    stopped("@shop")
    told(box, pause_s=60.0)
    stopped("@shop", "@other")

    assert told(box, pause_s=60.0) == 0
    Turn.objects.all().delete()
    assert told(box) == 1


def test_what_began_and_ended_before_it_was_told_is_told_as_both(box):
    stopped("@shop")
    stopped()

    assert [told(box), told(box)] == [1, 0]
    assert "It was so from 20" in box.messages[0].body


def test_one_that_lacks_a_fact_of_its_sentence_keeps_no_other_untold(box, caplog):
    Incident.objects.create(kind="waiting_head", key="of an earlier release", facts={})
    stopped("@shop")
    with caplog.at_level("ERROR"):
        assert told(box) == 1

    body = box.messages[0].body
    assert "waiting head of an earlier release" in body
    assert "@shop cannot be worked for" in body
    assert not Incident.objects.filter(posted_at=None).exists()


def test_what_goes_on_elsewhere_and_has_ended_here_begins_nothing():
    incidents.note({"waiting_head": [incidents.Seen(key="a", goes_on=True)]})

    assert not Incident.objects.exists()


def test_a_channel_that_drips_holds_nobody_up_and_gets_no_second_message_meanwhile():
    ends, sent = threading.Event(), []

    def drip(message):
        sent.append(message)
        ends.wait(20)

    channel = deliver.Channel("post", "a chat", drip)
    news = message.Message("msg_1", "subject", "body")
    try:
        with pytest.raises(deliver.Undelivered, match="longer than"):
            deliver.in_time(channel, news, within_s=0.2)
        with pytest.raises(deliver.Undelivered, match="hangs"):
            deliver.in_time(channel, news, within_s=0.2)
        assert len(sent) == 1
    finally:
        ends.set()


def test_a_failed_delivery_is_no_error_is_tried_again_and_says_so_without_the_address(caplog):
    stopped("@shop")

    with caplog.at_level("WARNING"):
        assert told(Box(error=OSError("https://chat.example/secret"))) == 0

    (line,) = [record for record in caplog.records if record.msg == "alert.failed"]
    assert (line.channel, line.error_class) == ("post", "OSError")
    assert "secret" not in caplog.text
    row = Incident.objects.get()
    assert row.tried_at
    assert not row.posted_at
    assert told(Box()) == 1


def test_the_pause_holds_for_tries_and_not_only_for_successes():
    stopped("@shop")
    told(Box(error=OSError()), pause_s=60.0)

    assert told(Box(), pause_s=60.0) == 0


def test_a_way_that_is_broken_neither_holds_up_nor_repeats_the_other():
    mails, chat = Box("mail"), Box("post", error=OSError())
    stopped("@shop")

    told(mails, chat)
    chat.error = None
    told(mails, chat)

    assert len(mails.messages) == len(chat.messages) == 1


def test_where_nobody_is_to_be_told_it_waits_untold_for_the_day_that_an_address_is_set(settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], ""
    stopped("@shop")
    assert telling.tell(pause_s=0.0) == 0

    settings.ADMINS = [("ops", "ops@example.org")]

    assert telling.tell(pause_s=0.0) == 1


def test_nothing_new_costs_one_look(django_assert_num_queries, box):
    with django_assert_num_queries(1):
        told(box)


def test_a_label_of_two_lines_makes_a_subject_of_one(box):
    stopped("@shop\nBcc: somebody@example.org")
    told(box)

    assert "\n" not in box.subjects[0]


def test_other_news_has_another_id(box):
    stopped("@shop")
    told(box)
    stopped()
    told(box)

    assert len({message.message_id for message in box.messages}) == 2


# --- over real HTTP and by mail ----------------------------------------------------------------------


@pytest.fixture
def chat(settings):
    with Chat() as chat:
        settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], chat.url
        yield chat


def test_a_post_is_one_text_that_slack_shows(chat):
    stopped("@shop")

    assert telling.tell() == 1

    ((headers, body),) = chat.got
    assert list(json.loads(body)) == ["text"]
    assert json.loads(body)["text"].startswith("@shop cannot be worked for: Meta refuses its token\n●")
    assert headers["Content-Type"] == "application/json"
    assert "webhook-signature" not in headers
    assert mail.outbox == []


def test_a_receiver_verifies_the_signature_of_the_bytes_it_got(chat, settings):
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    settings.ALERT_WEBHOOK_SECRET = key
    stopped("@shop")
    telling.tell()

    ((headers, body),) = chat.got
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"].startswith("msg_")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refused_or_redirected_post_counts_as_not_delivered(settings, status):
    stopped("@shop")

    with Chat(status) as chat:
        settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], chat.url
        assert telling.tell() == 0

    assert len(chat.got) == 1
    assert len(incidents.untold("post")) == 1


def test_by_mail_it_goes_to_the_admins(settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [("ops", "ops@example.org")], ""
    stopped("@shop")

    assert telling.tell() == 1

    (letter,) = mail.outbox
    assert letter.subject == "[Instagram Webhooks] @shop cannot be worked for: Meta refuses its token"
    assert letter.to == ["ops@example.org"]


def test_a_mail_server_that_is_away_is_told_by_its_error_alone(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.ADMINS = "127.0.0.1", 1, [("ops", "ops@example.org")]

    (tried,) = telling.try_all(actor="anna")

    assert tried.failure == "the mail server did not take it (ConnectionRefusedError)"
    assert issubclass(smtplib.SMTPException, OSError)  # what else it may raise is caught with that
