"""Redis that dies, stands still, forgets, repeats itself or is full."""

import contextlib

import redis
from celery import Celery

from tests.faults.kinds.registry import fault

TASK = "instagram_webhooks.process_event"
COPIED = 200
# Both ended ones and those at work: each may be woken again.
_RECENT = "SELECT event_id::text AS id FROM instagram_webhooks_webhookevent ORDER BY event_id DESC LIMIT 60"


@fault("redis.kill", weight=2, targets="redis")
def _dies(scene):
    scene.house.redis.kill()
    scene.lasts(0, 1, then=scene.house.redis.start)


@fault("redis.freeze", weight=3, targets="redis")
def _stands_still(scene):
    scene.house.redis.freeze()
    scene.lasts(1, 3, then=scene.house.redis.thaw)


@fault("redis.flushall", weight=5, targets="redis")
def _forgets(scene):
    with scene.house.broker() as broker:
        broker.flushall()


@fault("redis.client_kill", weight=5, targets="redis")
def _hangs_up(scene):
    with scene.house.broker() as broker:
        for kind in ("normal", "pubsub"):
            with contextlib.suppress(redis.RedisError):
                broker.client_kill_filter(_type=kind, skipme=True)


@fault("redis.purge", weight=4, targets="redis")
def _is_purged(scene):
    with scene.house.broker() as broker:
        scene.note(broker.llen(scene.house.queue), "messages")
        broker.delete(scene.house.queue)


@fault("redis.double", weight=5, targets="redis")
def _repeats_itself(scene):
    """Every message that waits once more, and wake-ups of events that were woken before."""
    with scene.house.broker() as broker:
        waiting = broker.lrange(scene.house.queue, 0, COPIED - 1)
        if waiting:
            broker.lpush(scene.house.queue, *waiting)
    recent = [row["id"] for row in scene.house.rows(_RECENT)]
    chosen = scene.rng.sample(recent, min(30, len(recent)))
    with Celery(broker=scene.house.redis_url, set_as_current=False) as app, app.connection_for_write() as connection:
        for id_ in chosen:
            app.send_task(TASK, args=[id_], queue=scene.house.queue, connection=connection, retry=False)
    scene.note(len(waiting), "copied,", len(chosen), "sent again")


@fault("redis.full", weight=3, targets="redis")
def _is_full(scene):
    with scene.house.broker() as broker:
        broker.config_set("maxmemory", "1")
        try:
            scene.lasts(0.5, 2.5)
        finally:
            broker.config_set("maxmemory", "0")
