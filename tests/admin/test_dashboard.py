"""The first page: one sentence that is true, figures that lead to their lists, and a menu in the order of work."""

import re
from datetime import UTC, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import causes
from dead_letters.bury import BuriedError, bury
from dead_letters.models import CauseState, ReplayBatch
from instagram_webhooks.desk import health
from instagram_webhooks.inbox import minutes
from instagram_webhooks.models import Account, Minute, Turn, WebhookEvent, Worker
from tests.admin.pages import inline_code, shown
from tests.admin.test_letter_page import dead
from tests.builders import a_message, an_account, knobs, stored

pytestmark = pytest.mark.usefixtures("own_database")
INDEX = "/admin/"
LETTER = {
    "subject_kind": "x", "lane": None, "order_at": None, "provider": "", "kind": "", "account_label": "",
    "correlation_id": "", "attempts": 1,
}  # fmt: skip


@pytest.fixture
def ops(login):
    return login("view_webhookevent", "view_deadletter", "view_cause", "view_account", "view_conversation")


@pytest.fixture
def at_work():
    """A worker that lives, and a broker whose queue is empty."""
    now = timezone.now()
    return Worker.objects.create(host="h", pid=1, pool="threads", slots=5, started_at=now, pulse_at=now)


def sentence(client):
    page = client.get(INDEX, secure=True)
    assert page.status_code == 200
    return page.context["sentence"]


def test_while_nothing_is_wrong_it_says_so(ops, at_work):
    assert sentence(ops) == "All is well: 1 worker at work, no conversation waits."

    stored(a_message("m-1"))
    assert re.fullmatch(r"All is well: 1 worker at work, the oldest event has waited \d s\.", sentence(ops))


def test_without_a_worker_that_is_the_first_thing_said(ops, at_work):
    dead()
    Worker.objects.update(pulse_at=timezone.now() - timedelta(minutes=7))

    assert sentence(ops) == "Degraded: No worker is alive, so nothing is worked off: the last pulse was 7 min ago."


def test_before_the_first_worker(ops):
    assert sentence(ops) == "Degraded: No worker is alive, so nothing is worked off: none ever had one."


def test_a_broker_that_is_away(ops, at_work, nowhere):
    assert sentence(ops).startswith("Degraded: The broker does not answer")
    assert "no answer" in shown(ops, INDEX)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["@berlin"], "@berlin waits for a new token."),
        (["@berlin", "@wien"], "@berlin and @wien wait for a new token."),
        (["@a", "@b", "@c", "@d"], "4 accounts, @a, @b, @c among them, wait for a new token."),
    ],
)
def test_accounts_that_wait_for_a_token_are_named(ops, at_work, labels, said):
    for n, label in enumerate(labels):
        an_account(account_id=str(n), label=label, state="token")
    an_account(account_id="9", label="@well")

    assert sentence(ops) == f"Degraded: {said}"


def test_an_event_that_waits_too_long(ops, at_work):
    (event,) = stored(a_message("m-1"))
    long_ago = timezone.now() - timedelta(minutes=40)
    WebhookEvent.objects.filter(pk=event.pk).update(received_at=long_ago, order_at=long_ago, claimable_at=long_ago)

    with knobs(alert_head_age_s=900):
        assert sentence(ops) == "Degraded: The oldest event has waited 40 min; 1 conversation blocked."


def test_dead_letters_need_somebody_and_are_no_disaster(ops, at_work):
    dead()

    assert sentence(ops) == "Running, and something needs you: 1 dead letter of 1 cause to look at."
    assert "The Graph API failed." in shown(ops, INDEX)


def test_every_trouble_leads_to_its_list(ops, at_work):
    dead()
    an_account(account_id="1", state="blocked")

    page = ops.get(INDEX, secure=True)

    for _, url in page.context["troubles"]:
        assert ops.get(url, secure=True).status_code == 200
    assert len(page.context["troubles"]) == 2


