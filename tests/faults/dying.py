"""Customers whose messages die by a mistake in the policy, as many as are asked for, until it is mended."""

import contextlib
import time

from simulator import bodies
from simulator.client import Sender
from tests.faults.policies import BROKEN, MISTAKE

AT_ONCE = 100
DEAD_WITHIN_S = 300.0
CAUSE = "SELECT fingerprint AS id FROM dead_letters_deadletter WHERE code = 'bug' LIMIT 1"
_DEAD = "SELECT count(*) AS n FROM dead_letters_deadletter WHERE code = 'bug'"


@contextlib.contextmanager
def mistake(house):
    """The policy has it inside."""
    mark = house.armed / MISTAKE
    mark.touch()
    try:
        yield
    finally:
        mark.unlink()


def people(first, count):
    """Ids of customers that no other part of a run has."""
    return [f"7{first:06d}{number:09d}" for number in range(count)]


def body(account, talks, texts):
    """One POST with these texts, each of the customer at its place."""
    at_ms = int(time.time() * 1000)
    items = [
        bodies.message(text, sender=person, account=account, mid=f"d-{person}-{text}", at_ms=at_ms + n)
        for n, (person, text) in enumerate(zip(talks, texts, strict=True))
    ]
    return bodies.messaging_body(items, account=account, at_ms=at_ms)


def write(house, persons, texts):
    """Each of them writes each text, one text after the other."""
    account = next(iter(house.accounts))
    with contextlib.closing(Sender(f"{house.web_url}/webhooks/instagram", house.secret)) as meta:
        for text in texts:
            for start in range(0, len(persons), AT_ONCE):
                some = persons[start : start + AT_ONCE]
                answer = meta.post(body(account, some, [text] * len(some)))
                assert answer.status == 200, answer.status


def die(house, persons, each):
    """So many messages of each of them become dead letters of one cause; returns their texts."""
    texts = [f"{BROKEN} {n}" for n in range(each)]
    with mistake(house):
        write(house, persons, texts)
        deadline = time.monotonic() + DEAD_WITHIN_S
        while (dead := house.rows(_DEAD)[0]["n"]) < len(persons) * each:
            assert time.monotonic() < deadline, f"only {dead} of {len(persons) * each} have died"
            time.sleep(0.5)
    return texts
