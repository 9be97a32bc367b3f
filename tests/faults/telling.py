"""What a run tells the people who watch it."""

import sys


def say(line):
    """One line, at once: whoever watches a pipe sees it too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