def test_accounts_that_need_somebody_are_those_and_no_others(at_work):
    soon, later, now = (timezone.now() + timedelta(days=days) for days in (3, 40, 1))
    needing = {
        an_account(account_id="1", state="token").pk,
        an_account(account_id="2", token_expires_at=soon).pk,
        an_account(account_id="3", replies="off").pk,
        an_account(account_id="4", paused_until=now).pk,
    }
    an_account(account_id="5", token_expires_at=later, label="@well")
    an_account(account_id="6", label="@well")

    now = health.health()

    assert {account.pk for account in now.accounts} == needing
    assert Account.objects.count() == 6
    told = [trouble.words for trouble in health.troubles(now)]
    assert told == [
        "@shop waits for a new token.",
        "@shop is left alone for a while, after failures.",
        "@shop gets no replies: they are switched off.",
        "@shop needs a new token within 14 days.",
    ]
    assert [trouble.is_grave for trouble in health.troubles(now)] == [True, False, False, False]


def test_events_of_what_was_never_connected_are_told(at_work):
    (event,) = stored(a_message("m-1"))
    WebhookEvent.objects.filter(pk=event.pk).update(state="parked", reason="unknown_account", claimable_at=None)

    (trouble,) = health.troubles(health.health())

    assert trouble.words == f"Events wait for what was never connected: instagram {event.account}."


def test_ignored_and_resolved_causes_do_not_keep_all_from_being_well(ops, at_work):
    _, letter = dead()
    causes.say(letter.cause_id, CauseState.RESOLVED, actor="anna", reason="mended")

    assert sentence(ops).startswith("All is well")


def test_what_takes_too_long_is_left_out_and_the_page_comes(ops, at_work, monkeypatch):
    monkeypatch.setattr(health, "_BLOCKED", "SELECT pg_sleep(30) /* {is_blocked} %(cap)s */")
    monkeypatch.setattr(health, "ASKED_FOR_MS", 50)

    assert "not counted in time" in shown(ops, INDEX)


def test_the_page_takes_as_many_queries_however_much_there_is(ops, at_work):
    dead()
    with CaptureQueriesContext(connection) as few:
        sentence(ops)
    for n in range(10):
        bury(**LETTER, subject_id=uuid7(), error=BuriedError(error_class="E", code=f"code_{n}", summary="Failed."))
        an_account(account_id=str(n), label=f"@{n}", state="token")
        stored(a_message(f"m-{n + 2}", sender=f"61200000000000{n}"))
    with CaptureQueriesContext(connection) as many:
        sentence(ops)

    assert len(many) == len(few)


def test_what_works_by_itself_is_told_with_its_age(ops, at_work):
    Turn.objects.create(name="sweep", free_at=timezone.now(), taken_at=timezone.now() - timedelta(seconds=4))

    assert re.search(r"✓ 1 worker pulse \S+( s ago)? ✓ sweep begun \d+ s ago ◐ beat never yet", shown(ops, INDEX))


def test_nothing_is_said_to_work_that_was_done_long_ago(ops):
    for name in ("sweep", "beat"):
        Turn.objects.create(name=name, free_at=timezone.now(), taken_at=timezone.now() - timedelta(hours=3))

    assert "✕ 0 workers never yet ◐ sweep begun 3 h ago ◐ beat heard 3 h ago" in shown(ops, INDEX)


def test_a_beat_that_is_silent_is_no_disaster_and_is_not_told_of_before_a_worker_could_hear_it(ops, at_work):
    Turn.objects.create(name="beat", free_at=timezone.now(), taken_at=timezone.now() - timedelta(minutes=9))
    assert sentence(ops).startswith("All is well")

    Worker.objects.update(started_at=timezone.now() - timedelta(hours=1))

    said = "Running, and something needs you: Beat has been silent for 9 min. Daily jobs wait."
    assert sentence(ops) == said


def test_every_figure_leads_to_its_list(ops, at_work):
    stored(a_message("m-1"))
    Minute.objects.create(minute=minutes_ago(3, 0), received=7, processed=0, dead=0, p50_ms=1, p95_ms=2)

    page = ops.get(INDEX, secure=True).content.decode()

    links = re.findall(r'<d[dt]><a href="([^"]+)"', page) + re.findall(r'<br><a href="([^"]+)"', page)
    assert len(links) == 10
    assert page.count("<dt>") == page.count("<dd><a ")
    for url in set(links):
        assert ops.get(url, secure=True).status_code == 200


