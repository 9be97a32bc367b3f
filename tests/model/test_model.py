"""The exhaustive search in worlds that are small enough for every run of the suite; `make model` has larger ones."""

import pytest

from instagram_webhooks.states import MOVES
from instagram_webhooks.worker import alone
from tests.model import worker
from tests.model.__main__ import WINDOWS
from tests.model.flaws import FLAWS
from tests.model.moving import WRONGS
from tests.model.rules import SET_APART_FROM, Rules
from tests.model.search import search

SMALL = {
    "two events, one fault": Rules(faults=1, people=0, parks=False, reads_first=False),
    "two events, parked and replayed": Rules(faults=0, people=1),
    "two events, the older one late": Rules(faults=0, people=0, is_late=True),
    "one event, two faults": Rules(events=1, faults=2, people=0, parks=False, reads_first=False),
    "an event that kills its workers": Rules(events=1, faults=0, people=0, kills=True),
}


@pytest.mark.parametrize("rules", SMALL.values(), ids=SMALL)
def test_nothing_is_lost_doubled_out_of_order_or_stuck(rules):
    found = search(rules)

    assert found.is_whole
    assert not found.wrong, found


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
def test_the_search_finds_each_flaw(flaw):
    found = search(flaw.rules())

    assert found.wrong == WRONGS[flaw.harm], found


def test_a_stop_between_check_and_first_byte_is_the_one_way_to_send_twice():
    rules, harm = WINDOWS["a stop between the last check and the first byte"]

    with_window, without = search(rules), search(rules.but(window=False))

    assert with_window.wrong == WRONGS[harm]
    assert sum(worker.WINDOW in line for line in with_window.trace) == 1
    assert without.is_whole
    assert not without.wrong


def test_a_claim_may_meet_an_event_that_was_moved_twice_since_it_looked():
    rules, harm = WINDOWS["a claim's statement stands still while its event is ended and replayed"]

    assert search(rules).wrong == WRONGS[harm]


def test_the_shortest_way_is_told_in_words():
    trace = search(FLAWS["sweep off"].rules()).trace

    assert trace
    assert "the wake-up is lost" in trace[0]
    assert "received (due, no reply)" in trace[0]


def test_every_move_of_the_table_is_made():
    rules = Rules(events=1, faults=1, people=1, reads_first=False)

    search(rules)

    assert rules.done == set(MOVES)


def test_the_model_sets_apart_when_the_worker_does():
    assert SET_APART_FROM == alone.FROM_START
