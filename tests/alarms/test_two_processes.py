"""Any number of processes tell once; one that dies at it makes a second message, never a missing one."""

import threading

import pytest
from django.db import connection

from instagram_webhooks.alarms import deliver, telling
from tests.alarms.conftest import Box, stopped, told

pytestmark = pytest.mark.usefixtures("own_database")


def test_two_processes_tell_once():
    stopped("@shop")
    box, together = Box(), threading.Barrier(2)

    def process():
        together.wait(10)
        told(box, pause_s=60.0)
        connection.close()

    threads = [threading.Thread(target=process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(box.messages) == 1


class Killed(BaseException):
    """The process ends here."""


def test_a_process_that_dies_after_the_delivery_makes_a_second_message_of_the_same_id():
    stopped("@shop")
    delivered = []

    def send_and_die(message):
        delivered.append(message)
        raise Killed

    with pytest.raises(Killed):
        telling.tell([deliver.Channel("post", "dies", send_and_die)], pause_s=0.0)
    box = Box()

    assert told(box) == 1
    assert box.messages[0].message_id == delivered[0].message_id