def a_replay(ago, **telling):
    usual = {"name": "503 of 24 Nov", "chosen": {}, "reason": "r", "actor": "anna", "rate": 20, "stop_percent": 10,
             "total": 3}  # fmt: skip
    row = ReplayBatch.objects.create(id=uuid7(), **usual | telling)
    ReplayBatch.objects.filter(pk=row.pk).update(created_at=timezone.now() - ago)
    return row


def test_a_replay_is_marked_in_the_charts_where_it_began_and_named_below(login, at_work):
    ops = login("view_webhookevent", "view_cause", "view_account", "view_replaybatch")
    Minute.objects.create(minute=minutes_ago(1, 0), received=7, processed=0, dead=0)
    within, _ = a_replay(timedelta(minutes=31), name='"><script>x</script>'), a_replay(timedelta(hours=30))

    page = ops.get(INDEX, {"range": "1h"}, secure=True).content.decode()

    marked = re.findall(r'class="mark" x="([\d.]+)"[^>]*><title>([^<]*)</title>', page)
    assert len(marked) == 3  # one a chart
    assert 130 < float(marked[0][0]) < 170  # about the middle of 299
    assert f"/replaybatch/{within.pk}/change/" in page
    assert "<script>x" not in page


def test_without_the_right_no_replay_is_named(ops, at_work):
    Minute.objects.create(minute=minutes_ago(1, 0), received=7, processed=0, dead=0)
    a_replay(timedelta(minutes=31))

    page = shown(ops, INDEX)

    assert "503 of 24 Nov" not in page
    assert "Replays in this time" not in page


@pytest.mark.parametrize("chosen", ["1h", "24h", "7d", "nonsense"])
def test_the_charts_cover_the_chosen_time(ops, at_work, chosen):
    begun = minutes_ago(3, 0)
    Minute.objects.create(minute=begun, received=7, processed=0, dead=0)

    page = ops.get(INDEX, {"range": chosen}, secure=True)

    hours = {"1h": 1, "7d": 168}.get(chosen, 24)
    assert page.context["ends"] == begun + timedelta(minutes=1)
    assert page.context["ends"] - page.context["begins"] == timedelta(hours=hours)
    assert inline_code(page.content.decode()) == []


def test_before_anything_is_counted_the_page_says_so(ops, at_work):
    assert "Nothing is counted yet." in shown(ops, INDEX)


@pytest.mark.parametrize("lacks", ["view_webhookevent", "view_account", "view_cause"])
def test_without_all_the_rights_there_is_only_the_menu(login, lacks):
    rights = {"view_webhookevent", "view_account", "view_cause", "view_deadletter"} - {lacks}
    told = shown(login(*rights), INDEX)

    assert "All is well" not in told
    assert "workers alive" not in told
    assert "Dead letters" in told


def test_the_menu_is_in_the_order_of_work_and_lacks_nothing(client):
    User.objects.create_superuser("root")
    client.force_login(User.objects.get())
    page = client.get(INDEX, secure=True)

    titles = [app["name"] for app in page.context["app_list"]]
    assert titles == ["Attention", "Messages", "Works by itself", "Records", "People", "Help"]
    assert [each["object_name"] for each in page.context["app_list"][0]["models"]] == [
        "Incident", "Cause", "DeadLetter", "ReplayBatch", "BlockedConversation",
    ]  # fmt: skip


def test_the_runbook_stands_in_the_navigation_of_every_page(login):
    ops = login("view_incident")

    beside = ops.get("/admin/runbook/", secure=True).content.decode().partition('id="nav-sidebar"')[2]
    assert '<a href="/admin/runbook/"' in beside.partition("</nav>")[0]
    assert '<a href="/admin/runbook/"' in ops.get(INDEX, secure=True).content.decode()  # it is all menu


