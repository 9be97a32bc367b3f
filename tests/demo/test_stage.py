import json

from webhooks_project.demo.meta import delivery_of, new_person
from webhooks_project.demo.product import of_deliveries
from webhooks_project.demo.stage import fate, miscounted, people_of


def a_delivery(*people, what="new", correlation="c"):
    events = [{"kind": "message", "id": f"m{n}", "person": person} for n, person in enumerate(people)]
    line = {"what": what, "status": 200, "seconds": 0.01, "correlation": correlation, "events": events}
    return delivery_of(json.dumps(line))


def test_a_delivery_without_an_answer_is_read_too():
    line = '{"what": "new", "status": 0, "seconds": null, "correlation": "", "events": []}'

    assert delivery_of(line).status == 0


def test_events_come_in_the_order_in_which_their_webhooks_were_sent():
    events = [{"correlation_id": id_} for id_ in ("b.1", "a.10", "other.1", "a.2")]

    found = of_deliveries(events, [a_delivery(correlation="a"), a_delivery(correlation="b")])

    assert [event["correlation_id"] for event in found] == ["a.2", "a.10", "b.1"]


def test_a_second_delivery_is_no_second_message():
    assert people_of([a_delivery("p", "q", "p"), a_delivery("p", what="again")]) == {"p": 2, "q": 1}


def test_a_missing_reply_and_a_double_one_are_both_told():
    faults = miscounted({"a": 1, "b": 1, "c": 2}, {"b": 2, "c": 2})

    assert faults == [
        "One customer wrote 1 message and got 0 replies.",
        "One customer wrote 1 message and got 2 replies.",
    ]


def test_a_fate_names_the_event_and_its_reply():
    assert fate({"state": "dead", "reply": None}) == "dead, no reply"
    assert fate({"state": "processed", "reply": {"state": "sent"}}) == "processed, sent"


def test_people_have_ids_of_the_form_that_meta_gives():
    person = new_person()

    assert len(person) == 16
    assert person.isdecimal()
