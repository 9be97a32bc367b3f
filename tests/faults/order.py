"""Order as customers see it: replies of one conversation in the order of what they answer."""

from collections import defaultdict

DIED = """
SELECT a.number FROM asked a JOIN instagram_webhooks_webhookevent e ON e.key = a.key
 WHERE e.event_id IN (SELECT subject_id FROM dead_letters_deadletter)
"""


def check(connection, oracle, replies, findings):
    """Adds every pair of replies that customers saw the wrong way round; counts those that are excused."""
    died = {number for (number,) in connection.execute(DIED)}
    for seen in _by_conversation(oracle, replies):
        for first, second in _turned_round(seen):
            if first.at_ms == second.at_ms and _stood_before(oracle, second, first):
                continue
            why = _excuse(oracle, first, second, died)
            if why:
                findings.exempt[why] += 1
            else:
                findings.disordered.append(f"n{first.number} was answered after n{second.number}")


def _by_conversation(oracle, replies):
    """Of each conversation its events in the order of their first replies."""
    talks = defaultdict(dict)
    for each in replies:
        event = oracle.events.get(each.number)
        if event is not None and event.is_answered:
            talks[event.talk].setdefault(event.number, event)
    return (list(events.values()) for events in talks.values() if len(events) > 1)


def _turned_round(seen):
    """Pairs (x, y) of which x happened first, or at the same time, and was answered last."""
    for place, later in enumerate(seen):
        for earlier in seen[:place]:
            if later.at_ms <= earlier.at_ms:
                yield later, earlier


def _excuse(oracle, first, second, died):
    """Why y may be answered before x; "" where it may not."""
    if first.number in died or second.number in died:
        return "order: one of the two had died"
    for number, begun_at in oracle.sent(second):
        if number not in first.posts and (first.acked_at is None or begun_at <= first.acked_at):
            return "order: the second was posted before the first was acknowledged"
    return ""


def _stood_before(oracle, event, other):
    """Whether an event had the earlier place in some POST that held both; of one time, that decides."""
    shared = (oracle.posts[number].events for number in set(event.posts) & set(other.posts))
    return any(events.index(event.number) < events.index(other.number) for events in shared)
