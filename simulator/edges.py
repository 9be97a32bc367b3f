"""What the Graph API offers: which call is meant, whether its token may, and the small answers."""

from collections.abc import Callable

from simulator.exchange import Reply, Request, refusal
from simulator.fields import chosen
from simulator.looking import conversation, conversations, message, messages
from simulator.sending import send
from simulator.world import World, app_scoped

MAX_ACCOUNTS = 1000
APP_ID = "400555000111555"
Act = Callable[[World, Request, str], Reply]


def answer(world: World, request: Request) -> Reply:
    """The answer of the Graph API to this call; it stands in the record afterwards, whatever it is."""
    if not request.parts:
        return _not_found(world, request, "")
    act = ACTS.get((request.method, request.parts[1:]))
    accounts = world.accounts_of(request.token)
    if world.settings.check_tokens and not accounts:
        return _token_refused(world, request)
    if request.method == "GET" and request.parts[1:] in ((), ("messages",)):
        key = _conversation_meant(world, request)
        if key is not None and (not world.settings.check_tokens or key[0] in accounts):
            if request.parts[1:]:
                return messages(world, request, key)
            is_message = world.listing.find(request.parts[0]) is not None
            return (message if is_message else conversation)(world, request, key)
    account = _account_meant(world, request.parts[0], accounts)
    if act is None or account is None:
        return _not_found(world, request, account or "")
    return act(world, request, account)


def me(world: World, request: Request, account: str) -> Reply:
    """`GET /me`: two ids for one account; `user_id` is that of the webhooks, `id` is not."""
    whole = {
        "id": app_scoped(account),
        "user_id": account,
        "username": "invented_shop",
        "name": "Invented Shop",
        "account_type": "BUSINESS",
    }
    names = chosen(request.query.get("fields", ""))
    reply = Reply(body={name: value for name, value in whole.items() if name == "id" or name in names})
    world.note(request, reply, edge="me", account=account)
    return reply


def subscribed_apps(world: World, request: Request, account: str) -> Reply:
    """`GET` and `POST /<account>/subscribed_apps`: which fields of the account arrive as webhooks."""
    with world.lock:
        if request.method == "POST":
            body = request.body if isinstance(request.body, dict) else {}
            written = request.query.get("subscribed_fields") or body.get("subscribed_fields") or ""
            named = written if isinstance(written, list) else str(written).split(",")
            if len(world.subscribed) < MAX_ACCOUNTS or account in world.subscribed:
                world.subscribed[account] = [str(name).strip() for name in named if str(name).strip()]
            reply = Reply(body={"success": True})
        else:
            fields = world.subscribed.get(account)
            data = [] if fields is None else [{"id": APP_ID, "subscribed_fields": fields}]
            reply = Reply(body={"data": data})
        world.note(request, reply, edge="subscribed_apps", account=account)
    return reply


ACTS: dict[tuple[str, tuple[str, ...]], Act] = {
    ("POST", ("messages",)): send,
    ("GET", ("conversations",)): conversations,
    ("GET", ("subscribed_apps",)): subscribed_apps,
    ("POST", ("subscribed_apps",)): subscribed_apps,
    ("GET", ()): me,
}


def _conversation_meant(world: World, request: Request) -> tuple[str, str] | None:
    with world.lock:
        return world.listing.key_of(request.parts[0]) or world.listing.find(request.parts[0])


def _account_meant(world: World, named: str, accounts: list[str]) -> str | None:
    """The account that a path names; None when the token is not its own."""
    if named == "me":
        return accounts[0] if accounts else world.first_account
    candidates = accounts if world.settings.check_tokens else list(world.settings.accounts)
    for account in candidates:
        if named in (account, app_scoped(account)):
            return account
    return None if world.settings.check_tokens or not named.isdigit() else named


def _token_refused(world: World, request: Request) -> Reply:
    reply = refusal(190, why="The access token is missing or not valid")
    recipient = ""
    if isinstance(request.body, dict) and isinstance(request.body.get("recipient"), dict):
        to = request.body["recipient"]
        recipient = str(to.get("id") or to.get("comment_id") or "")
    world.note(request, reply, edge="token", account="", recipient=recipient, answer="refused")
    return reply


def _not_found(world: World, request: Request, account: str) -> Reply:
    reply = refusal(100, 33, why="(#100) No object has this id, or this token may not use it so")
    world.note(request, reply, edge="unknown", account=account, answer="refused")
    return reply
