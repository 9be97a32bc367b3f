"""A replay of many: frozen, in order, at a rate, each letter once whatever dies in between."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import batches, review
from dead_letters.models import BatchState, DeadLetter, ReplayBatch, ReplayItem, Status
from dead_letters.subject import Outlook

pytestmark = pytest.mark.usefixtures("own_database")


def begun(letter, *, rate=100, stop_percent=100, batch_id=None, **filters):
    facts = {"name": "503 of today", "reason": "Meta is back", "actor": "anna"}
    chosen = filters or {"cause": str(letter.cause_id)}
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

    assert batches.run() == 3

    assert graves.replayed == [letters[n].subject_id for n in (1, 2, 0)]
    assert (state_of(batch), outcomes(batch)) == ("done", ["replayed"] * 3)
    assert set(DeadLetter.objects.values_list("status", flat=True)) == {"replayed"}
    assert told() == [("replay_batch.started", "anna"), ("replay_batch.done", "system")]
    replayed = AuditEntry.objects.filter(action="dead_letter.replayed")
    assert set(replayed.values_list("actor", "reason")) == {("anna", "503 of today: Meta is back")}


def test_what_dies_after_the_choice_is_not_of_it(buried, graves):
    letter = buried()
    batch = begun(letter)
    newer = buried()
    later(batch)

    batches.run()

    assert batch.total == 1
    assert graves.replayed == [letter.subject_id]
    assert DeadLetter.objects.get(pk=newer.pk).status == Status.OPEN


def test_no_more_go_than_the_rate_allows(buried, graves):
    letters = [buried() for _ in range(12)]
    batch = begun(letters[0], rate=2)
    later(batch, 2.4)

    assert [batches.run() for _ in range(3)] == [4, 0, 0]

    later(batch, 3600)  # what was not used up is lost
    monster = batches.AT_ONCE_S * 2
    assert batches.run() == min(8, monster)


def test_a_pause_stops_it_and_resuming_goes_on(buried, graves):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    assert batches.change(batch.pk, BatchState.PAUSED, actor="ben")
    later(batch)
    assert batches.run() == 0

    assert batches.change(batch.pk, BatchState.RUNNING, actor="ben")
    later(batch)
    assert batches.run() == 3
    assert [what for what, _ in told()] == [f"replay_batch.{what}" for what in ("started", "paused", "resumed", "done")]


def test_a_stopped_one_leaves_the_rest_as_it_is_and_never_goes_on(buried, graves):
    letters = [buried() for _ in range(3)]
    batch = begun(letters[0])
    assert batches.change(batch.pk, BatchState.STOPPED, actor="ben")
    later(batch)

    assert batches.run() == 0
    assert not batches.change(batch.pk, BatchState.RUNNING, actor="ben")
    assert outcomes(batch) == ["waiting"] * 3
    assert DeadLetter.objects.filter(status=Status.OPEN).count() == 3


def test_it_stops_by_itself_when_too_many_fail_again(buried, graves):
    letters = [buried() for _ in range(15)]
    batch = begun(letters[0], stop_percent=10, rate=1)
    later(batch)
    assert batches.run() == batches.AT_ONCE_S
    for subject_id in graves.replayed[:2]:
        buried(subject_id=subject_id)

    later(batch, 2)
    batches.run()

    assert state_of(batch) == "stopped"
    assert batch.why == "2 of the last 12 failed again"
    assert batches.progress(batch).failed_again == 2
    assert outcomes(batch).count("waiting") == 3


def test_few_that_fail_stop_nothing(buried, graves):
    letters = [buried() for _ in range(12)]
    batch = begun(letters[0], stop_percent=20, rate=1)
    later(batch)
    batches.run()
    buried(subject_id=graves.replayed[0])

    later(batch, 1.5)
    batches.run()

    assert state_of(batch) == "running"


def test_what_has_its_effect_is_left_out_and_what_got_it_since_is_skipped(buried, graves):
    letters = [buried() for _ in range(3)]
    settled = Outlook(on_replay="Already answered: a replay sends nothing.", is_settled=True)
    graves.known[letters[0].subject_id] = settled

    seen = batches.preview({"cause": str(letters[0].cause_id)})
    assert (seen.count, seen.left_out) == (2, {settled.on_replay: 1})

    batch = begun(letters[0])
    graves.known[letters[1].subject_id] = settled
    review.discard([letters[2].pk], reason="r", actor="ben")
    later(batch)
    batches.run()

    assert graves.replayed == []
    assert batches.progress(batch).skipped == {
        "already answered, or its answer was withheld": 1, "already discarded": 1,
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
            batches.preview(nothing)


def test_more_than_the_most_are_refused(buried, monkeypatch):
    monkeypatch.setattr(batches, "MOST", 2)
    letters = [buried() for _ in range(3)]

    with pytest.raises(batches.TooMany):
        batches.preview({"cause": str(letters[0].cause_id)})


def test_a_filter_pair_chooses_what_matches_both(buried, error):
    wanted = buried(account_label="1", error=error(code="a"))
    buried(account_label="2", error=error(code="a"))
    buried(account_label="1", error=error(code="b"))

    assert list(batches.selected({"account": "1", "code": "a"})) == [wanted]


def test_a_process_that_dies_with_a_letter_has_replayed_and_noted_nothing(buried, graves, monkeypatch):
    letter = buried()
    batch = begun(letter)
    later(batch)
    original = batches._replayed

    class Killed(BaseException):
        """As a kill before the commit."""

    def replayed_and_killed(*given):
        original(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(batches, "_replayed", replayed_and_killed)
        with pytest.raises(Killed):
            batches.run()
    assert (DeadLetter.objects.get(pk=letter.pk).status, outcomes(batch)) == ("open", ["waiting"])

    later(batch)
    batches.run()

    letter.refresh_from_db()
    assert (state_of(batch), letter.status, letter.replays) == ("done", "replayed", 1)


def test_many_processes_replay_each_letter_once(buried, graves):
    letters = [buried() for _ in range(40)]
    batch = begun(letters[0])
    together = threading.Barrier(6)

    def go_on():
        together.wait()
        for _ in range(20):
            later(batch, 1)
            batches.run()
        connection.close()

    threads = [threading.Thread(target=go_on) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    later(batch)
    batches.run()

    assert sorted(graves.replayed) == sorted(letter.subject_id for letter in letters)
    assert (state_of(batch), outcomes(batch)) == ("done", ["replayed"] * 40)
