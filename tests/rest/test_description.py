"""The description of the API: whole, without a warning, and true."""

import contextlib
import re
import subprocess
import sys

import pytest
from rest_framework.exceptions import APIException
from rest_framework.test import APIClient

from audit.rest.problems import CODES
from dead_letters.review import Result
from instagram_webhooks.desk import event, timeline, waiting
from instagram_webhooks.desk.serializers import (
    EventDetailSerializer,
    ReplySerializer,
    StepSerializer,
    WaitingSerializer,
)
from tests.processes.process import CHECKOUT

DOCS = CHECKOUT / "docs" / "api.md"


def test_the_description_is_made_without_a_warning_and_is_valid(tmp_path):
    strictly = ["--validate", "--fail-on-warn"]

    made = subprocess.run(
        [sys.executable, "manage.py", "spectacular", *strictly, "--file", tmp_path / "schema.yaml"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (made.returncode, made.stdout + made.stderr) == (0, "")


@pytest.mark.parametrize(
    ("serializer", "shape"),
    [
        (EventDetailSerializer, event.Event),
        (ReplySerializer, event.Reply),
        (WaitingSerializer, waiting.Waiting),
        (StepSerializer, timeline.Step),
    ],
)
def test_an_event_is_described_with_the_fields_that_it_has(serializer, shape):
    assert list(serializer().fields) == list(shape.__annotations__)


def raised(kind=APIException):
    """Every refusal of our own, by code."""
    found = {}
    for each in kind.__subclasses__():
        if each.__module__.split(".")[0] in ("audit", "dead_letters", "instagram_webhooks"):
            found[each.default_code] = each.status_code
        found |= raised(each)
    return found


def test_every_code_that_the_code_answers_is_listed_with_its_status():
    sources = [path.read_text() for room in ("audit", "dead_letters", "instagram_webhooks")
               for path in CHECKOUT.glob(f"{room}/**/*api*.py")]  # fmt: skip
    said = {code for text in sources for code in re.findall(r'code="(\w+)"', text)}

    assert raised().items() <= CODES.items()
    assert said | {result.value for result in Result} - {"done"} <= CODES.keys()


def test_the_page_lists_the_same_codes():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", DOCS.read_text(), re.MULTILINE)

    assert {code: int(status) for status, code in rows} == CODES


@pytest.mark.django_db
def test_the_page_to_read_loads_only_what_is_served_from_here():
    page = APIClient().get("/api/v1/docs/", secure=True)
    text = page.content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)

    assert page.status_code == 200
    assert loaded
    assert all(address.startswith("/static/") for address in loaded)
    for address in loaded:
        with contextlib.closing(APIClient().get(address, secure=True)) as answer:
            assert answer.status_code == 200, address
    assert "<style" not in text
    assert re.findall(r"<script(?! src=)", text) == []
    assert re.search(r'data-description="([^"]+)"', text)[1] == "/api/v1/schema/"


@pytest.mark.django_db
def test_the_description_is_json_for_everybody():
    answer = APIClient().get("/api/v1/schema/", secure=True)

    assert answer.json()["openapi"].startswith("3.")
