"""Reply policies for tests, named by their dotted path."""

from django.db import OperationalError

from instagram_webhooks.errors import AccountPaused, GraphRefused, PolicyOverBudget, TokenRefused
from instagram_webhooks.replies.context import Silence

seen = []
histories = []
meanwhile = []


def repeat(context):
    seen.append(context)
    histories.append(context.history(3))
    return f"re {context.text}"


def thinking(context):
    """While it thinks, something happens: `meanwhile` does it."""
    meanwhile[0]()
    return f"re {context.text}"


def silent(context):
    return Silence("not_today")


def nothing(context):
    return None


def buggy(context):
    raise KeyError("a policy's own mistake")


def retryable(context):
    raise PolicyOverBudget


def waiting_for_ever(context):
    raise AccountPaused(wait_s=float("inf"))


def refusing(context):
    raise GraphRefused


def wrong_type(context):
    return 7


def parking(context):
    raise TokenRefused


def greedy(context):
    raise MemoryError


def without_its_database(context):
    raise OperationalError("the shop's own database is away")
