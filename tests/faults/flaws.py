"""
Flaws to seed into the product, one at a time: each must make a run fail, or the run proves nothing.

A flaw is a list of changes to modules as they are loaded (patching.py). `kinds`: the faults that
provoke it, so that a short run meets them often enough; () for a run without faults. `sql`: what has
to go from the database first, where that would refuse the flaw by itself.
"""

import dataclasses
from dataclasses import dataclass

from tests.faults.patching import replaced, rewritten

STATES = "instagram_webhooks.states"
ANY_KILL = ("worker.kill", "worker.child_kill", "point.kill")
REFUSALS = ("graph.500", "graph.503", "graph.reset")


@dataclass(frozen=True)
class Flaw:
    """What is broken, the changes that break it, and what brings it to light."""

    what: str
    changes: tuple = ()
    kinds: tuple = ANY_KILL
    sql: tuple = ()
    killers: float = 0.0  # the share of messages that end their workers
    model: str = ""  # what the exhaustive search calls it


def move(name, **values):
    """(module, change): a row of the table of moves with other conditions or effects."""

    def change(states):
        if "starts" in values:
            values["starts"] = states.Starts(values["starts"])
        changed = dataclasses.replace(getattr(states, name), **values)
        setattr(states, name, changed)
        states.MOVES[name] = changed

    return STATES, change


def _instead(dotted, made):
    """A change with the module at hand: `made(module, original)` in place of the attribute."""

    def change(module):
        setattr(module, dotted, made(module, getattr(module, dotted)))

    return change


def _all_moves_of_holders(**values):
    names = ("PROCESS", "IGNORE", "RETRY", "SUSPEND", "DIE", "HAND_BACK", "RENEW")
    return tuple(move(name, **values) for name in names)


def _offer_first(inbox, original):
    """The wake-ups leave before anything is stored; a worker that is quick finds nothing."""

    def accept(provider, events, correlation_id):
        import uuid

        inbox.wake_ups.offer([uuid.uuid4() for _ in events])
        return original(provider, events, correlation_id)

    return accept


def _no_offer(inbox):
    inbox.group._then = lambda stored: None


def _no_sweep(original):
    from instagram_webhooks.inbox.sweep import Swept

    return lambda *args, **more: Swept(was_ours=True)


def _resend(answering, _original):
    return answering._again


def _known_before_verified(views, original):
    """Bodies are remembered before their signature is looked at: a forger makes us forget the true one."""
    import hashlib

    import redis
    from django.conf import settings

    seen = redis.Redis.from_url(settings.CELERY_BROKER_URL)  # there are several web processes

    def receive(request, provider, correlation_id):
        body = views._body(request)
        if not seen.set(f"seen:{hashlib.sha256(body).hexdigest()}", 1, nx=True):
            return views.Answer(content_type="text/plain")
        request.read = lambda *_: body
        return original(request, provider, correlation_id)

    return receive


def _whole_body_or_nothing(split):
    """One event that cannot be read spoils its neighbours."""

    def all_or_none(provider, body):
        events = split(provider, body)
        return [] if any(event.kind in ("unreadable", "unknown") for event in events) else events

    return all_or_none


def _marked_before_the_call(answering, original):
    """The event is ended before the reply has left: whoever dies in between has lost the reply."""

    def send(claim, content, account, reply_id, text, *more, **named):
        answering.committed(lambda: answering.finish.processed(claim, reply="sent"))
        message_id = answering.graph_api.send_text(answering._destination(claim, content, account), text)
        answering.committed(lambda: answering.outbox.sent(reply_id, message_id))

    return send


