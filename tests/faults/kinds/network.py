"""What a network does, between the product and each of its neighbours."""

from tests.faults.kinds.registry import fault

PLACES = ("postgres", "redis", "graph", "web")
# Less than the deadline of a call: what a stopped caller left in here still arrives within its own lease.
HOLE_S = {"graph": (0.5, 1.5)}


def _set(scene, mode, least_s, most_s, **how):
    place = scene.target.removeprefix("way to ")
    scene.note(*(f"{name}={value}" for name, value in how.items()), scene.house.proxies.set(place, mode, **how), "open")
    scene.lasts(least_s, most_s, then=lambda: scene.house.proxies.set(place, "pass"))


def _delay(scene):
    _set(scene, "delay", 1, 3, ms=scene.rng.randint(20, 200))


def _black_hole(scene):
    _set(scene, "blackhole", *HOLE_S.get(scene.target.removeprefix("way to "), (1, 3)))


def _reset(scene):
    _set(scene, "reset", 0, 0.8)


def _cut(scene):
    _set(scene, "cut_after", 0.3, 1.2, nbytes=scene.rng.choice((0, 1, 7, 40, 200, 1000)))


def _swallow(scene):
    _set(scene, "swallow_replies", 0.3, 1.5)


for _place in PLACES:
    for _name, _act in (
        ("delay", _delay),
        ("blackhole", _black_hole),
        ("reset", _reset),
        ("cut", _cut),
        ("swallow", _swallow),
    ):
        fault(f"net.{_place}.{_name}", weight=1, targets=f"way to {_place}")(_act)
