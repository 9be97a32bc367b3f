"""
Meta in a run: posts what customers do, at a steady pace, and each POST again until it is taken.

It writes the history that the checker believes.
"""

import heapq
import itertools
import threading
import time
from collections import Counter
from random import Random

from simulator import bodies
from simulator.client import NotDelivered, Sender
from simulator.meta_wire import headers, wire
from tests.faults.plan import Plan

THREADS = 8
TIMEOUT_S = 5.0
LAG_FORGIVEN_S = 2.0
AT_ONCE_AGAIN, LATER_AGAIN, LATER_S = 0.03, 0.03, (0.5, 20.0)
FORGED, FORGED_FIRST = 0.005, 0.02
FIRST_WAIT_S, LONGEST_WAIT_S = 0.3, 5.0
PATIENCE_S = 90.0
NEXT = None  # in the queue: it is time for a new POST


class Post:
    """One POST, until it is answered by 2xx. A forged one is posted once."""

    def __init__(self, number, events, *, is_forged=False):
        self.number, self.events, self.is_forged = number, events, is_forged
        self.tries, self.raw = 0, b""

    def bytes(self):
        """The body, the same at each try; a second delivery of the same events has another time."""
        if not self.raw:
            at_ms = int(time.time() * 1000)
            each = [bodies.messaging_body([event.item], account=event.account, at_ms=at_ms) for event in self.events]
            self.raw = wire(bodies.merged(each))
        return self.raw


class Generator:
    """Some threads that post. rate: events a second. wait_s: the pause before a POST is sent again, at most.

    of_plan: see plan.py, as conversations and killers.
    """

    def __init__(self, web_url, secret, accounts, history, seed, rate, *, wait_s=LONGEST_WAIT_S, **of_plan):
        self._url, self._secret, self._history, self._rate = web_url, secret, history, rate
        self._random, self._wait_s = Random(f"generator {seed}"), wait_s
        self._plan = Plan(self._random, accounts, history, **of_plan)
        self._changed = threading.Condition()
        self._queue, self._turn = [], itertools.count()  # (due, turn, post)
        self._flying, self._is_stopping, self._deadline = 0, False, float("inf")
        self._counts, self._acked = Counter(), set()
        self._threads = [threading.Thread(target=self._work, name=f"meta-{n}", daemon=True) for n in range(THREADS)]

    def start(self):
        with self._changed:
            self._put(time.monotonic(), NEXT)
        for thread in self._threads:
            thread.start()

    def stop(self, *, within_s=PATIENCE_S):
        """Makes nothing new, and goes on until every POST is taken; the counts."""
        with self._changed:
            self._is_stopping, self._deadline = True, time.monotonic() + within_s
            for events in self._plan.rest():
                self._put(0.0, self._post(events))
            self._queue = [(0.0, turn, post) for _, turn, post in self._queue if post is not NEXT]
            heapq.heapify(self._queue)
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(within_s + 2 * TIMEOUT_S)
        return self.counts

    @property
    def counts(self):
        """Of events: made, by kind, late, acked, sent again; of POSTs: by answer, forged, unacked."""
        with self._changed:
            waiting = sum(1 for _, _, post in self._queue if post is not NEXT and not post.is_forged)
            return {
                **self._counts,
                **{f"kind {kind}": count for kind, count in self._plan.kinds.items()},
                "events": sum(self._plan.kinds.values()),
                "late": self._plan.late,
                "duplicates": self._counts["again"] + self._plan.duplicates,
                "acked": len(self._acked),
                "unacked posts": waiting + self._flying,
            }

    # --- whose turn it is ------------------------------------------------------------------------

    def _work(self):
        genuine = Sender(f"{self._url}/webhooks/instagram", self._secret, timeout_s=TIMEOUT_S)
        try:
            while (post := self._take()) is not None:
                self._send(genuine, post)
        finally:
            genuine.close()

    def _take(self):
        """The next POST that is due; None when all is done."""
        with self._changed:
            while not self._is_done():
                now = time.monotonic()
                if self._queue and self._queue[0][0] <= now:
                    due, _, post = heapq.heappop(self._queue)
                    post = self._new(due, now) if post is NEXT else post
                    self._flying += 1
                    return post
                self._changed.wait(min(self._queue[0][0] - now, 1.0) if self._queue else 1.0)
            self._changed.notify_all()
            return None

    def _is_done(self):
        return self._is_stopping and ((not self._queue and not self._flying) or time.monotonic() > self._deadline)

    def _put(self, due, post):
        heapq.heappush(self._queue, (due, next(self._turn), post))
        self._changed.notify()

    def _new(self, due, now):
        """The POST of this moment; when the next one comes, and what of this one comes again, is put down."""
        due = due if now - due < LAG_FORGIVEN_S else now
        dice = self._random.random()
        if dice < FORGED:
            post = self._post(self._plan.invented(1, late=0.0), is_forged=True)
            self._put(due, NEXT)
            return post
        events = self._plan.batch()
        self._put(due + len(events) / self._rate, NEXT)
        post = self._post(events)
        self._send_more_often(post, now)
        if dice < FORGED + FORGED_FIRST:
            forged = self._post(events, is_forged=True)
            post.raw = forged.bytes()
            self._put(now + 0.05, post)
            return forged
        return post

    def _send_more_often(self, post, now):
        dice = self._random.random()
        if dice < AT_ONCE_AGAIN + LATER_AGAIN:
            due = now if dice < AT_ONCE_AGAIN else now + self._random.uniform(*LATER_S)
            self._put(due, self._post(post.events))
            self._counts["again"] += len(post.events)

    def _post(self, events, *, is_forged=False):
        self._counts["forged" if is_forged else "posts"] += 1
        return Post(self._history.next_post(), events, is_forged=is_forged)

    # --- the call --------------------------------------------------------------------------------

    def _send(self, sender, post):
        raw = post.bytes()
        signed = headers(raw, self._secret if not post.is_forged else f"not {self._secret}")
        self._tell_sending(post)
        begun = time.monotonic()
        try:
            status, error = sender.post_raw(raw, signed).status, ""
        except NotDelivered as failure:
            status, error = 0, str(failure)
        seconds = round(time.monotonic() - begun, 4)
        what = "ok" if 200 <= status < 300 else "fail" if 400 <= status < 500 else "info"
        answer = {"status": status} if status else {"error": error}
        self._history.write(what, post=post.number, seconds=seconds, **answer)
        self._settle(post, what, str(status or error))

    def _tell_sending(self, post):
        post.tries += 1
        facts = {"events": [event.number for event in post.events]} if post.tries == 1 else {"again": post.tries}
        self._history.write("invoke", post=post.number, **facts, **({"forged": True} if post.is_forged else {}))

    def _settle(self, post, what, answer):
        with self._changed:
            self._flying -= 1
            self._counts[f"answer {answer}"] += 1
            if what == "ok" and not post.is_forged:
                self._acked.update(event.number for event in post.events)
            elif not post.is_forged:
                wait_s = min(FIRST_WAIT_S * 2 ** min(post.tries - 1, 8), self._wait_s)
                self._put(time.monotonic() + wait_s * self._random.uniform(0.5, 1.0), post)
            self._changed.notify_all()
