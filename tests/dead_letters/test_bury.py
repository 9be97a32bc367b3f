"""A death makes one open letter, with the transaction that ends the work, and without what was said."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.ids import uuid7
from dead_letters import fresh
from dead_letters.bury import BuriedError, cause_of
from dead_letters.models import Cause, DeadLetter, Status

pytestmark = pytest.mark.django_db
CANARY = "canary 4917612345678"


def test_a_letter_says_who_died_of_what(buried, error):
    letter = buried(attempts=3, error=error(upstream_subcode=2018278))

    assert (letter.status, letter.code, letter.upstream_code, letter.upstream_subcode) == (
        "open",
        "graph_refused",
        100,
        2018278,
    )
    assert letter.attempts == 3
    assert letter.created_at is not None


def test_a_letter_vanishes_with_the_transaction_of_the_death(buried):
    subject_id = uuid7()

    with transaction.atomic():
        buried(subject_id=subject_id)
        transaction.set_rollback(True)

    assert not DeadLetter.objects.filter(subject_id=subject_id).exists()


def test_a_second_death_of_one_subject_updates_its_open_letter(buried, error):
    first = buried()

    second = buried(subject_id=first.subject_id, attempts=4, error=error(code="graph_failed"))

    assert second.pk == first.pk
    assert (second.code, second.attempts) == ("graph_failed", 4)
    assert DeadLetter.objects.filter(subject_id=first.subject_id).count() == 1


def test_a_subject_that_died_again_after_its_letter_was_closed_gets_a_new_one(buried):
    first = buried()
    DeadLetter.objects.filter(pk=first.pk).update(status=Status.REPLAYED, closed_at=timezone.now())

    second = buried(subject_id=first.subject_id)

    assert second.pk != first.pk


def test_deaths_of_one_cause_share_its_row(buried, error):
    first, second = buried(error=error(summary="Waited 3 s.")), buried(error=error(summary="Waited 60 s."))

    assert first.cause_id == second.cause_id
    assert first.cause.summary == "Waited 3 s."
    assert Cause.objects.count() == 1


@pytest.mark.parametrize(
    "telling",
    [
        *({"code": "other"}, {"upstream_code": 10}, {"upstream_subcode": 1}, {"error_class": "Other"}),
        *({"summary": "Something else."}, {"frames": ["audit/log.py:1 record"]}),
    ],
)
def test_deaths_of_other_causes_do_not(error, telling):
    assert cause_of(error()).pk != cause_of(error(**telling)).pk


def test_a_bug_is_one_cause_wherever_its_line_has_moved_and_whatever_called_it(error):
    moved, called = (
        ["tests/a.py:1 test", f"audit/log.py:{line} record", "json/encoder.py:4 encode"] for line in (7, 9)
    )

    assert cause_of(error(frames=moved)).pk == cause_of(error(frames=["celery/app.py:1 call", *called[1:]])).pk
    assert cause_of(error(frames=moved)).place == "audit/log.py record"


def test_a_bug_is_buried_with_its_places_and_without_its_message(buried):
    try:
        raise ValueError(CANARY) from KeyError(CANARY)
    except ValueError as caught:
        bug = BuriedError.of_bug(caught)

    letter = buried(error=bug)

    assert letter.code == "bug"
    assert letter.error_class == "ValueError"
    assert letter.frames[0].startswith("tests/dead_letters/test_bury.py:")
    assert letter.summary.startswith("A programming error: ValueError at tests/dead_letters/test_bury.py:")
    assert CANARY not in str(vars(letter))


def test_a_second_death_of_an_open_letter_is_news_again(buried, error):
    letter = buried()
    fresh.taken_up([letter.pk])

    buried(subject_id=letter.subject_id, error=error(code="another"))

    (found,) = fresh.by_cause()
    assert (found.code, found.letters) == ("another", [letter.pk])


@pytest.mark.parametrize("wrong", [{"status": "open", "closed_at": "now"}, {"status": "replayed"}, {"status": "lost"}])
def test_the_database_refuses_a_letter_whose_status_and_end_disagree(buried, wrong):
    letter = buried()
    columns = wrong | ({"closed_at": timezone.now()} if "closed_at" in wrong or wrong["status"] == "lost" else {})

    with pytest.raises(IntegrityError), transaction.atomic():
        DeadLetter.objects.filter(pk=letter.pk).update(**columns)


def test_a_code_that_no_column_can_hold_does_not_stop_a_burial(buried, error):
    letter = buried(error=error(upstream_code=2**40, upstream_subcode=-(2**40)))

    assert (letter.upstream_code, letter.upstream_subcode) == (None, None)
