"""The conversations as Meta's Conversations API lists them: both sides, newest first, to the second."""

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from simulator.exchange import Said
from simulator.fields import Chosen

DETAILED = 20  # older messages have no details: Meta says of them that they were deleted
KEPT = 100
MAX_CONVERSATIONS = 50_000
MAX_COMMENTS = 50_000
MAX_IDS = 200_000
ALL_FIELDS = ("id", "created_time", "from", "to", "message")
Key = tuple[str, str]


class Listing:
    """What was said, by account and customer. Not safe for threads: the Graph holds its lock around it."""

    def __init__(self) -> None:
        self._said: OrderedDict[Key, deque[Said]] = OrderedDict()
        self._keys: dict[str, Key] = {}
        self._mids: OrderedDict[str, Key] = OrderedDict()
        self._commenters: OrderedDict[str, str] = OrderedDict()
        self._answered: OrderedDict[str, None] = OrderedDict()

    def clear(self) -> None:
        for held in (self._said, self._keys, self._mids, self._commenters, self._answered):
            held.clear()

    # --- what is put in --------------------------------------------------------------------------

    def add(self, said: Said) -> None:
        """Put in one message; one whose id is known already is the same message."""
        if said.mid in self._mids:
            return
        key = self._mids[said.mid] = (said.account, said.person)
        if key not in self._said:
            self._said[key] = deque(maxlen=KEPT)
            self._keys[conversation_id(key)] = key
        self._said[key].append(said)
        if len(self._mids) > MAX_IDS:
            self._mids.popitem(last=False)
        if len(self._said) > MAX_CONVERSATIONS:
            oldest, _ = self._said.popitem(last=False)
            del self._keys[conversation_id(oldest)]

    def hear(self, body: object) -> int:
        """Put in the messages of a webhook body, of customers or typed in the app; how many there were."""
        heard = 0
        for entry in _dicts(body.get("entry") if isinstance(body, dict) else None):
            for change in _dicts(entry.get("changes")):
                self._hear_comment(change.get("value"))
            for one in _dicts(entry.get("messaging")):
                said = _said_in(one, str(entry.get("id", "")))
                if said is not None:
                    self.add(said)
                    heard += 1
        return heard

    def _hear_comment(self, value: object) -> None:
        author = value.get("from") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(author, dict) and "id" in value and "id" in author:
            self._commenters[str(value["id"])] = str(author["id"])
            if len(self._commenters) > MAX_COMMENTS:
                self._commenters.popitem(last=False)

    def commenter(self, comment_id: str) -> str:
        """The author of a comment that was heard; of any other, an id made from that of the comment."""
        return self._commenters.get(comment_id) or f"9{int(_digest(comment_id)[:12], 16):015d}"

    def answer_comment(self, comment_id: str) -> bool:
        """True the first time; a comment has one private reply."""
        if comment_id in self._answered:
            return False
        self._answered[comment_id] = None
        if len(self._answered) > MAX_COMMENTS:
            self._answered.popitem(last=False)
        return True

    # --- what is asked ---------------------------------------------------------------------------

    def key_of(self, conversation: str) -> Key | None:
        """Account and customer of a conversation."""
        return self._keys.get(conversation)

    def keys(self, account: str, *, limit: int) -> list[Key]:
        """The conversations of an account, newest first."""
        mine = [key for key in self._said if key[0] == account]
        return sorted(mine, key=lambda key: self._said[key][-1].at_s, reverse=True)[:limit]

    def newest_first(self, key: Key, *, until_s: float) -> list[Said]:
        """What was said up to then; what the account said after it is not listed yet."""
        known = [said for said in self._said.get(key, ()) if said.at_s <= until_s or not said.by_account]
        return sorted(known, key=lambda said: said.at_s, reverse=True)

    def find(self, mid: str) -> Key | None:
        """The conversation that holds this message."""
        return self._mids.get(mid)

    def __len__(self) -> int:
        return len(self._said)


def conversation_id(key: Key) -> str:
    """Opaque, and the same for the same account and customer."""
    return "aWdfZAG06" + _digest(":".join(key))[:32]


def rows(messages: Iterable[Said], fields: Mapping[str, Chosen], *, limit: int = 25) -> list[dict[str, object]]:
    """The messages as rows; only the newest have details, the others an id and a time."""
    names = tuple(fields) or ("id", "created_time")
    return [
        row(said, names if place < DETAILED else ("id", "created_time"))
        for place, said in enumerate(list(messages)[:limit])
    ]


def row(said: Said, names: Iterable[str]) -> dict[str, object]:
    """One message with these of its fields; the id is always there."""
    shop = {"username": "invented_shop", "id": said.account}
    person = {"username": "invented.person", "id": said.person}
    whole: dict[str, object] = {
        "id": said.mid,
        "created_time": created_time(said.at_s),
        "from": shop if said.by_account else person,
        "to": {"data": [person if said.by_account else shop]},
        "message": said.text,
    }
    return {name: whole[name] for name in ALL_FIELDS if name == "id" or name in names}


def created_time(at_s: float) -> str:
    """Meta's form of a time, precise to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(at_s))


def _said_in(one: Mapping[str, Any], account: str) -> Said | None:
    message, sender, recipient = one.get("message"), one.get("sender"), one.get("recipient")
    if not (isinstance(message, dict) and isinstance(sender, dict) and isinstance(recipient, dict)):
        return None
    at_ms, mid = one.get("timestamp"), message.get("mid")
    if not isinstance(at_ms, int) or not isinstance(mid, str) or "is_deleted" in message:
        return None
    by_account = bool(message.get("is_echo"))
    return Said(
        account=account,
        person=str((recipient if by_account else sender).get("id", "")),
        mid=mid,
        text=str(message.get("text", "")),
        by_account=by_account,
        at_s=at_ms / 1000,
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
