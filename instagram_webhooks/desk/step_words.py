"""The steps of a timeline for people: what happened in words, and of its facts those that say something to them."""

from collections.abc import Callable, Mapping, Sequence

from audit.pages import marks
from audit.pages.steps import Line
from instagram_webhooks.desk.timeline import Step
from instagram_webhooks.errors import AccountPaused

_WHAT = {
    "claimed": "a worker took it",
    "died": "died",
    "handed_back": "given back by its worker",
    "lease.lost": "its worker was lost",
    "reply.decided": "a person decided about the answer",
    "reply.echoed": "Meta confirmed the answer",
    "reply.planned": "answer planned",
    "reply.proved": "the answer proved sent",
    "reply.sending": "answer on its way to Meta",
    "reply.sent": "answer sent",
    "reply.withheld": "no answer is sent",
    "retry.scheduled": "failed, to be tried again",
}
_FACTS: Mapping[str, Callable[[object], str]] = {
    "absent": lambda is_absent: "not in Meta's listing yet" if is_absent else "",
    "counts": lambda counts: "" if counts else "not counted as an attempt",
    "fence": lambda _: "",
    "graph_code": lambda code: f"Graph code {code}",
    "graph_subcode": lambda code: f"subcode {code}",
    "lease_until": lambda at: f"until {str(at)[11:19]} at most",
    "lookups": lambda count: f"looked up {count} ×",
    "message_id": lambda digest: f"message {digest}",
    "place": lambda _: "",
    "starts": lambda count: f"begun {count} ×",
    "status": lambda status: f"HTTP {status}",
    "wait_s": lambda s: f"again in {marks.lasted(float(s) * 1000)}" if isinstance(s, int | float) else f"again: {s}",
    "worker_id": lambda worker: f"worker {worker}",
}
_BARE = ("code", "reason", "decision")  # their values say what they are


def lines(steps: Sequence[Step]) -> list[Line]:
    """In the order given; with the number of an attempt where it counts as one."""
    return [_line(step) for step in steps]


def _line(step: Step) -> Line:
    detail = step["detail"]
    counts = bool(detail.get("counts", True))
    facts = [_fact(name, value) for name, value in detail.items()]
    return Line(
        at=step["at"],
        what=_what(step),
        attempt=step["attempt"] if counts else None,
        facts=[fact for fact in facts if fact],
    )


def _what(step: Step) -> str:
    if step["what"] == "retry.scheduled" and step["detail"].get("code") == AccountPaused.code:
        return "waits for its account"  # nothing failed: it was not tried
    return _WHAT.get(step["what"]) or step["what"].replace(".", " ").replace("_", " ")


def _fact(name: str, value: object) -> str:
    if said := _FACTS.get(name):
        return said(value)
    value = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    words = value.replace("_", " ")
    return words if name in _BARE else f"{name.replace('_', ' ')} {value}"
