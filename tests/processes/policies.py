"""Reply policies of products under test, named by their dotted path."""

import time


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
