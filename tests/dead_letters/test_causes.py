"""A cause is what many dead letters share; what people say of it, and what takes that back by itself."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import causes
from dead_letters.models import Cause, CauseState, DeadLetter, Status

pytestmark = pytest.mark.usefixtures("own_database")
WHY = {"actor": "anna", "reason": "permission is back"}


def cause_of(letter):
    return Cause.objects.get(pk=letter.cause_id)


def state_of(cause):
    return Cause.objects.get(pk=cause.pk).state


def told(cause):
    return list(AuditEntry.objects.filter(subject_id=cause.pk).order_by("id").values_list("action", "actor", "reason"))


def test_eight_die_of_a_new_cause_at_once(buried):
    together, failures = threading.Barrier(8), []

    def die():
        together.wait()
        try:
            buried()
        except Exception as exc:  # noqa: BLE001 - whatever it was, the test tells it
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=die) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert (Cause.objects.count(), DeadLetter.objects.count()) == (1, 8)


def test_what_was_resolved_is_open_again_with_a_mark_when_one_more_dies_of_it(buried):
    cause = cause_of(buried())
    assert causes.say(cause.pk, CauseState.RESOLVED, **WHY)
    causes.keep()
    assert state_of(cause) == "resolved"

    buried()
    causes.keep()

    cause.refresh_from_db()
    assert (cause.state, cause.changed_by) == ("open", "")
    assert cause.recurred_at is not None
    assert told(cause) == [("cause.resolved", "anna", "permission is back"), ("cause.recurred", "system", "")]


def test_what_is_ignored_comes_back_when_its_time_is_over_and_not_before(buried):
    cause = cause_of(buried())
    soon = timezone.now() + timedelta(hours=1)
    assert causes.say(cause.pk, CauseState.IGNORED, until=soon, **WHY)
    buried()
    causes.keep()
    assert state_of(cause) == "ignored"

    Cause.objects.filter(pk=cause.pk).update(ignored_until=timezone.now())
    causes.keep()

    cause.refresh_from_db()
    assert (cause.state, cause.ignored_until, cause.recurred_at) == ("open", None, None)
    assert [action for action, *_ in told(cause)] == ["cause.ignored", "cause.ignored_no_more"]


@pytest.mark.parametrize("before", CauseState.values)
@pytest.mark.parametrize("after", CauseState.values)
def test_a_cause_moves_only_where_a_person_may_move_it(buried, before, after):
    cause = cause_of(buried())
    until = timezone.now() + timedelta(hours=1)
    Cause.objects.filter(pk=cause.pk).update(state=before, ignored_until=until if before == "ignored" else None)
    cause.refresh_from_db()
    may = after in causes.may_become(cause)

    moved = causes.say(cause.pk, CauseState(after), until=until if after == "ignored" else None, **WHY)

    cause.refresh_from_db()
    assert moved is may
    assert cause.state == (after if may else before)
    assert len(told(cause)) == may


@pytest.mark.parametrize(("state", "until"), [("ignored", None), ("resolved", datetime(2030, 1, 1, tzinfo=UTC))])
def test_only_what_is_ignored_has_an_end_and_that_always(buried, state, until):
    with pytest.raises(ValueError, match="ignored until"):
        causes.say(buried().cause_id, CauseState(state), until=until, **WHY)


def test_the_hours_are_counted_by_account_and_once_however_often_they_are_counted(buried):
    for account in ("1", "1", "2"):
        buried(account_label=account)
    old = buried(account_label="3")
    DeadLetter.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=30))
    earlier = buried(account_label="1")
    DeadLetter.objects.filter(pk=earlier.pk).update(created_at=timezone.now() - timedelta(hours=5))

    causes.keep()
    causes.keep()

    (figures,) = causes.figures([old.cause_id]).values()
    assert (figures.hours[-1], figures.hours[-6], sum(figures.hours)) == (3, 1, 4)
    assert figures.accounts == 2
    assert causes.accounts_hit(old.cause_id) == [("1", 3), ("2", 1)]
    assert figures.open_letters == 5

    buried(account_label="2")
    causes.keep()
    assert causes.figures([old.cause_id])[old.cause_id].hours[-1] == 4


def test_a_death_that_is_committed_late_is_counted_in_the_hour_before(buried):
    cause_id = buried().cause_id
    causes.keep()
    late = buried()
    DeadLetter.objects.filter(pk=late.pk).update(created_at=F("created_at") - timedelta(hours=1))

    causes.keep()

    assert sum(causes.figures([cause_id])[cause_id].hours) == 2


def test_a_letter_without_its_cause_keeps_no_other_from_being_counted(buried):
    DeadLetter.objects.create(subject_id=uuid7(), subject_kind="x", code="bug", attempts=1, cause_id=uuid7())
    known = buried()

    causes.keep()

    assert sum(causes.figures([known.cause_id])[known.cause_id].hours) == 1


def test_what_presses_is_what_nobody_dealt_with_and_has_open_letters_the_most_first(buried, error):
    few = buried(error=error(code="few"))
    many = [buried(error=error(code="many")) for _ in range(3)]
    closed = buried(error=error(code="closed"))
    DeadLetter.objects.filter(pk=closed.pk).update(status=Status.DISCARDED, closed_at=timezone.now())
    causes.say(buried(error=error(code="resolved")).cause_id, CauseState.RESOLVED, **WHY)
    causes.say(few.cause_id, CauseState.ACKNOWLEDGED, **WHY)

    found = causes.pressing(most=5)

    assert (found.count, found.letters) == (2, 4)
    assert [cause.pk for cause in found.most] == [many[0].cause_id, few.cause_id]
    assert causes.pressing(most=1).count == 2


def test_without_a_reason_nothing_is_said(buried):
    cause_id = buried().cause_id

    with pytest.raises(causes.ReasonMissing):
        causes.say(cause_id, CauseState.RESOLVED, actor="anna", reason=" ")
    assert Cause.objects.get().state == "open"


def test_what_a_person_says_takes_the_mark_of_an_earlier_recurrence_away(buried):
    cause = cause_of(buried())
    Cause.objects.filter(pk=cause.pk).update(recurred_at=timezone.now())

    causes.say(cause.pk, CauseState.RESOLVED, **WHY)

    assert Cause.objects.get().recurred_at is None


def test_open_letters_are_counted_up_to_a_bound(buried, monkeypatch):
    monkeypatch.setattr(causes, "OPEN_CAP", 2)
    letters = [buried() for _ in range(4)]
    cause_id = letters[0].cause_id
    assert causes.figures([cause_id])[cause_id].open_letters == 3

    DeadLetter.objects.exclude(pk=letters[0].pk).update(status=Status.DISCARDED, closed_at=timezone.now())
    assert causes.figures([cause_id])[cause_id].open_letters == 1


def test_a_note_is_kept_and_audited(buried):
    cause = cause_of(buried())

    causes.note(cause.pk, "Ask Ben, he knows the app review.", actor="anna")

    cause.refresh_from_db()
    assert cause.note == "Ask Ben, he knows the app review."
    assert told(cause) == [("cause.noted", "anna", "Ask Ben, he knows the app review.")]
