"""An event told to a person on call: what became of it, and what to do where it did not end well."""

from datetime import datetime

from instagram_webhooks.desk.event import Event
from instagram_webhooks.desk.timeline import Step
from instagram_webhooks.desk.waiting import PARKED
from instagram_webhooks.errors import AccountPaused

_WITHHELD = {
    "window_closed": "the 24 hours in which Meta takes an answer were over",
    "cooldown": "the last automatic answer was too short a time ago",
    "human": "a person had answered",
    "switched_off": "replies are switched off",
    "shadow": "replies run in shadow mode",
    "answered": "it was answered under another event",
}


def story(event: Event) -> str:
    """What became of an event, in a sentence or two."""
    steps = event.get("timeline", [])
    return f"{_arrival(event, steps)} {_now(event, steps)}".rstrip()


def of_answer(event: Event) -> str:
    """Whether a processed event was answered, in a sentence or two."""
    reply, steps = event["reply"], event.get("timeline", [])
    further = _answer(event, steps)
    if reply and reply["sent_at"] and not _by_word(_settled(steps)):
        sent = f"Its answer was sent at {reply['sent_at'][:10]} {_clock(reply['sent_at'])} UTC."
        return f"{sent} {further}".rstrip()
    return further


def told(event: Event) -> str:
    """The whole story of one event, in lines without an end of line at the end."""
    about = [
        event["kind"],
        event["event_id"],
        f"({event['provider']}, account {event['account'] or 'unknown'})",
    ]
    ids = [f"request {event['correlation_id']}"]
    if event["conversation_id"]:
        ids.append(f"conversation {event['conversation_id']}")
    steps = event.get("timeline", [])
    lines = [" ".join(about), f"  {story(event)}", f"  {', '.join(ids)}"]
    width = max((len(step["what"]) for step in steps), default=0)
    return "\n".join(lines + [f"    {_line(step, event['received_at'], max(width, 14))}" for step in steps])


def _arrival(event: Event, steps: list[Step]) -> str:
    """When it came, and when its sender was answered or it was done."""
    arrived, reply = event["received_at"], event["reply"]
    begun = f"Arrived {arrived[:10]} {_clock(arrived)} UTC"
    if reply and reply["sent_at"] and not _by_word(_settled(steps)):  # a person's word knows of no time
        return f"{begun}, answered {_clock(reply['sent_at'], arrived)} ({_took(arrived, reply['sent_at'])})."
    if event["state"] == "processed" and event["finished_at"]:
        ended = event["finished_at"]
        return f"{begun}, processed {_clock(ended, arrived)} ({_took(arrived, ended)})."
    return f"{begun}."


def _now(event: Event, steps: list[Step]) -> str:
    """Where it stands, and what it waits for."""
    state, arrived = event["state"], event["received_at"]
    attempts = f"{event['attempts']} attempt{'' if event['attempts'] == 1 else 's'}"
    if state == "processed":
        return _answer(event, steps)
    if state == "ignored":
        return f"It was ignored: {event['reason']}."
    if state == "parked":
        why = PARKED.get(event["reason"] or "", f"its account must be put right ({event['reason']})")
        return f"It waits: {why}."
    if state == "dead":
        letters = ", ".join(event["dead_letters"])
        if settled := _settled(steps):
            return f"{_settlement(settled, arrived)} Nothing more will happen. Dead letter: {letters}."
        died = _last(steps, "died")
        how = "A person set it aside" if _was_set_aside(steps) else f"It died after {attempts}{_code(died)}"
        return f"{how}.{_doubt(event)} Dead letter: {letters}."
    if state == "processing":
        claimed = _last(steps, "claimed")
        since = f" since {_clock(claimed['at'], arrived)}" if claimed else ""
        return f"A worker has it{since}, attempt {event['attempts'] + 1}.{_silence(event)}"
    return _waiting(event, steps, attempts)


