"""Publishes the wake-up of one event in both ways: as the product does, and as any Celery user would."""

import sys
from uuid import UUID

import django

django.setup()

from instagram_webhooks.inbox.wake_ups import Broker  # noqa: E402
from instagram_webhooks.tasks import process_event  # noqa: E402

Broker().publish([UUID(sys.argv[1])])
process_event.apply_async([sys.argv[1]])
