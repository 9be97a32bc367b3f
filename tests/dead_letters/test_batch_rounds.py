"""One round of replays of many: which goes first, what stops one, and what is held by another process."""

import psycopg
import pytest
from django.db import connection

from dead_letters import batch_run
from tests.dead_letters.test_batches import _unhurried, begun, later, outcomes, state_of

__all__ = ["_unhurried"]
pytestmark = pytest.mark.usefixtures("own_database")


def test_the_last_that_ended_decide_whether_it_stops_however_well_the_first_went(buried, graves):
    letters = [buried() for _ in range(batch_run.LOOKED_AT + 10)]
    batch = begun(letters[0], rate=10, stop_percent=10)
    for went in (batch_run.LOOKED_AT, 10):
        later(batch)
        assert batch_run.run() == went
    for subject_id in graves.replayed[-10:]:
        buried(subject_id=subject_id)

    batch_run.run()

    assert (state_of(batch), batch.why) == ("stopped", "10 of the last 50 failed again")


def test_the_batch_that_ran_longest_ago_goes_first(buried, graves, error):
    letters = [buried(error=error(code=code)) for code in ("older", "newer")]
    older, newer = (begun(letter) for letter in letters)
    later(older, 5)
    later(newer, 9)

    assert batch_run.run() == 2

    assert graves.replayed == [letters[1].subject_id, letters[0].subject_id]


def test_a_process_that_froze_while_it_replays_loses_the_batch_after_five_seconds(buried, graves, monkeypatch):
    later(begun(buried()))
    shown, original = [], graves.replay

    def replay(ids, **words):
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            shown.extend(cursor.fetchone())
        return original(ids, **words)

    monkeypatch.setattr(graves, "replay", replay)

    assert batch_run.run() == 1
    assert shown == ["5s"]


def test_a_batch_that_another_process_has_is_left_to_it_without_waiting(buried, graves, own_database):
    batch = begun(buried())
    later(batch)
    with psycopg.connect(own_database) as other, connection.cursor() as cursor:
        other.execute("SELECT FROM dead_letters_replaybatch FOR UPDATE")
        cursor.execute("SET lock_timeout = '1s'")  # who waits for the other fails

        assert batch_run.run() == 0

    assert (graves.replayed, outcomes(batch)) == ([], ["waiting"])
