import json
from collections import Counter

import pytest

from simulator.bodies import message_body
from simulator.deliveries import deliveries
from simulator.invented import Cast
from simulator.kinds import kinds_of
from simulator.meta_wire import sign
from simulator.plan import Plan

NOON_S = 1_789_041_600.0


def planned(seed=7, secret="secret", **plan):
    return list(deliveries(Plan(**plan), secret, cast=Cast(seed, clock=lambda: NOON_S)))


def items(delivery):
    return [item for entry in json.loads(delivery.raw)["entry"] for item in entry.get("messaging", [])]


def test_one_seed_gives_the_same_bytes_every_time():
    plan = {
        "count": 50,
        "batch": 7,
        "people": 5,
        "duplicates": 0.5,
        "shuffle": True,
        "kinds": ("message", "read"),
    }

    first, second, other = planned(**plan), planned(**plan), planned(seed=8, **plan)

    assert [one.raw for one in first] == [one.raw for one in second]
    assert [one.raw for one in first] != [one.raw for one in other]


def test_batches_hold_every_event_once_in_one_entry():
    made = planned(count=25, batch=10, people=3)

    assert [len(items(one)) for one in made] == [10, 10, 5]
    assert all(len(json.loads(one.raw)["entry"]) == 1 for one in made)
    mids = [item["message"]["mid"] for one in made for item in items(one)]
    assert len(set(mids)) == 25
    assert mids == [event.id for one in made for event in one.events]


def test_second_delivery_differs_in_entry_time_alone():
    first, again = (json.loads(one.raw) for one in planned(duplicates=1.0))

    assert first["entry"][0].pop("time") < again["entry"][0].pop("time")
    assert first == again


def test_disorder_loses_nothing():
    plan = {"count": 40, "people": 4, "duplicates": 0.3}
    ordered, shuffled = planned(**plan), planned(**plan, shuffle=True)

    events = [[event.id for one in made for event in one.events if one.what == "new"] for made in (ordered, shuffled)]
    assert Counter(events[0]) == Counter(events[1])
    assert events[0] != events[1]


@pytest.mark.parametrize(
    ("forge", "claims", "holds"),
    [
        ("wrong-secret", True, False),
        ("changed-byte", True, False),
        ("unsigned", False, False),
        ("sha1-only", False, False),
        (None, True, True),
    ],
)
def test_forged_deliveries_bear_no_signature_that_holds(forge, claims, holds):
    [delivery] = planned(forge=forge)

    claimed = delivery.headers.get("X-Hub-Signature-256")
    assert (claimed is not None, claimed == sign(delivery.raw, "secret")) == (claims, holds)
    assert delivery.what == ("forged" if forge else "new")
    assert ("X-Hub-Signature" in delivery.headers) == (forge != "unsigned")


def test_every_kind_of_instagram_can_be_sent_and_names_its_id():
    kinds = kinds_of("instagram")

    made = planned(kinds=kinds, count=len(kinds))

    assert [one.events[0].kind for one in made] == list(kinds)
    assert all(one.events[0].id.encode() in one.raw for one in made)
    by_kind = {one.events[0].kind: one for one in made}
    assert items(by_kind["echo"])[0]["message"]["is_echo"] is True
    assert items(by_kind["reaction"])[0]["reaction"]["mid"] == by_kind["reply"].events[0].id
    assert json.loads(by_kind["comment"].raw)["entry"][0]["time"] == int(NOON_S)


def test_each_customer_comes_to_every_kind_and_time_rises():
    made = planned(kinds=("message", "read"), people=2, count=8)

    assert {(one.events[0].person, one.events[0].kind) for one in made} == {
        (person, kind) for person in {one.events[0].person for one in made} for kind in ("message", "read")
    }
    times = [items(one)[0]["timestamp"] for one in made]
    assert times == sorted(set(times))


def test_whatsapp_counts_in_strings_of_seconds_and_messenger_says_page():
    [whatsapp], [messenger] = planned(provider="whatsapp"), planned(provider="facebook")

    value = json.loads(whatsapp.raw)["entry"][0]["changes"][0]["value"]
    assert value["messages"][0]["timestamp"] == str(int(NOON_S))
    assert value["messages"][0]["id"] == whatsapp.events[0].id
    assert json.loads(messenger.raw)["object"] == "page"


def test_chosen_person_account_and_text_are_used():
    [delivery] = planned(person="61", account="1784", text="Hi")

    [item] = items(delivery)
    assert (item["sender"]["id"], item["recipient"]["id"], item["message"]["text"]) == ("61", "1784", "Hi")


@pytest.mark.parametrize(
    "plan",
    [
        {"count": 0},
        {"batch": 1001},
        {"count": 100_001},
        {"duplicates": 1.5},
        {"provider": "telegram"},
        {"kinds": ("nothing",)},
        {"kinds": ("comment",), "provider": "whatsapp"},
    ],
)
def test_plans_out_of_bounds_are_refused(plan):
    with pytest.raises(ValueError, match=r"\.$"):
        Plan(**plan)


def test_message_body_makes_up_what_is_left_out():
    one, two = (message_body("Hi", sender="61") for _ in range(2))

    assert one["entry"][0]["messaging"][0]["message"]["mid"] != two["entry"][0]["messaging"][0]["message"]["mid"]
