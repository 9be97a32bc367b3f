"""`celery` whose workers claim to consume but ask for nothing; they look at their hearing five times a second."""

import sys

from celery import signals
from celery.__main__ import main


@signals.celeryd_init.connect
def look_often(**_):
    from instagram_webhooks.worker import deafness

    deafness.EVERY_S = 0.2


@signals.worker_ready.connect
def go_deaf(sender, **_):
    """As after a reconnection that went wrong: before the first question, the channel forgets what to ask for."""
    sender.task_consumer.channel._active_queues.clear()


if __name__ == "__main__":
    sys.argv[0] = "celery"
    main()
