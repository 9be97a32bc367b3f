"""`celery` whose workers look at their hearing five times a second."""

import sys

from celery import signals
from celery.__main__ import main


@signals.celeryd_init.connect
def look_often(**_):
    from instagram_webhooks.worker import deafness

    deafness.EVERY_S = 0.2


if __name__ == "__main__":
    sys.argv[0] = "celery"
    main()
