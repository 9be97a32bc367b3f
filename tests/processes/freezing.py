"""A replay of all that died by a bug, begun by a process of the installation itself."""

_FREEZE = """
import django; django.setup()
from django.utils import timezone
from audit.ids import uuid7
from dead_letters import batches
words = {{"name": "mended", "reason": "the policy is mended", "actor": "ops", "rate": {rate}, "stop_percent": 10}}
batches.freeze(uuid7(), {{"code": "bug"}}, until=timezone.now(), **words)
"""


def freezing(rate):
    """The program, for `python -c`. rate: letters a second."""
    return _FREEZE.format(rate=rate)
