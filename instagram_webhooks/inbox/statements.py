"""
The SQL of a move: its condition and its effect on the row `e`, from the table of legal moves; and who
goes first in a lane, asked of one row.
"""

from instagram_webhooks.states import ENDED, EventState, Move, Starts, Wait

_SENDING = """EXISTS (SELECT 1 FROM instagram_webhooks_outgoingreply r
                    WHERE r.event_id = e.event_id AND r.state = 'sending')"""
_WAITS = {
    Wait.LEASE: "clock_timestamp() + make_interval(secs => %(lease)s)",
    Wait.NOW: "clock_timestamp()",
    Wait.LATER: "clock_timestamp() + make_interval(secs => %(wait_s)s::float8)",
    Wait.NEVER: "NULL",
}
_STARTS = {Starts.RAISED: "e.starts + 1", Starts.RESET: "0", Starts.KEPT: "e.starts"}
_WITH_REASON = (EventState.PARKED, EventState.IGNORED)


def is_open(e: str) -> str:
    """The condition on a row of this name that its lane waits for it, as the indexes on open events have it."""
    return f"{e}.finished_at IS NULL"


def is_held(lane: str) -> str:
    """The condition on a lane that a worker has an event of it."""
    return f"""EXISTS (SELECT 1 FROM instagram_webhooks_webhookevent p
           WHERE p.lane = {lane} AND p.worker_id IS NOT NULL)"""


# Of rows that are named by their ids. A plain comparison lets PostgreSQL read all that is due instead, and look for the
# ids there: so it plans while nothing is due, and it keeps the plan when ten thousand are.
def is_due(e: str) -> str:
    """The condition on a row of this name that its time has come."""
    return f"coalesce({e}.claimable_at, 'infinity') <= clock_timestamp()"


def is_leased(e: str, *, for_s: str = "0") -> str:
    """The condition on a row of this name that so many seconds of its lease, or of its wait, are left."""
    return f"coalesce({e}.claimable_at, '-infinity') > clock_timestamp() + make_interval(secs => {for_s})"


def of_first_open(lane: str, what: str, *, but: str = "") -> str:
    """This of the first open event `o` of a lane, due or not; `but`: the event that does not count."""
    return f"""(SELECT {what} FROM instagram_webhooks_webhookevent o
           WHERE o.lane = {lane} AND {is_open("o")}{f" AND o.event_id <> {but}" if but else ""}
           ORDER BY o.order_at, o.received_at, o.place, o.event_id LIMIT 1)"""


def is_of_active_account(row: str) -> str:
    """The condition on a row of this name, with provider and account, that its account can be worked for."""
    return f"""EXISTS (SELECT 1 FROM instagram_webhooks_account x
           WHERE x.provider = {row}.provider AND x.account_id = {row}.account AND x.state = 'active')"""


def is_first(e: str) -> str:
    """The condition on a row of this name that no open event of its lane stands before it."""
    return f"""NOT EXISTS (
     SELECT 1 FROM instagram_webhooks_webhookevent o
      WHERE o.lane = {e}.lane AND {is_open("o")}
        AND (o.order_at, o.received_at, o.place, o.event_id)
          < ({e}.order_at, {e}.received_at, {e}.place, {e}.event_id))"""


def condition(move: Move, *, fence: str = "%(fence)s") -> str:
    """When the move may be made; `fence`: where that of a move by the holder stands."""
    states = ", ".join(f"'{state}'" for state in move.before)
    parts = [f"e.state IN ({states})"]
    if move.by_holder:
        parts.append(f"e.fence = {fence}")
    if move.when_due:
        parts.append(is_due("e"))
    if move.while_leased:
        parts.append(is_leased("e"))
    if move.unless_sending:
        parts.append(f"NOT {_SENDING}")
    return " AND ".join(parts)


def effect(move: Move) -> str:
    """What the move sets. Parameters: lease, wait_s, worker and reason, where the move needs them.

    A row that is to be offered anew forgets when it was offered; a claim keeps that. What goes to the
    end of its lane needs its order_at set by the statement itself.
    """
    sets = [f"state = '{move.after}'", f"claimable_at = {_WAITS[move.wait]}", f"starts = {_STARTS[move.starts]}"]
    if move.adds_fence:
        sets += ["fence = e.fence + 1", "worker_id = %(worker)s"]
    if move.after != EventState.PROCESSING:
        sets.append("worker_id = NULL")
        sets.append("reason = %(reason)s" if move.after in _WITH_REASON else "reason = ''")
        sets.append(f"finished_at = {'clock_timestamp()' if move.after in ENDED else 'NULL'}")
    if move.wait != Wait.LEASE:
        sets.append("dispatched_at = NULL")
    return ", ".join(sets)
