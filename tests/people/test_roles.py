"""The roles: every page and every act of the desk, for each of them."""

import html
import re
from contextlib import suppress

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.urls import NoReverseMatch, get_resolver, resolve, reverse

from audit.ids import uuid7
from tests.browser import seeds

pytestmark = pytest.mark.django_db
ROLES = ("viewer", "support", "operator", "auditor", "administrator")
EVERYBODY, NOBODY = frozenset(ROLES), frozenset()
OPERATORS = frozenset({"operator", "administrator"})
KEEPERS = frozenset({"administrator"})
READERS = frozenset({"support", "administrator"})
AUDITORS = frozenset({"operator", "auditor", "administrator"})
CHECKERS = frozenset({"auditor", "administrator"})

# Who opens which list; a page of one row opens for the same.
LISTS = {
    "dead_letters/cause": EVERYBODY,
    "dead_letters/deadletter": EVERYBODY,
    "dead_letters/replaybatch": EVERYBODY,
    "instagram_webhooks/webhookevent": EVERYBODY,
    "instagram_webhooks/blockedconversation": EVERYBODY,
    "instagram_webhooks/conversation": EVERYBODY,
    "instagram_webhooks/account": EVERYBODY,
    "instagram_webhooks/incident": EVERYBODY,
    "instagram_webhooks/worker": EVERYBODY,
    "instagram_webhooks/turn": EVERYBODY,
    "django_celery_results/taskresult": EVERYBODY,
    "audit/auditentry": AUDITORS,
    "auth/user": CHECKERS,
    "auth/group": CHECKERS,
    "knox/authtoken": CHECKERS,
}
ADDED = {"instagram_webhooks/account": KEEPERS, "auth/user": KEEPERS}
# Who does what, by the name of its address; on a row that is not there it is refused, or finds nothing.
ACTS = {
    **{f"dead_letters_deadletter_{act}": OPERATORS
       for act in ("replay", "resolve", "discard", "reopen", "arrived", "send_again")},
    **{f"dead_letters_cause_{act}": OPERATORS for act in ("acknowledged", "resolved", "ignored", "open", "note")},
    "dead_letters_replaybatch_new": OPERATORS,
    "dead_letters_replaybatch_say": OPERATORS,
    **{f"instagram_webhooks_account_{act}": OPERATORS for act in ("release", "pause", "resume", "test")},
    "instagram_webhooks_incident_test": OPERATORS,
    "instagram_webhooks_turn_run": OPERATORS,
    "instagram_webhooks_blockedconversation_set_aside": OPERATORS,
    "instagram_webhooks_conversation_open": READERS,
}  # fmt: skip


@pytest.fixture(params=ROLES)
def role(request, client):
    user = User.objects.create_user("anna", is_staff=True)
    user.groups.add(Group.objects.get(name=request.param))
    client.force_login(user)
    return request.param


def test_each_list_opens_for_its_roles_alone(role, client):
    opened = {page: client.get(f"/admin/{page}/", secure=True).status_code for page in LISTS}

    assert opened == {page: 200 if role in roles else 403 for page, roles in LISTS.items()}


def test_rows_are_added_by_their_roles_alone(role, client):
    opened = {page: client.get(f"/admin/{page}/add/", secure=True).status_code for page in LISTS}

    assert opened == {page: 200 if role in ADDED.get(page, NOBODY) else 403 for page in LISTS}


def test_each_act_is_done_by_its_roles_alone(role, client):
    given = {"id": str(uuid7()), "reason": "why", "cause": str(uuid7())}

    refused = {act: client.post(address(act), given, secure=True).status_code == 403 for act in ACTS}

    assert refused == {act: role not in roles for act, roles in ACTS.items()}


def address(act):
    for of in ([], [uuid7()], ["housekeeping"]):
        with suppress(NoReverseMatch):
            return reverse(f"admin:{act}", args=of)
    raise AssertionError(act)


def test_the_menu_offers_what_opens(role, client):
    menu = client.get("/admin/", secure=True).context["app_list"]

    offered = {page["admin_url"] for app in menu for page in app["models"]}
    assert offered == {f"/admin/{page}/" for page, roles in LISTS.items() if role in roles} | {"/admin/runbook/"}


def test_no_page_of_the_desk_is_forgotten_here():
    """Whoever adds one says who may open it."""
    _, desk = get_resolver().namespace_dict["admin"]
    names = {name for name in desk.reverse_dict if isinstance(name, str)}
    lists = {name.removesuffix("_changelist") for name in names if name.endswith("_changelist")}
    assert lists == {page.replace("/", "_") for page in LISTS}

    of_a_list = tuple(f"{name}_" for name in lists)
    usual = ("_changelist", "_add", "_history", "_delete", "_change", "_password_change")
    assert {name for name in names if name.startswith(of_a_list) and not name.endswith(usual)} == set(ACTS)


def test_the_administrator_may_what_every_other_role_may():
    rights = {group.name: set(group.permissions.values_list("codename", flat=True)) for group in Group.objects.all()}

    assert set(rights) == set(ROLES)
    assert set().union(*rights.values()) == rights["administrator"]


def test_no_role_may_delete_or_change_what_happened():
    about = Permission.objects.filter(group__isnull=False, content_type__app_label__in=["audit", "dead_letters"])

    assert not about.filter(codename__regex="^(add|change|delete)_").exists()


@pytest.fixture
def stocked():
    """Something of everything."""
    seeds.fill("everyday")


def test_no_page_leads_a_role_to_where_it_may_not_go(stocked, role, client):
    """From each list and the first row of it, one link of each kind."""
    seen, refused = set(), []
    addresses = ["/admin/", *(f"/admin/{page}/" for page, roles in LISTS.items() if role in roles)]
    for address in [*addresses, *filter(None, (first_row(client, each) for each in addresses[1:]))]:
        for link in links_of(client.get(address, secure=True)):
            name = resolve(link.partition("?")[0]).url_name
            if name not in seen and name != "logout":
                seen.add(name)
                refused += [(address, link)] if client.get(link, secure=True).status_code == 403 else []

    assert refused == []
    assert len(seen) > len(addresses)


def first_row(client, address):
    listed = client.get(address, secure=True).context.get("cl")
    return f"{address}{listed.result_list[0].pk}/change/" if listed and listed.result_list else None


def links_of(page):
    return [html.unescape(link) for link in re.findall(r'href="(/admin/[^"]*)"', page.content.decode())]
