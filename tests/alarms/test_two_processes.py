"""Any number of processes tell once; one that dies at it makes a second message, never a missing one."""

import threading

import pytest
from django.db import connection

from instagram_webhooks.alarms import deliver, telling
from tests.alarms.conftest import Box, stopped, told

pytestmark = pytest.mark.usefixtures("own_database")


def test_two_processes_tell_once():
    stopped("@shop")
    delivered, counts, one_is_through = [], [], threading.Event()

    def send(message):
        delivered.append(message)
        one_is_through.wait(5)  # by then the other has found that it is not its turn

    def process():
        counts.append(telling.tell([deliver.Channel("post", "slow", send)]))
        one_is_through.set()
        connection.close()

    threads = [threading.Thread(target=process) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(counts) == [0, 1]
    assert len(delivered) == 1


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
