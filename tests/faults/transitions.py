"""What happened to each event, by its audit entries: legal moves only, by the holder of the newest fence."""

from itertools import groupby

from instagram_webhooks import states
from tests.faults.tables import EVENTS, streamed

STORIES = f"""
SELECT e.event_id, e.kind, e.state, e.fence, e.attempts, a.action, (a.detail ->> 'fence')::int
  FROM {EVENTS} e LEFT JOIN audit_auditentry a
    ON a.subject_id = e.event_id AND (a.action LIKE 'event.%' OR a.action = 'lease.lost')
 ORDER BY e.event_id, a.at, a.id
"""
# (action, whether the entry bears a fence): the move it tells of.
MOVES = {
    ("event.processed", True): "PROCESS",
    ("event.ignored", True): "IGNORE",
    ("event.retrying", True): "RETRY",
    ("event.parked", True): "SUSPEND",
    ("event.parked", False): "PARK",
    ("event.failed", True): "DIE",
    ("event.handed_back", True): "HAND_BACK",
    ("event.handed_back", False): "GIVE_BACK",
    ("event.released", False): "RELEASE",
    ("event.set_aside", False): "SET_ASIDE",
    ("event.replayed", False): "REPLAY",
    ("lease.lost", True): "RECLAIM",
}
ENDS = ("event.processed", "event.ignored", "event.failed")
SILENT = ("CLAIM", "RENEW", "RESCUE")  # moves that leave no entry


def check(connection, findings, *, max_attempts):
    """Adds every step that the table of moves does not allow, and every fence that fell."""
    for _, rows in groupby(streamed(connection, STORIES), key=lambda row: row[0]):
        story = list(rows)
        event_id, kind, state, fence, attempts = story[0][:5]
        entries = [row[5:] for row in story if row[5] is not None]
        name = f"{kind} {event_id}"
        findings.counts["audited moves"] = findings.counts.get("audited moves", 0) + len(entries)
        findings.illegal += [f"{name}: {why}" for why in _illegal(entries, state)]
        findings.fence += [f"{name}: {why}" for why in _fallen(entries, fence)]
        # A look-up after the last attempt is no attempt, but a death by it counts as one.
        if attempts > max_attempts + (state == states.EventState.DEAD):
            findings.fence.append(f"{name}: {attempts} attempts")


def _illegal(entries, ended):
    """Each entry that could not follow the one before it, and an end without its entry."""
    at = states.EventState.RECEIVED
    for place, (action, fence) in enumerate(entries):
        if place == 0 and (action, fence) == ("event.ignored", None):
            at = states.EventState.IGNORED  # by the door
            continue
        name = MOVES.get((action, fence is not None))
        if name is None:
            yield f"{action} is none of the moves"
            continue
        move = states.MOVES[name]
        if not set(move.before) & _reachable(at):
            yield f"{action} after {at}"
        at = move.after
    if ended not in _reachable(at):
        yield f"it is {ended}, and by its audit entries {at}"


def _reachable(state):
    """The states that silent moves lead to from here, this one too."""
    found = {state}
    while grown := {states.MOVES[name].after for name in SILENT if set(states.MOVES[name].before) & found} - found:
        found |= grown
    return found


def _fallen(entries, newest):
    """Each entry by a holder whose fence was no longer the newest: one claim has one outcome."""
    last = 0
    for action, fence in entries:
        if fence is None:
            continue
        if fence <= last:
            yield f"{action} with fence {fence} after {last}"
        last = max(last, fence)
    if last > newest:
        yield f"the row's fence is {newest}, an entry's {last}"
    action, fence = entries[-1] if entries else ("", None)
    if action in ENDS and fence is not None and fence != newest:
        yield f"{action} with fence {fence}, and the row's is {newest}"
