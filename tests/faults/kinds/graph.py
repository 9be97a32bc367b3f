"""Meta that refuses, fails, does not answer, or does what was asked and does not say so."""

import functools
import time

from tests.faults.house import ECHO_DELAY_S, QUIET_LAG
from tests.faults.kinds.registry import fault

HELD_S = 3  # longer than the deadline of a call
PUT_RIGHT_S = 15.0
SENDS = {
    "graph.500": ("http:500*", 2),
    "graph.503": ("http:503:2*", 2),
    "graph.429": ("429:1*", 1.5),
    "graph.code_4": ("http:400:4*", 1),
    "graph.timeout": (f"timeout-before:{HELD_S}*", 1),
    "graph.timeout_after": (f"timeout-after:{HELD_S}*", 2),
    "graph.reset": ("reset-before*", 1),
    "graph.reset_after": ("reset-after*", 2),
    "graph.not_json": ("not-json*", 1),
    "graph.not_json_after": ("not-json-after*", 1),
    "graph.http_after": ("http-after:500:2*", 2),
    "graph.slow": ("slow:1*", 1),
}
LISTING = {
    "listing.500": "http:500*",
    "listing.timeout": f"timeout-before:{HELD_S}*",
    "listing.not_json": "not-json*",
    "listing.429": "429:1*",
}


def _told(scene, step, edge, least_s=0.5, most_s=2.5):
    scene.house.graph_script(step, edge=edge)
    scene.lasts(least_s, most_s, then=lambda: scene.house.graph_script(edge=edge))


for _name, (_step, _weight) in SENDS.items():
    fault(_name, weight=_weight, targets="sends")(functools.partial(_told, step=_step, edge="messages"))
for _name, _step in LISTING.items():
    fault(_name, weight=1, targets="listing")(functools.partial(_told, step=_step, edge="conversations"))


@fault("listing.lag", weight=2, targets="lag")
def _listing_lags(scene):
    """As far as the settle time still covers it, or as the run wants it."""
    settle_s = scene.house.seconds("REPLY_SETTLE_S")
    scene.house.graph_settings(lag_s=scene.house.lag * settle_s)
    scene.lasts(1, 4, then=lambda: scene.house.graph_settings(lag_s=QUIET_LAG * settle_s))


@fault("echo.late", weight=1.5, targets="echo")
def _echoes_are_late(scene):
    _echoes(scene, scene.house.echo(scene.rng.uniform(1, 4)))


@fault("echo.first", weight=1.5, targets="echo")
def _echoes_come_before_the_answer(scene):
    _echoes(scene, scene.house.echo(-0.1))


@fault("echo.none", weight=1.5, targets="echo")
def _echoes_are_missing(scene):
    _echoes(scene, None)


def _echoes(scene, how):
    scene.house.graph_settings(echo=how)
    scene.lasts(1, 4, then=lambda: scene.house.graph_settings(echo=scene.house.echo(ECHO_DELAY_S)))


@fault("token.refused", weight=2, targets="tokens")
def _a_token_is_refused(scene):
    """Its account parks itself until somebody enters the token again."""
    accounts = scene.house.accounts
    account = scene.rng.choice(sorted(accounts))
    scene.note("account", account[-3:])
    scene.house.graph_settings(accounts=accounts | {account: "another-token"})
    scene.lasts(0.5, 2, then=lambda: scene.house.graph_settings(accounts=accounts))
    put_right(scene.house, {account: accounts[account]})


def put_right(house, tokens):
    """As an operator: tries until the database takes it."""
    deadline = time.monotonic() + PUT_RIGHT_S
    while True:
        try:
            return house.put_right(tokens)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