def test_whoever_is_not_logged_in_or_may_see_nothing_is_led_nowhere(client, login):
    assert b"/admin/runbook/" not in client.get("/admin/login/", secure=True).content
    assert b"/admin/runbook/" not in login().get(INDEX, secure=True).content


# --- minutes -----------------------------------------------------------------------------------------


def ended(event, *, at, took_s, action="event.processed"):
    """Notes that this event came so long before it ended then."""
    came = at - timedelta(seconds=took_s)
    WebhookEvent.objects.filter(pk=event.pk).update(
        state="processed", claimable_at=None, received_at=came, order_at=came, finished_at=at
    )
    AuditEntry.objects.create(id=_id_at(int(at.timestamp() * 1000)), action=action, subject_id=event.pk)


def _id_at(millis):
    return f"{millis:012x}{uuid7().hex[12:]}"


def minutes_ago(n, second=30):
    return timezone.now().astimezone(UTC).replace(second=0, microsecond=0) - timedelta(minutes=n, seconds=-second)


def test_a_minute_is_counted_when_it_is_over():
    events = stored(*(a_message(f"m-{n}", sender=f"61200000000000{n}") for n in range(5)))
    at = minutes_ago(5)
    for event, took_s in zip(events, (1, 2, 3), strict=False):
        ended(event, at=at, took_s=took_s)
    ended(events[3], at=at, took_s=0.5, action="event.failed")
    ended(events[4], at=at, took_s=0.5, action="event.ignored")

    assert minutes.count() in (5, 6)

    told = Minute.objects.get(minute=at.replace(second=0))
    assert (told.received, told.processed, told.dead, told.p50_ms, told.p95_ms) == (5, 4, 1, 2000, 3000)
    assert sum(Minute.objects.values_list("processed", flat=True)) == 4
    assert timezone.now() - Minute.objects.latest("minute").minute < timedelta(minutes=3)
    assert minutes.latest_ms() == (2000, 3000)


def test_what_is_committed_late_is_still_counted():
    first, second = stored(a_message("m-1"), a_message("m-2", sender="6120000000000099"))
    at = minutes_ago(2)
    ended(first, at=at, took_s=1)
    minutes.count()

    ended(second, at=at, took_s=1)
    minutes.count()

    assert Minute.objects.get(minute=at.replace(second=0)).processed == 2


def test_an_event_that_waited_for_weeks_stops_no_count():
    old, gone = stored(a_message("m-1"), a_message("m-2", sender="6120000000000099"))
    at = minutes_ago(3)
    ended(old, at=at, took_s=40 * 86400)
    ended(gone, at=at, took_s=1)
    WebhookEvent.objects.filter(pk=gone.pk).delete()
    Minute.objects.create(minute=at.replace(second=0) - timedelta(minutes=1), received=0, processed=0, dead=0)

    minutes.count()

    told = Minute.objects.get(minute=at.replace(second=0))
    assert (told.processed, told.p50_ms) == (2, 2147483647)


def test_before_the_first_event_nothing_is_counted():
    assert minutes.count() == 0
    assert minutes.latest_ms() is None


def test_after_a_long_stop_the_rest_is_counted_by_later_rounds():
    Minute.objects.create(minute=minutes_ago(180, 0), received=0, processed=0, dead=0)

    while (before := Minute.objects.count()) < 170:
        minutes.count()
        assert before < Minute.objects.count() <= before + minutes.AT_ONCE + minutes.AGAIN


def test_spans_add_up_what_was_counted_and_end_with_it():
    assert minutes.spans(buckets=6, minutes=10) == []
    last = minutes_ago(23, 0)
    for before, received in ((0, 7), (1, 5), (56, 1), (87, 100)):
        minute = last - timedelta(minutes=before)
        Minute.objects.create(minute=minute, received=received, processed=0, dead=0)

    found = minutes.spans(buckets=6, minutes=10)

    assert [span.received for span in found] == [1, 0, 0, 0, 0, 12]
    assert found[0].begun == last - timedelta(minutes=59)
