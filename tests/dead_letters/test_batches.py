"""A replay of many: frozen, in order, at a rate, each letter once whatever dies in between."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import batch_run, batches, review
from dead_letters.models import BatchState, DeadLetter, ReplayBatch, ReplayItem, Status
from dead_letters.subject import Outlook

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch):
    """A round ends by the clock, too: on a busy machine, before what these tests count. And many may go at once."""
    monkeypatch.setattr(batch_run, "RUN_S", 60)
    monkeypatch.setattr(batch_run, "AT_ONCE_S", 10)


def begun(letter, *, rate=100, stop_percent=100, batch_id=None, until=None, **filters):
    facts = {"name": "503 of today", "reason": "Meta is back", "actor": "anna"}
    chosen = filters or {"cause": str(letter.cause_id)}
    facts["until"] = until or timezone.now()
    return batches.freeze(batch_id or uuid7(), chosen, rate=rate, stop_percent=stop_percent, **facts)


def later(batch, seconds=10):
    """As if so much time had passed since it last ran."""
    ReplayBatch.objects.filter(pk=batch.pk).update(ran_at=timezone.now() - timedelta(seconds=seconds))


def outcomes(batch):
    return list(ReplayItem.objects.filter(batch=batch).order_by("place").values_list("outcome", flat=True))


def state_of(batch):
    batch.refresh_from_db()
    return batch.state


def told():
    return list(
        AuditEntry.objects.filter(action__startswith="replay_batch.").order_by("id").values_list("action", "actor")
    )


def test_what_was_chosen_goes_in_order_and_the_batch_is_done(buried, graves):
    now = timezone.now()
    letters = [buried(order_at=now - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    batch = begun(letters[0])
    later(batch)

    assert batch_run.run() == 3
    assert graves.replayed == [letters[n].subject_id for n in (1, 2, 0)]
    assert (state_of(batch), outcomes(batch)) == ("running", ["replayed"] * 3)

    batch_run.run()
    assert (state_of(batch), outcomes(batch)) == ("done", ["processed"] * 3)
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"replayed"}
    assert told() == [("replay_batch.started", "anna"), ("replay_batch.done", "system")]
    replayed = AuditEntry.objects.filter(action="dead_letter.replayed")
    assert set(replayed.values_list("actor", "reason")) == {("anna", "503 of today: Meta is back")}


def test_what_dies_after_the_choice_is_not_of_it(buried, graves):
    letter = buried()
    batch = begun(letter)
    newer = buried()
    later(batch)

    batch_run.run()

    assert batch.total == 1
    assert graves.replayed == [letter.subject_id]
    assert DeadLetter.objects.get(pk=newer.pk).status == Status.OPEN


def test_no_more_go_than_the_rate_allows(buried, graves):
    letters = [buried() for _ in range(30)]
    batch = begun(letters[0], rate=2)
    later(batch, 2.2)
    begun_at = time.monotonic()

    went = [batch_run.run() for _ in range(3)]

    took_s = time.monotonic() - begun_at
    assert went[0] in (4, 5)
    assert sum(went) <= 2 * (2.2 + took_s) + 1

    later(batch, 3600)  # what was not used up is lost
    assert batch_run.run() == batch_run.AT_ONCE_S * 2


def test_what_one_round_leaves_of_the_rate_is_the_next_one_s(buried, graves):
    letters = [buried() for _ in range(10)]
    batch = begun(letters[0], rate=1)
    later(batch, 2.8)

    assert batch_run.run() == 2
    ReplayBatch.objects.update(ran_at=F("ran_at") - timedelta(seconds=0.4))
    assert batch_run.run() == 1


def test_only_so_many_are_at_work_at_once(buried, graves):
    letters = [buried() for _ in range(40)]
    graves.busy = {letter.subject_id for letter in letters}
    batch = begun(letters[0], rate=4)

    for _ in range(4):
        later(batch)
        batch_run.run()
    assert outcomes(batch).count("replayed") == batch_run.IN_FLIGHT_LEAST

    graves.busy -= set(graves.replayed[:5])
    later(batch)
    assert batch_run.run() == 5
    assert outcomes(batch).count("processed") == 5


def test_a_pause_stops_it_and_resuming_goes_on(buried, graves):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    assert batches.change(batch.pk, BatchState.PAUSED, actor="ben")
    later(batch)
    assert batch_run.run() == 0

    assert batches.change(batch.pk, BatchState.RUNNING, actor="ben")
    later(batch)
    assert batch_run.run() == 3
    batch_run.run()
    assert [what for what, _ in told()] == [f"replay_batch.{what}" for what in ("started", "paused", "resumed", "done")]


def test_a_stopped_one_leaves_the_rest_as_it_is_and_never_goes_on(buried, graves):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    assert batches.change(batch.pk, BatchState.STOPPED, actor="ben")
    later(batch)

    assert batch_run.run() == 0
    assert not batches.change(batch.pk, BatchState.RUNNING, actor="ben")
    assert outcomes(batch) == ["waiting"] * 3
    assert DeadLetter.objects.filter(status=Status.OPEN).count() == 3


def test_it_stops_by_itself_when_too_many_of_those_that_ended_fail_again(buried, graves):
    letters = [buried() for _ in range(30)]
    graves.busy = {letter.subject_id for letter in letters}
    batch = begun(letters[0], stop_percent=10, rate=4)
    later(batch)
    assert batch_run.run() == batch_run.IN_FLIGHT_LEAST

    for subject_id in graves.replayed[:2]:
        buried(subject_id=subject_id)
    graves.busy -= set(graves.replayed[:12])
    later(batch)
    batch_run.run()

    assert state_of(batch) == "stopped"
    assert batch.why == "2 of the last 12 failed again"
    come = batches.progress(batch)
    assert (come.failed, come.processed, come.at_work, come.waiting) == (2, 10, 8, 10)

    graves.busy = set()
    batch_run.run()
    come = batches.progress(batch)  # what had gone when it stopped is told too
    assert (come.failed, come.processed, come.at_work, come.waiting) == (2, 18, 0, 10)


def test_few_that_fail_stop_nothing(buried, graves):
    letters = [buried() for _ in range(24)]
    batch = begun(letters[0], stop_percent=10, rate=1)
    later(batch)
    batch_run.run()
    buried(subject_id=graves.replayed[0])

    for _ in range(3):
        later(batch)
        batch_run.run()

    assert (state_of(batch), batches.progress(batch).failed) == ("done", 1)


def test_what_died_again_keeps_its_first_place_in_the_next_batch(buried, graves):
    now = timezone.now()
    first = buried(order_at=now - timedelta(minutes=2))
    second = buried(order_at=now - timedelta(minutes=1))
    review.replay([first.pk], reason="r", actor="anna")
    buried(subject_id=first.subject_id, order_at=now)  # a replay stands at the end of its conversation
    graves.replayed.clear()

    batch = begun(second)
    later(batch)
    batch_run.run()

    assert graves.replayed == [first.subject_id, second.subject_id]


def test_what_dies_after_it_was_seen_is_not_frozen(buried):
    letter = buried()
    seen_at = timezone.now()
    buried()

    assert batches.preview({"cause": str(letter.cause_id)}, until=seen_at).count == 1
    assert begun(letter, until=seen_at).total == 1


def test_nothing_to_replay_makes_no_batch(buried, graves):
    letter = buried()
    graves.known[letter.subject_id] = Outlook(on_replay="Already answered.", is_settled=True)

    with pytest.raises(batches.NothingToReplay):
        begun(letter)
    assert ReplayBatch.objects.count() == 0


def test_those_that_nobody_knows_of_are_told_apart(buried, graves):
    letters = [buried() for _ in range(2)]
    graves.known[letters[0].subject_id] = Outlook(is_in_doubt=True)

    seen = batches.preview({"cause": str(letters[0].cause_id)}, until=timezone.now())

    assert (seen.count, seen.looked_up) == (2, 1)


def test_what_has_its_effect_is_left_out_and_what_got_it_since_is_skipped(buried, graves):
    letters = [buried() for _ in range(3)]
    settled = Outlook(on_replay="Already answered: a replay sends nothing.", is_settled=True)
    graves.known[letters[0].subject_id] = settled

    seen = batches.preview({"cause": str(letters[0].cause_id)}, until=timezone.now())
    assert (seen.count, seen.left_out) == (2, {settled.on_replay: 1})

    batch = begun(letters[0])
    graves.known[letters[1].subject_id] = settled
    review.discard([letters[2].pk], reason="r", actor="ben")
    later(batch)
    batch_run.run()

    assert graves.replayed == []
    assert batches.progress(batch).skipped == {
        settled.on_replay: 1, "already discarded": 1,
    }  # fmt: skip


def test_a_second_click_makes_no_second_batch(buried):
    letter, once = buried(), uuid7()

    first, second = begun(letter, batch_id=once), begun(letter, batch_id=once)

    assert first.pk == second.pk
    assert ReplayItem.objects.count() == 1
    assert [what for what, _ in told()] == ["replay_batch.started"]


def test_all_letters_at_once_are_refused(buried):
    buried()

    for nothing in ({}, {"cause": ""}, {"something": "else"}):
        with pytest.raises(batches.EmptyFilter):
            batches.preview(nothing, until=timezone.now())


def test_more_than_the_most_are_refused(buried, monkeypatch):
    monkeypatch.setattr(batches, "MOST", 2)
    letters = [buried() for _ in range(3)]

    with pytest.raises(batches.TooMany):
        batches.preview({"cause": str(letters[0].cause_id)}, until=timezone.now())


def test_a_filter_pair_chooses_what_matches_both(buried, error):
    wanted = buried(account_label="1", error=error(code="a"))
    buried(account_label="2", error=error(code="a"))
    buried(account_label="1", error=error(code="b"))

    assert list(batches.selected({"account": "1", "code": "a"}, until=timezone.now())) == [wanted]


def test_a_process_that_dies_with_a_letter_has_replayed_and_noted_nothing(buried, graves, monkeypatch):
    letter = buried()
    batch = begun(letter)
    later(batch)
    original = batch_run._replayed

    class Killed(BaseException):
        """As a kill before the commit."""

    def replayed_and_killed(*given):
        original(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(batch_run, "_replayed", replayed_and_killed)
        with pytest.raises(Killed):
            batch_run.run()
    assert (DeadLetter.objects.get(pk=letter.pk).status, outcomes(batch)) == ("open", ["waiting"])

    for _ in range(2):
        later(batch)
        batch_run.run()

    letter.refresh_from_db()
    assert (state_of(batch), letter.status, letter.replays) == ("done", "replayed", 1)


def test_a_letter_that_cannot_be_replayed_holds_up_no_other(buried, graves, monkeypatch):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    later(batch)
    original = graves.replay

    def replay(ids, **words):
        if letters[1].subject_id in ids:
            raise LookupError("words of a customer")
        return original(ids, **words)

    monkeypatch.setattr(graves, "replay", replay)

    batch_run.run()
    batch_run.run()

    assert (state_of(batch), outcomes(batch)) == ("done", ["processed", "skipped", "processed"])
    assert batches.progress(batch).skipped == {"it could not be replayed: LookupError": 1}


def test_many_that_go_together_cost_the_database_little_more_than_one(buried, graves, django_assert_max_num_queries):
    letters = [buried() for _ in range(batch_run.TOGETHER)]
    batch = begun(letters[0])
    later(batch)

    with django_assert_max_num_queries(30):
        assert batch_run.run() == batch_run.TOGETHER

    assert graves.replayed == [letter.subject_id for letter in letters]
    assert AuditEntry.objects.filter(action="dead_letter.replayed").count() == len(letters)


def test_what_goes_while_another_process_looks_is_not_taken_for_ended(buried, graves, monkeypatch):
    letters = [buried() for _ in range(4)]
    graves.busy = {letter.subject_id for letter in letters}
    batch = begun(letters[0], rate=1)
    later(batch, 2)
    assert batch_run.run() == 2
    original = graves.at_work

    def looked_at_late(ids):
        found = original(ids)
        monkeypatch.setattr(graves, "at_work", original)
        later(batch, 2)
        assert batch_run._go_on(batch, time.monotonic() + 9) == 2  # another process
        return found

    monkeypatch.setattr(graves, "at_work", looked_at_late)
    batch_run._settle(batch)

    assert outcomes(batch) == ["replayed"] * 4


def test_one_that_is_closed_while_all_go_stays_as_it_is_and_the_others_go(buried, graves, own_database, monkeypatch):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    later(batch)
    original = graves.replay

    def replay_while_somebody_discards(ids, **words):
        with psycopg.connect(own_database) as other:
            closed = "status = 'discarded', closed_at = now(), closed_by = 'ben'"
            other.execute(f"UPDATE dead_letters_deadletter SET {closed} WHERE id = %s", [letters[1].pk])
        return original(ids, **words)

    monkeypatch.setattr(graves, "replay", replay_while_somebody_discards)
    batch_run.run()

    assert outcomes(batch) == ["replayed", "skipped", "replayed"]
    assert batches.progress(batch).skipped == {"already discarded": 1}
    assert DeadLetter.objects.get(pk=letters[1].pk).status == "discarded"


def test_a_letter_that_somebody_holds_is_skipped_after_a_second(buried, graves, own_database):
    letters = [buried() for _ in range(2)]
    batch = begun(letters[0])
    later(batch)
    with psycopg.connect(own_database) as holder:
        holder.execute("SELECT 1 FROM dead_letters_deadletter WHERE id = %s FOR UPDATE", [letters[0].pk])
        batch_run.run()

    assert (state_of(batch), outcomes(batch)) == ("running", ["skipped", "replayed"])
    assert batches.progress(batch).skipped == {"somebody held it; replay it by itself": 1}


def test_many_processes_replay_each_letter_once(buried, graves):
    letters = [buried() for _ in range(40)]
    batch = begun(letters[0])
    together = threading.Barrier(6)

    def go_on():
        together.wait()
        for _ in range(20):
            later(batch, 1)
            batch_run.run()
        connection.close()

    threads = [threading.Thread(target=go_on) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(2):
        later(batch)
        batch_run.run()

    assert sorted(graves.replayed) == sorted(letter.subject_id for letter in letters)
    assert (state_of(batch), outcomes(batch)) == ("done", ["processed"] * 40)