def _waiting(event: Event, steps: list[Step], attempts: str) -> str:
    behind = f" It stands behind event {event['waits_for']} of its conversation." if event["waits_for"] else ""
    if event["next_attempt_at"]:
        next_at = _clock(event["next_attempt_at"], event["received_at"])
        scheduled = _last(steps, "retry.scheduled")
        code = _code(scheduled)
        slept_for_pause = bool(scheduled and scheduled["detail"].get("code") == AccountPaused.code)
        if paused_until := _paused_until(event):
            waits = f"It waits: its account is left alone until {_clock(paused_until, event['received_at'])}"
            # What went to sleep for the pause is woken at its end; what had failed before keeps to its own time.
            if slept_for_pause:
                return f"{waits}, and it goes on then.{behind}"
            latest = _clock(max(paused_until, event["next_attempt_at"]), event["received_at"])
            return f"{waits}, and its next attempt is at {latest} at the latest, after {attempts}{code}.{behind}"
        if slept_for_pause:
            return f"Its account was left alone; that is over, and it goes on at {next_at} at the latest.{behind}"
        return f"It will be tried again at {next_at}, after {attempts}{code}.{behind}"
    return behind.strip() or "It is ready and waits for a worker; if it stays so, look whether workers run."


def _paused_until(event: Event) -> str:
    waiting = event["waiting"]
    if waiting is None or waiting["what"] != "pause" or waiting["until"] is None:
        return ""
    return waiting["until"]


def _silence(event: Event) -> str:
    """A worker that has the event and is silent, said with a blank before."""
    waiting = event["waiting"]
    if waiting is None or waiting["what"] != "lease" or waiting["until"] is None:
        return ""
    until = _clock(waiting["until"], event["received_at"])
    return f" That worker is silent; another takes the event at {until} at the latest."


def _was_set_aside(steps: list[Step]) -> bool:
    """Whether its last end was by a person's hand."""
    ends = [step["what"] for step in steps if step["what"] in ("died", "set_aside")]
    return ends[-1:] == ["set_aside"]


def _answer(event: Event, steps: list[Step]) -> str:
    reply = event["reply"]
    if reply is None:
        return "It asked for no answer."
    if reply["state"] == "withheld":
        reason = reply["reason"] or ""
        return f"No answer was sent: {_WITHHELD.get(reason, reason)}."
    echoed = _last(steps, "reply.echoed")
    if echoed:
        return f"Meta confirmed the answer by an echo at {_clock(echoed['at'], event['received_at'])}."
    if settled := _settled(steps):
        return _settlement(settled, event["received_at"])
    return _doubt(event).strip()


def _settled(steps: list[Step]) -> Step | None:
    """What ended the doubt whether the answer was sent, where nothing went wrong after it."""
    for step in reversed(steps):
        if step["what"] in ("died", "set_aside"):
            return None
        if step["what"] == "reply.proved" or _by_word(step):
            return step
    return None


def _by_word(step: Step | None) -> bool:
    return step is not None and step["what"] == "reply.decided" and step["detail"].get("decision") == "arrived"


def _settlement(step: Step, arrived: str) -> str:
    at = _clock(step["at"], arrived)
    how = f"a person decided at {at} that it arrived" if _by_word(step) else f"an echo proved at {at} that it was"
    return f"Whether the answer was sent was not known; {how}."


def _doubt(event: Event) -> str:
    reply = event["reply"]
    if reply and reply["state"] == "undecided":
        return " Whether the answer was sent is not known: look into the conversation in Meta's app."
    return ""


def _line(step: Step, arrived: str, width: int) -> str:
    attempt = [f"attempt {step['attempt']}"] if step["attempt"] is not None else []
    facts = attempt + [f"{name} {_fact(value)}" for name, value in step["detail"].items()]
    return f"{_clock(step['at'], arrived)}  {step['what']:<{width}}  {', '.join(facts)}".rstrip()


def _fact(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _last(steps: list[Step], what: str) -> Step | None:
    return next((step for step in reversed(steps) if step["what"] == what), None)


def _code(step: Step | None) -> str:
    code = step["detail"].get("code") if step else None
    return f" ({code})" if code else ""


def _clock(at: str, arrived: str = "") -> str:
    """To the millisecond; with the date where it is another day than that of the arrival."""
    time = at[11:23]
    return f"{at[:10]} {time}" if arrived and at[:10] != arrived[:10] else time


def _took(begun: str, ended: str) -> str:
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
