"""The history of a run: what was sent, what came back, and which faults there were; one JSON object a line."""

import itertools
import json
import threading
import time
from pathlib import Path


class History:
    """A file that several threads write.

    event    n, kind, account, person, at_ms, key, late      before its first POST
    invoke   post, events (numbers, in their places); forged, or again where it is not the first try
    ok, fail, info    post, seconds, status or error: answered 2xx, answered 4xx, or its fate is unknown
    fault    kind_of_fault, begun, healed
    phase    name
    """

    def __init__(self, path):
        self.path = Path(path)
        self._file = self.path.open("a", buffering=1 << 16)
        self._lock = threading.Lock()
        self._events, self._posts = itertools.count(1), itertools.count(1)

    def write(self, what, /, **facts):
        """One line, with the time unless it is given."""
        line = json.dumps({"what": what, "t": time.time(), **facts}, separators=(",", ":"))
        with self._lock:
            self._file.write(f"{line}\n")

    def next_event(self):
        """A number that no event of this history has."""
        return next(self._events)

    def next_post(self):
        return next(self._posts)

    def lines(self):
        """Everything so far, in the order of its writing."""
        with self._lock:
            self._file.flush()
        with self.path.open() as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)

    def close(self):
        with self._lock:
            self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
