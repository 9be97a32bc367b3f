"""What a worker makes of the end of a child that had an event for itself."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from audit.models import AuditEntry
from dead_letters.models import DeadLetter
from instagram_webhooks.errors import WorkerKiller
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish
from instagram_webhooks.models import OutgoingReply, WebhookEvent
from instagram_webhooks.replies import outbox
from instagram_webhooks.worker import alone, life, outcomes, work
from tests.builders import a_message, knobs, stored

pytestmark = pytest.mark.usefixtures("shop")

BEGUN = "import os, signal, sys, time; say = lambda word: os.write(int(sys.argv[5]), word); say(b'b');"


def suspect():
    """A claim on an event that two workers were lost over."""
    (event,) = stored(a_message())
    WebhookEvent.objects.update(starts=alone.FROM_START - 1)
    return claims.claim(event.pk, worker_id=life.life.worker_id)


def end_of(code, claim=None):
    """The facts that a child which runs `code` is blamed with; None where nobody is blamed."""
    try:
        alone.work_off(claim or suspect(), command=[sys.executable, "-c", code])
    except WorkerKiller as exc:
        return exc.facts
    return None


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"])
def test_a_child_that_crashes_over_its_event_is_blamed_with_what_is_known(name, monkeypatch):
    monkeypatch.setattr(alone, "WE_MAY_BE_NEXT_S", 0)

    facts = end_of(f"{BEGUN} os.kill(os.getpid(), signal.{name})")

    assert facts["signal"] == getattr(alone.signal, name)
    assert facts["starts"] == 3
    assert 1 <= facts["peak_mb"] < 1000
    assert 0 <= facts["seconds"] < 30


def test_a_child_that_ends_in_the_middle_of_its_event_is_blamed_whatever_its_exit_code():
    assert end_of(f"{BEGUN} os._exit(0)")["exit_code"] == 0


def test_what_a_child_prints_says_nothing_of_its_end():
    assert end_of(f"{BEGUN} os.write(1, b'be'); os._exit(0)")["exit_code"] == 0


def test_a_child_that_crashes_leaves_no_core():
    code = (
        "import django, resource; django.setup();"
        "from instagram_webhooks.worker import cell; cell.bound(60);"
        "print(resource.getrlimit(resource.RLIMIT_CORE))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "(0, 0)\n"


def test_a_child_that_does_not_end_in_time_is_blamed_and_ended_before_the_lease_ends():
    with knobs(lease_s=2.0):
        begun = time.monotonic()
        facts = end_of(f"{BEGUN} time.sleep(60)")

    assert facts["seconds"] >= 1.8
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("code", [
    f"{BEGUN} say(b'e')",  # it recorded an outcome
    f"{BEGUN} say(b'e'); os._exit(75)",  # or left the event to its lease
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",  # before it came to the event
    "raise SystemExit(1)",
    f"{BEGUN} os.kill(os.getpid(), signal.SIGTERM)",  # somebody wanted it to end
])  # fmt: skip
def test_nothing_else_is_the_events_fault(code):
    assert end_of(code) is None


def test_nobody_is_blamed_for_the_end_of_the_worker_itself():
    claim = suspect()
    life.life.stopping.set()

    assert end_of(f"{BEGUN} os.kill(os.getpid(), signal.SIGKILL)", claim) is None


def test_nobody_is_blamed_where_whoever_killed_the_child_ends_the_worker_a_moment_later(monkeypatch):
    def slept(seconds):
        if seconds == alone.WE_MAY_BE_NEXT_S:
            life.life.stopping.set()
        else:
            time.sleep(seconds)

    monkeypatch.setattr(alone, "time", SimpleNamespace(monotonic=time.monotonic, sleep=slept))

    assert end_of(f"{BEGUN} os.kill(os.getpid(), signal.SIGKILL)") is None


def test_nobody_is_blamed_for_being_late_while_the_database_stood_still():
    with knobs(lease_s=1.0):
        life.life.beat(every_s=0.1)  # and none since

        assert end_of(f"{BEGUN} time.sleep(60)") is None

    life.life._reset()


def test_nobody_is_blamed_for_a_child_that_does_not_come_to_the_work_in_time():
    with knobs(lease_s=1.0):
        assert end_of("import time; time.sleep(60)") is None


def test_a_child_hears_that_its_worker_is_to_stop():
    listening = "signal.signal(signal.SIGTERM, lambda *_: (say(b'e'), os._exit(0)));"
    ready = "import os, signal; os.kill(os.getppid(), 0);"
    claim = suspect()
    life.life.stopping.set()

    begun = time.monotonic()
    assert end_of(f"{ready} {BEGUN} {listening} time.sleep(60)", claim) is None
    assert time.monotonic() - begun < 20


def test_a_killer_is_buried_with_numbers_and_its_reply_that_may_have_left_is_for_a_person():
    claim = suspect()
    outbox.write(claim, "re hello", state="sending", message_id="m-1")

    outcomes.failed(claim, WorkerKiller(starts=3, signal=9, seconds=0.4, peak_mb=80))

    letter = DeadLetter.objects.get()
    assert (letter.code, OutgoingReply.objects.get().state) == ("worker_killer", "undecided")
    assert letter.summary.endswith("Alone: starts 3, signal 9, seconds 0.4, peak_mb 80.")
    detail = AuditEntry.objects.get(action="event.failed").detail
    assert detail.items() >= {"signal": 9, "seconds": 0.4, "starts": 3, "peak_mb": 80}.items()


def test_a_machine_without_room_for_a_child_blames_no_event(monkeypatch):
    claim = suspect()

    def refused(*_args, **_more):
        raise BlockingIOError

    monkeypatch.setattr(alone.subprocess, "Popen", refused)

    again = work._set_apart(claim)

    event = WebhookEvent.objects.get()
    assert (again.event_id, event.state, event.attempts, DeadLetter.objects.count()) == (event.pk, "retrying", 0, 0)


def test_memory_that_ends_in_a_shared_process_blames_no_event_yet():
    (event,) = stored(a_message())

    with knobs(reply_policy="tests.policies.greedy"):
        work.process(event.pk)

    event.refresh_from_db()
    assert (event.state, event.starts, DeadLetter.objects.count()) == ("processing", 1, 0)


def test_a_claim_is_known_again_by_its_fence_while_it_is_the_newest():
    claim = suspect()

    assert claims.held(claim.event_id, fence=claim.fence) == claim
    assert claims.held(claim.event_id, fence=claim.fence - 1) is None
    finish.handed_back(claim)
    assert claims.held(claim.event_id, fence=claim.fence) is None


@pytest.mark.parametrize(
    ("lease", "policy", "call", "limit"), [(90, 20, 20, 81), (42, 19, 19, 40), (40, 20, 19.5, 39.2)]
)
def test_a_policy_and_a_call_that_take_all_their_time_end_no_child(lease, policy, call, limit):
    with knobs(lease_s=lease, reply_policy_budget_s=policy, graph_deadline_s=call):
        assert alone.limit_s() == pytest.approx(limit, abs=0.5)
