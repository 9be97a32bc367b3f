"""
A replay of ten thousand whose processes are killed: python -m tests.faults.batch [--letters 10000] [--seed 1]

Messages die by a mistake in the policy; it is mended, and a person in the admin sees what a replay of their cause would
do, and begins it, while others write and more of them die of the same. Until it is done, web processes, workers and
beat are killed -9, one after the other.

Exit code 0 where just what the page promised went, each letter once, each customer has each answer once and in order,
and what died later was left alone.
"""

import argparse
import contextlib
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import Random

from simulator.client import NotDelivered, Sender
from simulator.meta_wire import wire
from tests.faults import dying
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House, end_in_order_when_told
from tests.faults.policies import HOPELESS
from tests.faults.rest import come_to_rest
from tests.faults.telling import say
from tests.processes.person import STAFF, Person
from tests.processes.process import until

EACH = 20  # messages of each customer
RATE, LEAST_RATE = 100, 10  # letters a second: the most there is, and what is left of it where its processes are killed
LIVE = 20  # events a second beside it
KILL_EVERY_S = 8.0
HOPELESS_EVERY_S = 2.0
CALM_S = 40.0
NEW = "/admin/dead_letters/replaybatch/new/?cause={cause}"
BATCH = "SELECT id, state, why, total FROM dead_letters_replaybatch"
OUTCOMES = "SELECT outcome, why, count(*) AS n FROM dead_letters_replayitem GROUP BY 1, 2"
FOUND = {
    "letters that were replayed more than once": "SELECT count(*) AS n FROM dead_letters_deadletter WHERE replays > 1",
    "items whose letter is still open": """SELECT count(*) AS n FROM dead_letters_replayitem i
        JOIN dead_letters_deadletter d ON d.id = i.letter_id WHERE d.status <> 'replayed'""",
    "letters replayed that were no part of it": """SELECT count(*) AS n FROM dead_letters_deadletter d
        WHERE d.status <> 'open' AND NOT EXISTS (SELECT 1 FROM dead_letters_replayitem i WHERE i.letter_id = d.id)""",
    "letters that were not audited just once": """SELECT count(*) AS n FROM dead_letters_replayitem i
        WHERE 1 <> (SELECT count(*) FROM audit_auditentry a
                     WHERE a.subject_id = i.subject_id AND a.action = 'dead_letter.replayed')""",
}
LATER = "SELECT count(*) AS n FROM dead_letters_deadletter WHERE status = 'open' AND code = 'bug'"


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.faults.batch")
    parser.add_argument("--letters", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    end_in_order_when_told()
    folder = Path(tempfile.mkdtemp(prefix="batch-"))
    say(f"Logs and history: {folder}")
    with House(folder, options.seed) as house, History(folder / "history.jsonl") as history:
        people = dying.people(1, options.letters // EACH)
        texts = dying.die(house, people, EACH)
        say(f"{len(people) * EACH} letters of {len(people)} customers.")
        wrong = _replayed(house, history, options.seed)
        wrong += [f"{count} {what}" for what, sql in FOUND.items() if (count := house.rows(sql)[0]["n"])]
        wrong += _answers(house, people, texts)
    say("\n".join(wrong) or "All is well.")
    return 1 if wrong else 0


def _replayed(house, history, seed):
    """From what the person sees to the end of the replay; what was not as the page had promised."""
    live = Generator(house.web_url, house.secret, house.accounts, history, seed, LIVE, killers=0.0)
    live.start()
    person, page, promised = _seen(house)
    with _meanwhile(_more_die, house) as later:
        until(lambda: later and house.rows(LATER)[0]["n"] > promised, "more have died since", within_s=60)
        words = {"rate": RATE, "stop_percent": 10, "name": "mended", "reason": "it is mended", "typed": promised}
        assert "back to work." in person.send(_address(house), page, words)
        begun = time.monotonic()
        with _meanwhile(_kill, house, Random(seed)) as kills:
            until(lambda: _batch(house)["state"] not in ("running", "paused"), "the replay ended",
                  within_s=promised / LEAST_RATE + 120)  # fmt: skip
        took = time.monotonic() - begun
    live.stop()
    come_to_rest(house, CALM_S)
    batch, still_open = _batch(house), house.rows(LATER)[0]["n"]
    outcomes = {f"{row['outcome']} {row['why']}".strip(): row["n"] for row in house.rows(OUTCOMES)}
    say(f"Promised {promised}; went {batch['total']} in {took:.0f} s, {outcomes}; killed {dict(Counter(kills))}; "
        f"{len(later)} died of the same meanwhile, {still_open} of them are open.")  # fmt: skip
    wrong = [] if batch["state"] == "done" else [f"the replay is {batch['state']}: {batch['why']}"]
    if not batch["total"] == promised == outcomes.get("processed"):
        wrong.append("what went, or was processed, is not what the page had promised")
    if not kills or not later or still_open != len(later):
        wrong.append("nothing was killed, nothing died of the same, or what died of it was not left alone")
    return wrong


def _seen(house):
    """A person with the page that says what would go, and the count that it shows."""
    for name, value in STAFF.items():
        house.direct[name] = value
    house.manage("manage.py", "createsuperuser", "--noinput")
    person = Person(house.web_url)
    page = person.open(_address(house))
    return person, page, int(re.search(r"<b>(\d+)</b> go back to work", page)[1])


def _address(house):
    return NEW.format(cause=house.rows(dying.CAUSE)[0]["id"])


@contextlib.contextmanager
def _meanwhile(what, *given):
    """Something that goes on in a thread; the list of what it did."""
    stopping, done = threading.Event(), []
    thread = threading.Thread(target=what, args=[*given, stopping, done], daemon=True)
    thread.start()
    try:
        yield done
    finally:
        stopping.set()
        thread.join()


def _more_die(house, stopping, done):
    """Now and then somebody writes what the policy still stumbles over; each POST until it is taken."""
    account = next(iter(house.accounts))
    for number, person in enumerate(dying.people(2, 100_000)):
        raw = wire(dying.body(account, [person], [f"{HOPELESS} {number}"]))
        while not _is_taken(house, raw):  # to its end: it may have been stored, and is counted then
            time.sleep(0.2)
        done.append(person)
        if stopping.wait(HOPELESS_EVERY_S):
            return


def _is_taken(house, raw):
    with contextlib.closing(Sender(f"{house.web_url}/webhooks/instagram", house.secret)) as meta:
        try:
            return meta.post_raw(raw).status == 200
        except NotDelivered:
            return False


def _kill(house, rng, stopping, done):
    """kill -9 of whole processes, each as often as the others, sometimes all workers at once."""
    while True:
        names = rng.sample(sorted(house.processes), len(house.processes))
        for some in [*([name] for name in names), [name for name in names if name.startswith("worker")]]:
            if stopping.wait(KILL_EVERY_S):
                return
            for name in some:
                house.processes[name].kill()
            done.extend(some)


def _answers(house, people, texts):
    """Whose answers at Meta are not each of them once, in the order of the messages."""
    told = {person: [] for person in people}
    for call in house.graph_calls():
        if call["taken"] and call["recipient"] in told:
            told[call["recipient"]].append(call["text"])
    wanted = [f"re {text}" for text in texts]
    wrong = [person for person, got in told.items() if got != wanted]
    return [f"{len(wrong)} customers have not each answer once and in order, first {wrong[0]}"] if wrong else []


def _batch(house):
    return house.rows(BATCH)[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
