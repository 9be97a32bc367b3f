"""Each thing that may be wrong begins an alert, is told once, ends once it is not so any more, and its end is told."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.urls import resolve
from django.utils import timezone

from audit.ids import uuid7
from audit.log import record
from dead_letters import causes, fresh, review
from dead_letters.models import Cause, CauseState, DeadLetter
from instagram_webhooks.alarms import conditions, kinds, message, rounds
from instagram_webhooks.inbox import arrivals, heads, moves, refusals, turn
from instagram_webhooks.models import Account, Arrival, Incident, Refusals, Turn, Worker
from tests.builders import an_account, knobs
from tests.dead_letters.conftest import an_error, buried, error, graves  # noqa: F401 (fixtures)
from tests.desk.builders import ACCOUNT, an_event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ops(settings):
    """Somebody is to be told, and a worker lives."""
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [("ops", "ops@example.org")], ""
    a_worker()


def a_worker(*, ago_s=0, **telling):
    at = timezone.now() - timedelta(seconds=ago_s)
    facts = {"host": "one", "pid": 1, "pool": "threads", "slots": 5, "started_at": at, "pulse_at": at}
    return Worker.objects.create(**(facts | telling))


def minutes_ago(minutes):
    return timezone.now() - timedelta(minutes=minutes)


def a_head(*, minutes=20, **telling):
    """The head of a lane of two that has waited for so long."""
    lane, at = uuid7(), minutes_ago(minutes)
    an_event(lane=lane, received_at=timezone.now())
    return an_event(lane=lane, **({"received_at": at, "claimable_at": None} | telling))


def open_kinds():
    return sorted(Incident.objects.filter(ended_at=None).values_list("kind", flat=True))


def later():
    """As if what went on had not been seen for a while."""
    Incident.objects.filter(ended_at=None).update(seen_at=minutes_ago(6))


# --- each of them, from its beginning to its end -------------------------------------------------------


def a_dead_letter(build):
    build()
    return lambda: DeadLetter.objects.update(status="resolved", closed_at=timezone.now())


def a_recurrence(build):
    build()
    DeadLetter.objects.update(alerted_at=timezone.now())
    causes.say(Cause.objects.get().pk, CauseState.RESOLVED, actor="anna", reason="mended")
    build()
    causes.keep()
    return lambda: causes.say(Cause.objects.get().pk, CauseState.ACKNOWLEDGED, actor="anna", reason="mine")


def many_deaths(build):
    for _ in range(4):
        build()
    causes.say(Cause.objects.get().pk, CauseState.ACKNOWLEDGED, actor="anna", reason="mine")
    return lambda: DeadLetter.objects.update(created_at=minutes_ago(2))


def something_due(_build):
    event = an_event(received_at=minutes_ago(7), claimable_at=minutes_ago(7))
    return event.delete


def a_waiting_head(_build):
    return a_head(state="parked", reason="token").delete


def forgeries(_build):
    now = timezone.now()
    refusals.add({(now.replace(second=0, microsecond=0), "instagram"): (4, 0)})
    return lambda: Refusals.objects.all().delete()


def a_deaf_worker(_build):
    worker = a_worker(unwell="deaf")
    return lambda: Worker.objects.filter(pk=worker.pk).update(pulse_at=minutes_ago(11))


def a_stuck_worker(_build):
    worker = a_worker(unwell="stuck")
    return lambda: Worker.objects.filter(pk=worker.pk).update(pulse_at=minutes_ago(11))


def no_worker(_build):
    Worker.objects.update(pulse_at=minutes_ago(3))
    return a_worker


def a_silent_beat(_build):
    Worker.objects.update(started_at=minutes_ago(16))
    Turn.objects.create(name=turn.BEAT, free_at=timezone.now(), taken_at=minutes_ago(16))
    return lambda: turn.take(0.0, turn.BEAT)


def an_ending_token(_build):
    account = an_account(token_expires_at=timezone.now() + timedelta(days=13))
    return lambda: Account.objects.filter(pk=account.pk).update(token_expires_at=timezone.now() + timedelta(days=60))


def a_stopped_account(_build):
    an_account(state="token")
    return lambda: Account.objects.update(state="active")


def a_silent_account(_build):
    account = an_account()
    Arrival.objects.create(provider="instagram", account=account.account_id, last_at=minutes_ago(200))
    Account.objects.update(created_at=minutes_ago(10_000))
    return lambda: Arrival.objects.update(last_at=timezone.now())


ALL = {
    "new_cause": a_dead_letter,
    "recurrence": a_recurrence,
    "dead_letter_rate": many_deaths,
    "oldest_event": something_due,
    "waiting_head": a_waiting_head,
    "refused_signatures": forgeries,
    "deaf_worker": a_deaf_worker,
    "stuck_worker": a_stuck_worker,
    "no_worker": no_worker,
    "silent_beat": a_silent_beat,
    "token_ends": an_ending_token,
    "account_stopped": a_stopped_account,
    "account_silent": a_silent_account,
}
BARS = {"alert_deaths_a_minute": 3, "alert_refused_a_minute": 3, "alert_account_silent_s": 3600.0}


@pytest.mark.parametrize("kind", ALL)
def test_it_begins_is_told_once_ends_and_its_end_is_told_once(kind, minute, buried):  # noqa: F811
    with knobs(**BARS):
        mend = ALL[kind](buried)
        minute()
        minute()
        assert open_kinds() == [kind]
        assert resolve(message.page_of(Incident.objects.get(ended_at=None)))
        mend()
        later()
        minute()
        minute()

    assert open_kinds() == []
    began, ended = [letter.subject.removeprefix("[Instagram Webhooks] ") for letter in mail.outbox]
    assert ended == f"Over: {began}"


def test_what_the_daily_check_finds_is_all_that_is_not_looked_at_here():
    assert set(kinds.KINDS) - set(ALL) == {"unsubscribed", "account_check"}


@pytest.mark.parametrize("kind", ["dead_letter_rate", "oldest_event", "waiting_head", "account_silent"])
def test_a_bar_of_nothing_asks_for_nothing(kind, minute, buried):  # noqa: F811
    bars = {"dead_letter_rate": "alert_deaths_a_minute", "oldest_event": "alert_oldest_s",
            "waiting_head": "alert_head_age_s", "account_silent": "alert_account_silent_s"}  # fmt: skip
    with knobs(**BARS), knobs(**{bars[kind]: 0}):
        ALL[kind](buried)
        minute()

    assert open_kinds() == []


def test_a_condition_that_takes_too_long_neither_begins_nor_ends_anything(minute, monkeypatch, caplog):
    an_account(state="token")
    minute()
    later()
    monkeypatch.setattr(rounds, "LIMIT_MS", 1)
    monkeypatch.setattr(rounds, "CONDITIONS", (slow,))

    caplog.clear()
    minute()

    assert open_kinds() == ["account_stopped"]
    assert [(record.msg, record.check) for record in caplog.records] == [("alarm.not_asked", "slow")]


def test_a_condition_that_is_broken_silences_no_other(minute, monkeypatch, caplog):
    def broken():
        raise ZeroDivisionError

    an_account(state="token")
    monkeypatch.setattr(rounds, "CONDITIONS", (broken, conditions.stopped_accounts))
    with caplog.at_level("ERROR"):
        minute()

    assert [record.msg for record in caplog.records] == ["alarm.broken"]
    assert len(mail.outbox) == 1


def test_an_error_of_the_database_in_one_condition_silences_no_other_and_all_is_told(minute, monkeypatch):
    def refused():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM a_table_without_a_grant")

    an_account(state="token")
    monkeypatch.setattr(rounds, "CONDITIONS", (refused, conditions.stopped_accounts))
    minute()

    assert len(mail.outbox) == 1


def slow():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1)")


# --- dead letters --------------------------------------------------------------------------------------


def test_letters_of_one_cause_are_one_line_with_count_code_and_the_first_id(minute, buried):  # noqa: F811
    first = buried()
    buried()
    buried(error=an_error(error_class="audit.Bug", code="bug", upstream_code=None))

    minute()

    (letter,) = mail.outbox
    assert "2 alerts" in letter.subject
    assert "2 new dead letters of a new cause: GraphRefused graph_refused (100)" in letter.body
    assert "1 new dead letter of a new cause: Bug bug." in letter.body
    assert f"The first is {first.pk}. Of 17841400000000001." in letter.body
    assert f"/admin/dead_letters/cause/{first.cause_id}/change/" in letter.body
    assert "/admin/runbook/#new_cause" in letter.body


def test_two_causes_that_differ_by_the_subcode_alone_are_told_apart(minute, buried):  # noqa: F811
    for subcode in (33, 34):
        buried(error=an_error(upstream_subcode=subcode))

    minute()

    (letter,) = mail.outbox
    for subcode in (33, 34):
        assert f"1 new dead letter of a new cause: GraphRefused graph_refused (100/{subcode})" in letter.body


def test_further_letters_of_a_cause_that_was_told_are_not_told_one_by_one(minute, buried):  # noqa: F811
    buried()
    minute()
    for _ in range(3):
        buried()
    minute()

    assert len(mail.outbox) == 1
    assert not DeadLetter.objects.filter(alerted_at=None).exists()


def test_a_letter_after_all_others_were_closed_is_told_again(minute, buried):  # noqa: F811
    letter = buried()
    minute()
    review.discard([letter.pk], actor="anna", reason="r")
    later()
    minute()
    buried()
    minute()

    assert [("back" in each.subject, "Over" in each.subject) for each in mail.outbox] == [
        (False, False), (False, True), (True, False),
    ]  # fmt: skip


@pytest.mark.parametrize("state", [CauseState.ACKNOWLEDGED, CauseState.IGNORED])
def test_who_works_on_a_cause_or_ignores_it_hears_no_more_of_it(state, minute, buried):  # noqa: F811
    buried()
    until = timezone.now() + timedelta(hours=1) if state is CauseState.IGNORED else None
    causes.say(Cause.objects.get().pk, state, actor="anna", reason="r", until=until)
    minute()

    assert mail.outbox == []
    assert not DeadLetter.objects.filter(alerted_at=None).exists()


def test_letters_beyond_one_look_are_found_by_the_next(minute, buried, monkeypatch):  # noqa: F811
    monkeypatch.setattr(fresh, "AT_ONCE", 1)
    buried()
    buried(error=an_error(code="another"))

    minute()
    minute()

    assert len(mail.outbox) == 2


# --- what waits ----------------------------------------------------------------------------------------


def test_heads_are_told_by_account_and_by_what_they_wait_for(minute):
    an_account(account_id=ACCOUNT, label="@shop")
    first = a_head(minutes=40, state="parked", reason="token")
    a_head(minutes=30, state="parked", reason="token")
    later_at = timezone.now() + timedelta(minutes=9)
    record(
        "event.retrying", subject_id=a_head(state="retrying", claimable_at=later_at).pk, detail={"code": "graph_failed"}
    )
    a_head(minutes=5, state="parked", reason="token")

    minute()

    said = mail.outbox[0].body
    assert "2 conversations wait too long at @shop: the account is parked (token)" in said
    assert "1 conversation waits too long at @shop: it waits for its next attempt (graph_failed)" in said
    assert f"in front: {first.pk}, " in said


def test_more_heads_of_one_trouble_are_no_news_and_another_trouble_is(minute):
    a_head(state="parked", reason="token")
    minute()
    a_head(state="parked", reason="token")
    minute()
    assert len(mail.outbox) == 1

    a_head(state="parked", reason="blocked")
    minute()

    assert len(mail.outbox) == 2


def test_heads_that_were_told_of_hide_none_behind_them(minute, monkeypatch):
    monkeypatch.setattr(conditions, "MOST", 2)
    for minutes in (50, 40):
        a_head(minutes=minutes, state="parked", reason="token")
    a_head(state="retrying", claimable_at=timezone.now() + timedelta(minutes=9))

    minute()

    assert "waits for its next attempt" in mail.outbox[0].body


def test_a_replay_of_what_came_long_ago_is_no_alarm():
    head = an_event(lane=uuid7(), received_at=minutes_ago(600), state="dead")
    moves.replay([head.pk], state="dead", actor="ops", reason="r")

    assert heads.waiting_longer(900, limit=10) == []
    assert conditions.oldest().by_kind == {"oldest_event": []}


def test_what_stands_behind_another_is_not_due(minute):
    lane = uuid7()
    an_event(
        lane=lane, state="retrying", received_at=minutes_ago(10), claimable_at=timezone.now() + timedelta(minutes=5)
    )
    an_event(lane=lane, received_at=minutes_ago(9))

    minute()

    assert open_kinds() == []


# --- the door, workers, accounts -----------------------------------------------------------------------


def refused_now(count, unmatched):
    at = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=5)
    refusals.add({(at, "instagram"): (count, unmatched)})


@pytest.mark.parametrize(
    ("unmatched", "comes_in", "is_told"),
    [(3, False, True), (3, True, False), (2, False, False), (0, False, False)],
)
def test_a_few_with_a_wrong_signature_are_told_where_nothing_else_comes_in(unmatched, comes_in, is_told, minute):
    refused_now(9, unmatched)
    if comes_in:
        an_event(state="processed", received_at=timezone.now())

    minute()

    assert open_kinds() == (["refused_signatures"] if is_told else [])
    assert not is_told or "All webhooks of instagram are refused" in mail.outbox[0].subject


@pytest.mark.parametrize(("days", "says"), [(13, "14 days"), (6, "7 days"), (0.9, "a day"), (-1, "has ended")])
def test_a_token_says_how_soon_it_ends(days, says, minute):
    an_account(token_expires_at=timezone.now() + timedelta(days=days))
    minute()

    assert says in mail.outbox[0].subject


def test_each_step_of_a_token_is_told_once_and_none_of_them_is_an_end(minute):
    account = an_account()
    for days in (13, 12, 6, 0.5, -1):
        Account.objects.filter(pk=account.pk).update(token_expires_at=timezone.now() + timedelta(days=days))
        minute()

    assert len(mail.outbox) == 4
    assert Incident.objects.count() == 1


def test_before_the_first_event_and_the_first_worker_nothing_is_missing(minute):
    Worker.objects.all().delete()
    minute()
    assert open_kinds() == []

    an_event(state="processed")
    minute()

    assert open_kinds() == ["no_worker"]


def test_a_silent_beat_is_not_over_because_workers_were_started_anew(minute):
    heard = a_silent_beat(None)
    minute()
    Worker.objects.update(started_at=timezone.now())
    later()
    minute()
    assert open_kinds() == ["silent_beat"]

    heard()
    later()
    minute()

    assert open_kinds() == []


def test_a_sweep_that_takes_no_messages_is_nobody_to_hear_beat(minute):
    Worker.objects.update(started_at=minutes_ago(16), pool="sweep")
    minute()

    assert open_kinds() == []


def test_an_account_that_was_connected_just_now_is_not_silent(minute):
    an_account()
    with knobs(alert_account_silent_s=3600.0):
        minute()

    assert open_kinds() == []


def test_an_event_that_came_ends_the_silence_once_it_is_noted():
    account = an_account()
    Account.objects.update(created_at=minutes_ago(10_000))
    with knobs(alert_account_silent_s=3600.0):
        assert len(conditions.silent_accounts().by_kind["account_silent"]) == 1
        an_event(state="processed", account=account.account_id, received_at=timezone.now())
        arrivals.note()

        assert conditions.silent_accounts().by_kind["account_silent"] == []
