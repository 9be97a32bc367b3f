"""Bodies for these tests, with only the telling fields spelled out."""

import json

ACCOUNT = "17840000000000001"
PERSON = "5550000000000101"
TIME_MS = 1790000000123


def element(*, sender=PERSON, recipient=ACCOUNT, **what):
    parties = {"sender": {"id": sender}, "recipient": {"id": recipient}}
    return {**parties, "timestamp": TIME_MS, **what}


def a_message(mid="aWdTEST1", **extra):
    return element(message={"mid": mid, "text": "hello", **extra})


def body(*elements, entry_id=ACCOUNT, list_name="messaging", time=TIME_MS):
    return encoded({"object": "instagram", "entry": [{"id": entry_id, "time": time, list_name: list(elements)}]})


def change(field, value, *, entry_id=ACCOUNT, time=TIME_MS // 1000):
    return encoded(
        {"object": "instagram", "entry": [{"id": entry_id, "time": time, "changes": [_change(field, value)]}]}
    )


def _change(field, value):
    return {"field": field, "value": value}


def whatsapp(*, entry_id="100000000000009", phone_number_id="100000000000019", **value):
    metadata = {"metadata": {"phone_number_id": phone_number_id}} if phone_number_id else {}
    changes = [_change("messages", {"messaging_product": "whatsapp", **metadata, **value})]
    return encoded({"object": "whatsapp_business_account", "entry": [{"id": entry_id, "changes": changes}]})


def whatsapp_message(number=1, *, sender="15550109001", kind="text", **part):
    what = part or {"body": "hello"}
    return {"from": sender, "id": f"wamid.TEST{number}", "timestamp": "1790000000", "type": kind, kind: what}


def encoded(tree):
    return json.dumps(tree, separators=(",", ":")).encode()
