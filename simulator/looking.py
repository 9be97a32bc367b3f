"""The Conversations API: who spoke with the account, and what was said."""

from collections.abc import Callable, Mapping

from simulator.exchange import Reply, Request, Said, refusal
from simulator.fields import Chosen, chosen
from simulator.listing import ALL_FIELDS, DETAILED, Key, conversation_id, created_time, row, rows
from simulator.world import World

PAGE = 25
PAGE_LIMIT = 100
Make = Callable[[], Reply]


def conversations(world: World, request: Request, account: str) -> Reply:
    """`GET /<account>/conversations`: one for a `user_id`, else the newest of all."""
    person = request.query.get("user_id", "")

    def found() -> Reply:
        if request.query.get("platform", "instagram") not in ("instagram", "messenger"):
            return refusal(100, why="(#100) The parameter platform is instagram or messenger")
        keys = [(account, person)] if person else world.listing.keys(account, limit=_limit(request))
        fields = chosen(request.query.get("fields", ""))
        known = [key for key in keys if _visible(world, key)]
        return Reply(body={"data": [_conversation(world, key, fields) for key in known]})

    return _told(world, request, found, edge="conversations", account=account, person=person)


def conversation(world: World, request: Request, key: Key) -> Reply:
    """`GET /<conversation>`."""

    def found() -> Reply:
        return Reply(body=_conversation(world, key, chosen(request.query.get("fields", ""))))

    return _told(world, request, found, edge="conversation", account=key[0], person=key[1])


def messages(world: World, request: Request, key: Key) -> Reply:
    """`GET /<conversation>/messages`."""

    def found() -> Reply:
        asked = Chosen(limit=_limit(request), fields=chosen(request.query.get("fields", "")))
        return Reply(body=_messages(world, key, asked))

    return _told(world, request, found, edge="conversation", account=key[0], person=key[1])


def message(world: World, request: Request, key: Key) -> Reply:
    """`GET /<mid>`: of the newest ones; any older is said to be deleted."""
    mid, names = request.parts[0], tuple(chosen(request.query.get("fields", ""))) or ("id", "created_time")

    def found() -> Reply:
        listed = _visible(world, key)
        place = next((place for place, said in enumerate(listed) if said.mid == mid), None)
        if place is None:
            return refusal(100, 33, why="(#100) No object has this id, or it may not be seen")
        if place >= DETAILED and set(names) & set(ALL_FIELDS) - {"id", "created_time"}:
            return refusal(100, why="(#100) This message was deleted")
        return Reply(body=row(listed[place], names))

    return _told(world, request, found, edge="message", account=key[0], person=key[1])


def _told(world: World, request: Request, found: Make, *, edge: str, account: str, person: str) -> Reply:
    """What was found, unless a limit or the script says otherwise."""
    with world.lock:
        if not world.lookups.allows(account, per_s=int(world.settings.lookups_per_s), now_s=world.clock()):
            reply, answer = refusal(613), "refused"
        else:
            step = world.scripts.next(person, edge="conversations")
            reply, answer = step.reply(account, found()), str(step)
        world.note(request, reply, edge=edge, account=account, recipient=person, answer=answer)
        return reply


def _conversation(world: World, key: Key, fields: Mapping[str, Chosen]) -> dict[str, object]:
    visible = _visible(world, key)
    shown: dict[str, object] = {"id": conversation_id(key)}
    if visible and (not fields or "updated_time" in fields):
        shown["updated_time"] = created_time(visible[0].at_s)
    if "participants" in fields:
        shown["participants"] = {"data": [{"id": key[0]}, {"id": key[1]}]}
    if "messages" in fields:
        shown["messages"] = _messages(world, key, fields["messages"])
    return shown


def _messages(world: World, key: Key, asked: Chosen) -> dict[str, object]:
    limit = min(PAGE if asked.limit is None else asked.limit, PAGE_LIMIT)
    return {"data": rows(_visible(world, key), asked.fields, limit=limit)}


def _visible(world: World, key: Key) -> list[Said]:
    return world.listing.newest_first(key, until_s=world.clock() - world.settings.lag_s)


def _limit(request: Request) -> int:
    written = request.query.get("limit", "")
    return min(int(written), PAGE_LIMIT) if written.isascii() and written.isdigit() else PAGE
