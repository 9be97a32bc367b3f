"""
Replays every open dead letter, as an operator would, but those that a person must decide and those of
killers; prints how many.

    python -m tests.faults.letters
"""

import sys

import django

ACTOR = "faults"


def replay():
    from dead_letters import review
    from dead_letters.models import DeadLetter, Status

    letters = DeadLetter.objects.filter(status=Status.OPEN).exclude(code__in=("reply_undecided", "worker_killer"))
    outcomes = review.replay(list(letters.values_list("pk", flat=True)), reason="The faults are over.", actor=ACTOR)
    return sum(outcome.is_done for outcome in outcomes)


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(f"{replay()}\n")
