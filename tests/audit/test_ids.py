"""Public ids: whose order is the order in which they were made."""

import os
import time
import uuid

from audit.ids import uuid7, uuid7_text

APART = 1_000_000 // 4096 + 1  # nanoseconds


def test_an_id_says_its_version_and_when_it_was_made():
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_of_one_millisecond_sort_by_their_making(monkeypatch):
    moments = [1_764_230_400_000_000_000 + n * APART for n in range(4000)]
    monkeypatch.setattr(time, "time_ns", iter(moments).__next__)

    made = [uuid7() for _ in moments]

    assert len({each.int >> 80 for each in made}) == 1
    assert made == sorted(made)


def test_ids_of_one_moment_differ(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_764_230_400_000_000_000)

    assert len({uuid7() for _ in range(1000)}) == 1000


def test_a_forked_process_makes_other_ids_than_its_parent(monkeypatch):
    monkeypatch.setattr(time, "time_ns", lambda: 1_764_230_400_000_000_000)
    here, there = os.pipe()
    child = os.fork()
    if not child:
        os.write(there, f"{uuid7()} {uuid7_text()}".encode())
        os._exit(0)
    os.waitpid(child, 0)

    theirs = os.read(here, 100).decode().split()

    assert len(theirs) == 2
    assert {str(uuid7()), uuid7_text()}.isdisjoint(theirs)


def test_the_text_is_that_of_an_id_and_sorts_as_it_does(monkeypatch):
    moments = [1_764_230_400_000_000_000 + n * APART for n in range(1000)]
    monkeypatch.setattr(time, "time_ns", iter(moments).__next__)

    texts = [uuid7_text() for _ in moments]
    made = [uuid.UUID(text) for text in texts]

    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert [str(each) for each in made] == texts
    assert texts == sorted(texts)
