"""Reply policies of products under test, named by their dotted path."""

import os
import signal
import time
from pathlib import Path


def repeat(context):
    return f"re {context.text}"


def slow(context):
    time.sleep(0.3)
    return repeat(context)


def stuck(context):
    time.sleep(120)
    return repeat(context)


def moody(context):
    """Answers, but has a mistake that it tells with the customer's own words."""
    if "explode" in context.text:
        raise KeyError(f"{context.text} by {context.sender_id}")
    return repeat(context)


def mendable(context):
    """As moody, until there is a file."""
    return repeat(context) if Path(os.environ["MENDED"]).exists() else moody(context)


def killing(context):
    """Ends its process over one text, never ends over another, and eats memory over a third."""
    if context.text == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if context.text == "hang":
        time.sleep(600)
    hoard = []
    while context.text == "eat":
        hoard.append(bytes(1 << 26))  # never touched: it fills no memory of this machine
    return repeat(context)


def gated(context):
    """Harmless, but waits for a file; each time it is asked, another file gets a line."""
    gate = Path(os.environ["GATE"])
    with gate.with_suffix(".asked").open("a") as asked:
        asked.write("asked\n")
    while not gate.exists():
        time.sleep(0.02)
    return repeat(context)
