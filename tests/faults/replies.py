"""Loss and doubles: each accepted event has one row and one end, each customer one reply."""

import re
from dataclasses import dataclass

from tests.faults.tables import EVENTS, MESSAGES, REPLIES

_NUMBERED = re.compile(r"re n(\d{1,9})")

LOST = f"""
SELECT a.number, a.kind FROM asked a LEFT JOIN {EVENTS} e ON e.key = a.key
 WHERE a.is_acked AND e.event_id IS NULL ORDER BY 1
"""
UNASKED = f"""
SELECT e.kind, e.event_id, a.number FROM {EVENTS} e LEFT JOIN asked a ON a.key = e.key
 WHERE NOT coalesce(a.is_acked, false) AND NOT (e.kind = 'echo' AND e.key IN (SELECT key FROM echoed))
"""
TWO_ROWS = f"""
SELECT kind, count(*), min(event_id::text) FROM {EVENTS}
 WHERE kind IN ('message', 'postback', 'echo', 'read') AND message_digest IS NOT NULL
 GROUP BY kind, message_digest HAVING count(*) > 1
"""
OPEN = f"""
SELECT a.number, e.kind, e.event_id, e.state, e.reason, e.claimable_at < clock_timestamp()
  FROM {EVENTS} e LEFT JOIN asked a ON a.key = e.key WHERE e.finished_at IS NULL
"""
TWICE = "SELECT number, count(*) FROM taken GROUP BY number HAVING count(*) > 1 ORDER BY 1"
# What a processed message must have left, each once: a reply at Meta, its row, both messages in the conversation.
UNEVEN = f"""
WITH customers AS (SELECT event_id, count(*) AS n FROM {MESSAGES} WHERE author = 'customer' GROUP BY 1),
     ours AS (SELECT conversation_id, message_digest, count(*) AS n FROM {MESSAGES}
               WHERE author = 'service' GROUP BY 1, 2),
     seen AS (SELECT number, count(*) AS n FROM taken GROUP BY 1)
SELECT a.number, r.state, r.reason, coalesce(s.n, 0), coalesce(c.n, 0), coalesce(o.n, 0)
  FROM asked a JOIN {EVENTS} e ON e.key = a.key
  LEFT JOIN {REPLIES} r ON r.event_id = e.event_id
  LEFT JOIN seen s ON s.number = a.number
  LEFT JOIN customers c ON c.event_id = e.event_id
  LEFT JOIN ours o ON o.conversation_id = r.conversation_id AND o.message_digest = r.message_digest
 WHERE a.is_answered AND e.state = 'processed'
   AND (r.state IS DISTINCT FROM 'sent' OR s.n IS DISTINCT FROM 1 OR c.n IS DISTINCT FROM 1 OR o.n IS DISTINCT FROM 1)
 ORDER BY 1
"""
ENDED = f"SELECT state, count(*) FROM {EVENTS} e JOIN asked a ON a.key = e.key WHERE a.is_acked GROUP BY 1"
IGNORED = f"""
SELECT a.number, e.kind, e.reason FROM asked a JOIN {EVENTS} e ON e.key = a.key WHERE e.state = 'ignored'
   AND NOT (a.kind = 'unknown' AND e.reason = 'no_handler')
"""
DEAD = """
SELECT code, count(*) FROM dead_letters_deadletter WHERE status = 'open' GROUP BY 1
"""
UNDECIDED = f"SELECT provider, count(*) FROM {REPLIES} WHERE state = 'undecided' GROUP BY 1"
IN_FLIGHT = f"""
SELECT r.event_id FROM {REPLIES} r JOIN {EVENTS} e USING (event_id)
 WHERE r.state = 'sending' AND e.finished_at IS NOT NULL
"""
ROWLESS = f"""
SELECT DISTINCT t.number FROM taken t JOIN asked a USING (number) LEFT JOIN {EVENTS} e ON e.key = a.key
 WHERE e.event_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that Meta took, in the order in which customers saw them. number: of the event it names, or None."""

    number: int | None
    account: str
    person: str
    mid: str


def taken(calls):
    """What Meta took, oldest first."""
    return [
        Taken(int(named[1]) if (named := _NUMBERED.fullmatch(call["text"])) else None,
              call["account"], call["recipient"], call["mid"])
        for call in calls if call["taken"]
    ]  # fmt: skip


def check(connection, oracle, replies, findings):
    """Adds what was lost, doubled or stuck, and what nobody asked for; counts the ends."""
    ask = connection.execute
    findings.lost += [f"n{n} {kind}: acknowledged, and there is no row" for n, kind in ask(LOST)]
    findings.unasked += [f"{kind} {id_}: {_whose(n)}" for kind, id_, n in ask(UNASKED)]
    findings.unasked += [f"post {number}: forged, and answered 2xx" for number in oracle.taken_for_true]
    findings.doubled += [f"{kind}: {n} rows of one event, the first {id_}" for kind, n, id_ in ask(TWO_ROWS)]
    findings.doubled += [f"n{n}: the customer got {times} replies" for n, times in ask(TWICE)]
    findings.stuck += [_open(*row) for row in ask(OPEN)]
    findings.stuck += [f"event {id_}: ended while its reply is in flight" for (id_,) in ask(IN_FLIGHT)]
    for row in ask(UNEVEN):
        _uneven(findings, *row)
    findings.lost += [f"n{n} {kind}: ignored as {reason}" for n, kind, reason in ask(IGNORED)]
    findings.unasked += [f"n{n}: a reply without a row" for (n,) in ask(ROWLESS)]
    findings.unasked += list(_gone_astray(oracle, replies))
    findings.counts |= {f"ended {state}": n for state, n in ask(ENDED)}
    findings.counts |= {f"open dead letters {code}": n for code, n in ask(DEAD)}
    findings.undecided |= dict(ask(UNDECIDED).fetchall())


def _whose(number):
    return "no POST held it" if number is None else f"n{number} was never answered 2xx or was forged"


def _open(number, kind, event_id, state, reason, is_due):
    name = kind if number is None else f"n{number} {kind}"
    due = {None: "never due", True: "overdue", False: "due later"}[is_due]
    return f"{name} {event_id}: still {state}{f' ({reason})' if reason else ''}, {due}"


def _uneven(findings, number, state, reason, seen, customers, ours):
    if customers != 1:
        wrong = findings.doubled if customers else findings.lost
        wrong.append(f"n{number}: {customers} messages of the customer in the conversation")
    if state == "withheld" and not seen:
        findings.exempt[f"withheld: {reason}"] += 1
    elif not seen:
        findings.lost.append(f"n{number}: processed, and the customer got no reply (ledger: {state})")
    elif state != "sent":
        findings.illegal.append(f"n{number}: the customer got a reply, and the ledger says {state}")
    elif ours != 1:
        findings.lost.append(f"n{number}: {ours} messages of ours in the conversation")


def _gone_astray(oracle, replies):
    for each in replies:
        event = oracle.events.get(each.number)
        if event is None or not event.is_answered:
            yield f"message {each.mid}: a reply to nothing"
        elif oracle.talks.get((each.account, each.person)) != event.talk:
            yield f"n{each.number}: its reply went to another conversation"