FLAWS = {
    "no_fence_check": Flaw(
        "moves of a holder do not look at the fence",
        _all_moves_of_holders(by_holder=False, while_leased=False),
        ("worker.stop", "point.stop"),
        model="no fence check",
    ),
    "fence_reset_at_replay": Flaw(
        "a replay sets the fence back",
        (("instagram_webhooks.inbox.moves", rewritten("_REPLAY", "attempts = 0", "attempts = 0, fence = 0")),),
        (*REFUSALS, "worker.kill"),
        sql=("DROP TRIGGER fence_never_falls ON instagram_webhooks_webhookevent",),
        model="fence reset at replay",
    ),
    "finish_without_state_check": Flaw(
        "an event is ended in whatever state it is",
        (move("PROCESS", before=("received", "processing", "retrying", "parked", "processed", "dead", "ignored")),),
        ("net.postgres.swallow", "net.postgres.cut", "point.throw"),
        model="finish without state check",
    ),
    "wake_up_before_commit_without_sweep": Flaw(
        "wake-ups leave before the commit, and nothing is swept",
        (
            ("instagram_webhooks.inbox.accept", _instead("accept", _offer_first)),
            ("instagram_webhooks.inbox.accept", _no_offer),
            ("instagram_webhooks.worker.upkeep", replaced("sweep", _no_sweep)),
        ),
        (),
    ),
    "sweep_off": Flaw(
        "nobody sweeps",
        (("instagram_webhooks.worker.upkeep", replaced("sweep", _no_sweep)),),
        ("redis.flushall", "redis.purge", "worker.kill"),
        model="sweep off",
    ),
    "sweep_ignores_expired_leases": Flaw(
        "the sweep offers no event whose lease ran out",
        (
            (
                "instagram_webhooks.inbox.sweep",
                rewritten(
                    "DUE",
                    "e.claimable_at <= statement_timestamp()",
                    "e.claimable_at <= statement_timestamp() AND e.state <> 'processing'",
                ),
            ),
        ),
        ("worker.kill", "point.kill"),
        model="sweep ignores expired leases",
    ),
    "update_instead_of_nothing": Flaw(
        "an event that comes again is begun again",
        (
            (
                "instagram_webhooks.inbox.accept",
                rewritten(
                    "INSERT",
                    "DO NOTHING",
                    "DO UPDATE SET state = 'received', worker_id = NULL, reason = '',"
                    " finished_at = NULL, claimable_at = statement_timestamp()",
                ),
            ),
        ),
        (),
    ),
    "blind_resend": Flaw(
        "a reply of unknown outcome is sent again without a look-up",
        (
            ("instagram_webhooks.worker.answering", _instead("_after_unknown_outcome", _resend)),
            ("instagram_webhooks.replies.lookup", replaced("echoed", lambda _: lambda claim, reply: None)),
        ),
        ("graph.timeout_after", "graph.reset_after", "graph.http_after"),
        model="blind resend",
    ),
    "rescue_by_age_only": Flaw(
        "claims of workers that live are taken away after a second, also with a reply under way",
        (
            (
                "instagram_webhooks.inbox.sweep",
                rewritten(
                    "SILENT",
                    "(pulse_at < clock_timestamp() - make_interval(secs => %(silent)s) OR stopped_at IS NOT NULL)",
                    "(%(silent)s::float8 > 0)",
                ),
            ),
            move("RESCUE", unless_sending=False),
        ),
        ("graph.slow",),
        model="rescue of living workers",
    ),
    "known_before_verified": Flaw(
        "what a forger sent counts as known",
        (("instagram_webhooks.door.views", _instead("_receive", _known_before_verified)),),
        (),
    ),
    "whole_body_or_nothing": Flaw(
        "one broken event of a body spoils the others",
        (("instagram_webhooks.providers", replaced("split", _whole_body_or_nothing)),),
        (),
    ),
    "head_by_due_time": Flaw(
        "the head of a lane is what has been due for longest",
        (("instagram_webhooks.inbox.claim", _instead("BY_EVENT", lambda claim, taking: _by_due_time(taking))),),
        REFUSALS,
        model="head by due time instead of order",
    ),
    "starts_counted_after_work": Flaw(
        "a claim does not count as a start",
        (
            move("CLAIM", starts="kept"),
            move("RECLAIM", starts="kept"),
        ),
        (),
        killers=0.02,
        model="starts counted after work",
    ),
    "starts_reset_at_claim": Flaw(
        "a claim sets the starts back",
        (
            move("CLAIM", starts="reset"),
            move("RECLAIM", starts="reset"),
        ),
        (),
        killers=0.02,
        model="starts reset at claim",
    ),
    "marked_before_the_call": Flaw(
        "the event is ended before its reply has left",
        (("instagram_webhooks.worker.answering", _instead("_send", _marked_before_the_call)),),
        ("worker.kill", "point.kill", *REFUSALS),
    ),
}


def _by_due_time(taking):
    """Both statements with the head of a lane in another order."""
    order = "ORDER BY o.order_at, o.received_at, o.place, o.event_id"
    assert order in taking.waiting
    return dataclasses.replace(
        taking,
        waiting=taking.waiting.replace(order, "ORDER BY o.claimable_at DESC"),
        expired=taking.expired.replace(order, "ORDER BY o.claimable_at DESC"),
    )
