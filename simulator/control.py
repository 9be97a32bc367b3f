"""`/_simulator/`: how a test or a person tells the stand-in what to do, and sees what it was asked."""

import json
from collections.abc import Callable
from typing import Any

from simulator import script
from simulator.exchange import Reply, Request
from simulator.world import World

ROOT = "_simulator"
MAX_CALLS = 50_000
Act = Callable[[World, Request], Reply]

OVERVIEW = """This is a stand-in for Meta's Graph API, for development and tests.
What it was sent can be read here: show it no data of real customers.

So far it got {calls} calls and took {taken} messages for {people} people; {twice} of them got more than one.
Calls by kind:   {edges}
Answers given:   {answers}
Echoes:          {echoes}
Settings:        {settings}

GET  /_simulator/calls?recipient=ID   every call it remembers, oldest first (also limit=N for the newest N)
GET  /_simulator/summary              the counts, with messages taken per recipient
GET  /_simulator/settings             what POST /_simulator/settings can change
POST /_simulator/script               {{"recipient": "ID or *", "steps": ["http:500:2*3", "ok"]}}
                                      with "edge": "conversations" for the look-ups
POST /_simulator/settings             {{"lag_s": 5, "echo": {{"url": "…", "secret": "…", "delay_s": 0.5}}}}
POST /_simulator/heard                a webhook body, so that its messages are listed too
POST /_simulator/reset                forget all but the settings

How steps are written:
{steps}
"""


def answer(world: World, request: Request) -> Reply:
    """What the control room says; wrong input is 400 with a sentence."""
    act = ACTS.get((request.method, "/".join(request.parts[1:])))
    if act is None:
        return Reply(status=404, body={"error": "There is no such page; GET /_simulator/ lists them."})
    try:
        with world.lock:
            return act(world, request)
    except ValueError as wrong:
        return Reply(status=400, body={"error": str(wrong)})


def overview(world: World, _: Request) -> Reply:
    """A page in plain words."""
    summary: dict[str, Any] = world.summary()
    steps = (script.__doc__ or "").strip().split("\n\n")[2]
    text = OVERVIEW.format(
        calls=summary["calls"],
        taken=summary["taken_in_all"],
        people=len(summary["taken"]),
        twice=len(summary["taken_more_than_once"]),
        edges=_counted(summary["edges"]),
        answers=_counted(summary["answers"]),
        echoes=_counted(summary["echoes"]),
        settings=json.dumps(world.settings.as_json()),
        steps=steps,
    )
    return Reply(body=text, content_type="text/plain")


def calls(world: World, request: Request) -> Reply:
    limit = request.query.get("limit", str(MAX_CALLS))
    if not limit.isdecimal():
        raise ValueError("limit is a number.")
    found = world.record.calls(request.query.get("recipient"))
    newest = found[max(len(found) - int(limit), 0) :]
    return Reply(body={"calls": [call.as_json() for call in newest]})


def summary(world: World, _: Request) -> Reply:
    return Reply(body=world.summary())


def settings(world: World, request: Request) -> Reply:
    if request.method == "POST":
        world.change(_object(request.body))
    return Reply(body=world.settings.as_json())


def tell(world: World, request: Request) -> Reply:
    told = _object(request.body)
    steps = told.get("steps")
    if not isinstance(steps, list) or not all(isinstance(one, str) for one in steps):
        raise ValueError("steps is a list of words such as ok or http:500:2*3.")
    recipient = str(told.get("recipient", script.EVERYONE))
    world.scripts.tell(recipient, steps, edge=str(told.get("edge", "messages")))
    return Reply(body={"recipient": recipient, "steps": len(steps)})


def heard(world: World, request: Request) -> Reply:
    return Reply(body={"heard": world.listing.hear(request.body)})


def reset(world: World, _: Request) -> Reply:
    world.reset()
    return Reply(body={"reset": True})


ACTS: dict[tuple[str, str], Act] = {
    ("GET", ""): overview,
    ("GET", "calls"): calls,
    ("GET", "summary"): summary,
    ("GET", "settings"): settings,
    ("POST", "settings"): settings,
    ("POST", "script"): tell,
    ("POST", "heard"): heard,
    ("POST", "reset"): reset,
}


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError("The body is a JSON object.")
    return body


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
