"""What the parent of a prefork pool makes of a child that is gone."""

import os
import socket
import subprocess
import sys

import pytest
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.models import Worker
from instagram_webhooks.worker.children import Children
from instagram_webhooks.worker.life import life

pytestmark = pytest.mark.django_db


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def a_row(pid, *, parent_id):
    at = timezone.now()
    return Worker.objects.create(
        host=socket.gethostname(), pid=pid, pool="prefork", slots=2, started_at=at, pulse_at=at, parent_id=parent_id
    )


def test_a_lost_child_is_not_mistaken_for_one_of_another_container_with_the_same_name_and_number(child):
    ours, theirs = a_row(child.pid, parent_id=life.worker_id), a_row(child.pid, parent_id=uuid7())
    children = Children()
    child.kill()
    child.wait()

    assert children.report_lost() == 1

    ours.refresh_from_db()
    theirs.refresh_from_db()
    assert (ours.stopped_at is not None, theirs.stopped_at) == (True, None)


def test_a_child_that_is_there_is_not_lost_until_it_is_gone(child):
    a_row(child.pid, parent_id=life.worker_id)
    children = Children()
    assert children.report_lost() == 0
    child.kill()
    child.wait()

    assert (children.report_lost(), children.report_lost()) == (1, 0)


def test_a_child_that_vanishes_while_all_are_ended_holds_up_nothing(child, monkeypatch):
    row = a_row(child.pid, parent_id=life.worker_id)
    children = Children()

    def vanished(pid, _number):
        child.stdin.close()  # it ends by itself
        child.wait()
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", vanished)
    children.kill()

    row.refresh_from_db()
    assert row.stopped_at is not None


def test_a_fork_knows_the_process_that_it_comes_from():
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write, f"{life.parent_id} {life.worker_id}".encode())
        os._exit(0)
    os.waitpid(pid, 0)

    parent_id, own_id = os.read(read, 100).decode().split()

    assert parent_id == str(life.worker_id) != own_id
    os.close(read)
    os.close(write)
