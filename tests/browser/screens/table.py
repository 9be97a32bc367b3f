"""Every page of the desk, a line each: its name, its address and the words of its heading."""

from typing import NamedTuple


class Screen(NamedTuple):
    """{table} in an address is the newest id of that table; without rows such a page is not looked at."""

    name: str
    address: str
    known: tuple[str, ...] = ()  # faults of Django's own pages that are left as they are


# The two boxes between which Django's own pages move rights and groups.
_PICKING = ("aria-prohibited-attr", "label", "inline style")

SCREENS = (
    Screen("dashboard", "/admin/"),
    Screen("alerts", "/admin/instagram_webhooks/incident/"),
    Screen("runbook", "/admin/runbook/"),
    Screen("found", "/admin/find/?q={instagram_webhooks_webhookevent}"),
    Screen("never-seen", "/admin/find/?q=aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlE"),
    Screen("sought", "/admin/find/"),
    Screen("causes", "/admin/dead_letters/cause/?state=all"),
    Screen("cause", "/admin/dead_letters/cause/{dead_letters_cause}/change/"),
    Screen("cause-act", "/admin/dead_letters/cause/act/ignored/?id={dead_letters_cause}"),
    Screen("letters", "/admin/dead_letters/deadletter/"),
    Screen("letter", "/admin/dead_letters/deadletter/{dead_letters_deadletter}/change/"),
    Screen("letter-act", "/admin/dead_letters/deadletter/act/replay/?id={dead_letters_deadletter}"),
    Screen("preview", "/admin/dead_letters/replaybatch/new/?cause={dead_letters_cause}"),
    Screen("batches", "/admin/dead_letters/replaybatch/"),
    Screen("batch", "/admin/dead_letters/replaybatch/{dead_letters_replaybatch}/change/"),
    Screen("events", "/admin/instagram_webhooks/webhookevent/"),
    Screen("event", "/admin/instagram_webhooks/webhookevent/{instagram_webhooks_webhookevent}/change/"),
    Screen("blocked", "/admin/instagram_webhooks/blockedconversation/"),
    Screen(
        "set-aside",
        "/admin/instagram_webhooks/blockedconversation/set-aside/?id={instagram_webhooks_webhookevent}",
    ),
    Screen("conversations", "/admin/instagram_webhooks/conversation/"),
    Screen("conversation", "/admin/instagram_webhooks/conversation/{instagram_webhooks_conversation}/change/"),
    Screen("opened-asks", "/admin/instagram_webhooks/conversation/{instagram_webhooks_conversation}/open/"),
    Screen("accounts", "/admin/instagram_webhooks/account/"),
    Screen("account", "/admin/instagram_webhooks/account/{instagram_webhooks_account}/change/"),
    Screen("account-add", "/admin/instagram_webhooks/account/add/"),
    Screen("account-pause", "/admin/instagram_webhooks/account/{instagram_webhooks_account}/pause/"),
    Screen("account-resume", "/admin/instagram_webhooks/account/{instagram_webhooks_account}/resume/"),
    Screen("release", "/admin/instagram_webhooks/account/release/?id={instagram_webhooks_account}"),
    Screen("workers", "/admin/instagram_webhooks/worker/"),
    Screen("upkeep", "/admin/instagram_webhooks/turn/"),
    Screen("job-run", "/admin/instagram_webhooks/turn/run/housekeeping/"),
    Screen("audit", "/admin/audit/auditentry/"),
    Screen("audit-entry", "/admin/audit/auditentry/{audit_auditentry}/change/"),
    Screen("tasks", "/admin/django_celery_results/taskresult/"),
    Screen("task", "/admin/django_celery_results/taskresult/{django_celery_results_taskresult}/change/"),
    Screen("tokens", "/admin/knox/authtoken/"),
    Screen("users", "/admin/auth/user/"),
    Screen("user", "/admin/auth/user/{auth_user}/change/", _PICKING),
    Screen("groups", "/admin/auth/group/"),
    Screen("group", "/admin/auth/group/{auth_group}/change/", _PICKING),
    Screen("password", "/admin/password_change/"),
)


def address_of(screen, product):
    """The address with the newest row of the table that it names; None where that has none."""
    _, brace, rest = screen.address.partition("{")
    if not brace:
        return screen.address
    table = rest.partition("}")[0]
    key = "event_id" if table.endswith("webhookevent") else "id"
    but = "WHERE action NOT LIKE 'person.%%'" if table == "audit_auditentry" else ""  # the log-in of this very window
    rows = product.rows(f"SELECT {key} AS key FROM {table} {but} ORDER BY {key} DESC LIMIT 1")
    return screen.address.replace(f"{{{table}}}", str(rows[0]["key"])) if rows else None
