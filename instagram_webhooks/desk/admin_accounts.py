"""Accounts in the admin: how each stands; connect, give a new token, switch replies, release what is parked."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from audit.pages import marks
from audit.pages.asks import ReasonForm, asked_ids, chosen_rows
from audit.pages.links import audit_of
from audit.pages.lists import CappedPaginator
from audit.pages.rows import TimedList
from instagram_webhooks.conf import conf
from instagram_webhooks.desk import accounts
from instagram_webhooks.desk.account_acts import ACTS, AccountActs, may_act, url_of
from instagram_webhooks.desk.account_form import AccountForm
from instagram_webhooks.desk.health import TOKEN_ENDS
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.models.account import stricter
from instagram_webhooks.replies import pause

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Account]
else:
    _Admin = admin.ModelAdmin

AT_ONCE = 100
ACCOUNTS = "admin:instagram_webhooks_account_changelist"
RELEASE = "admin:instagram_webhooks_account_release"
EVENTS = "admin:instagram_webhooks_webhookevent_changelist"


class AccountAdmin(_Admin):
    """Nobody can delete an account: its events would have no owner, and be parked for ever."""

    actions = ("release_chosen",)
    change_form_template = "instagram_webhooks/account.html"
    change_list_template = "instagram_webhooks/accounts.html"
    form = AccountForm
    list_display = ("named", "state_and_pause", "heard", "expires", "mode", "parked")
    list_filter = ("state", "provider", "replies")
    list_per_page = 50
    nothing_says = (
        "No account is connected yet. Add one here, or run `manage.py connect_instagram`, which checks each step."
    )
    ordering = ("provider", "label", "account_id")
    paginator = CappedPaginator
    readonly_fields = ("state_and_pause", "heard", "parked", "paused", "paused_by_hand", "stored_token")
    search_fields = ("label__icontains", "account_id__exact")
    search_help_text = "A part of the label, or the whole id."
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    def get_changelist(self, *_: Any, **__: Any) -> type[TimedList]:
        return TimedList

    def has_delete_permission(self, *_: object) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        return may_act(request)

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        writes = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        token: tuple[str, ...] = ("new_token", "token_expires_at") if writes else ("token_expires_at",)
        parts = {
            "Account": ("provider", "account_id", "label"),
            "Access token": token,
            "Replies": ("replies",),
        }
        if obj is not None:
            parts = {"How it stands": ("state_and_pause", "heard", "parked", "paused", "paused_by_hand")} | parts
            parts["Access token"] = ("stored_token", *token)
        return [(title, {"fields": fields}) for title, fields in parts.items()]

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """A known account keeps its ids: its token is sealed and its events are filed under them."""
        return (*self.readonly_fields, "provider", "account_id") if obj else self.readonly_fields

    # --- pages -------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.release)
        release = path("release/", view, name="instagram_webhooks_account_release")
        return [release, *AccountActs(self).urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, after the accounts that events wait for and nobody connected."""
        add = reverse("admin:instagram_webhooks_account_add")
        unknown = [
            (each, f"{add}?provider={each.provider}&account_id={each.account_id}", _parked_url(each))
            for each in accounts.unknown_accounts()
        ]
        return super().changelist_view(request, {**(extra_context or {}), "title": "Accounts", "unknown": unknown})

    @method_decorator(sensitive_post_parameters("new_token"))
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        about = {**(extra_context or {}), "show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, about)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """With what can be done to the account, where it is one."""
        if account := kwargs.get("obj"):
            context |= _acts_on(request, account)
        return super().render_change_form(request, context, *args, **kwargs)

    @sensitive_variables("token")
    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Saves, and releases what waited for this account or for its token, after the commit."""
        token = form.cleaned_data["new_token"]
        changed = [name for name in form.changed_data if name != "new_token"]
        if token and change and obj.token_expires_at and "token_expires_at" not in changed:
            obj.token_expires_at = None  # the date was the old token's
            changed.append("token_expires_at")
        actor = request.user.get_username()
        accounts.save(obj, changed=changed, token=token, actor=actor)
        if token or not change:
            reason = "new token" if change else "new account"
            # Outside of this transaction: a release of many commits 500 at a time.
            transaction.on_commit(lambda: self._release(request, [obj], reason=reason))

    def _release(self, request: HttpRequest, chosen: Sequence[Account], *, reason: str) -> None:
        actor = request.user.get_username()
        for account in chosen:
            count = pause.release(account, actor=actor, reason=reason)
            back = "1 parked event is" if count == 1 else f"{count or 'no'} parked events are"
            self.message_user(request, f"{account} is active; {back} back at work.", messages.SUCCESS)

    # --- release -----------------------------------------------------------------------------------

    @admin.action(description="Release parked events…", permissions=["act"])
    def release_chosen(self, request: HttpRequest, queryset: "models.QuerySet[Account]") -> HttpResponse | None:
        ids = chosen_rows(self, request, queryset, most=AT_ONCE)
        return self._ask(request, ids, ReasonForm()) if ids else None

    def release(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the reason, POST releases."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        ids = asked_ids(request, most=AT_ONCE)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, ids, form)
        self._release(request, list(Account.objects.filter(pk__in=ids)), reason=form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse(ACCOUNTS))

    def _ask(self, request: HttpRequest, ids: Sequence[uuid.UUID], form: ReasonForm) -> TemplateResponse:
        chosen = list(Account.objects.filter(pk__in=ids).order_by(*self.ordering))
        self.add_to_rows(chosen)
        context = {
            **self.admin_site.each_context(request),
            "title": "Release parked events",
            "submit": "Release parked events",
            "opts": self.opts,
            "act_url": reverse(RELEASE),
            "back_url": reverse(ACCOUNTS),
            "back_to": "Accounts",
            "form": form,
            "media": self.media + form.media,
            "chosen": [(account, self.standing(account), self.parked(account)) for account in chosen],
        }
        return TemplateResponse(request, "instagram_webhooks/release.html", context)

    # --- columns and fields --------------------------------------------------------------------------

    def add_to_rows(self, rows: Sequence[Account], _request: HttpRequest | None = None) -> None:
        """Gives each row the number of its parked events and when its last one came; two queries a page."""
        counts = accounts.parked_counts([row.pk for row in rows])
        heard = accounts.heard_at(rows)
        for row in rows:
            row.parked_count, row.heard_at = counts.get(row.pk, 0), heard.get(row.pk)  # type: ignore[attr-defined]

    @admin.display(description="account")
    def named(self, account: Account) -> SafeString:
        return marks.under(account.label or "no label", f"{account.provider} {account.account_id}")

    @admin.display(description="state")
    def standing(self, account: Account) -> SafeString:
        return marks.state(account.state, AccountState(account.state).label)

    @admin.display(description="state")
    def state_and_pause(self, account: Account) -> SafeString:
        by_hand, after_failures = _to_come(account.hand_paused_until), _to_come(account.paused_until)
        if account.state == AccountState.ACTIVE and by_hand:
            return marks.under(marks.state("paused", "paused by hand"), format_html("ends {}", marks.ago(by_hand)))
        until, why = (by_hand, "paused by hand") if by_hand else (after_failures, "left alone")
        return marks.under(self.standing(account), format_html("{}, ends {}", why, marks.ago(until)) if until else "")

    @admin.display(description="last webhook")
    def heard(self, account: Account) -> SafeString | str:
        if not hasattr(account, "heard_at"):
            self.add_to_rows([account])
        at: datetime | None = account.heard_at  # type: ignore[attr-defined]
        return marks.narrow(at) if at else "none yet"

    @admin.display(description="parked")
    def parked(self, account: Account) -> SafeString | str:
        if not hasattr(account, "parked_count"):
            self.add_to_rows([account])
        count: int = account.parked_count  # type: ignore[attr-defined]
        if not count:
            return "none"
        shown = marks.capped(count, accounts.PARKED_CAP)
        return marks.link(_parked_url(account), f"{marks.SHAPES['parked']} {shown}")

    @admin.display(description="replies")
    def mode(self, account: Account) -> SafeString:
        holds = stricter(account.replies, conf().replies)
        return marks.under(holds, "by the settings" if holds != account.replies else "")

    @admin.display(description="left alone after failures, until")
    def paused(self, account: Account) -> SafeString | str:
        return marks.moment(_to_come(account.paused_until))

    @admin.display(description="paused by hand, until")
    def paused_by_hand(self, account: Account) -> SafeString | str:
        until = _to_come(account.hand_paused_until)
        return marks.under(marks.moment(until), accounts.why_paused(account)) if until else marks.NOTHING

    @admin.display(description="token")
    def expires(self, account: Account) -> SafeString | str:
        until = account.token_expires_at
        if until is None:
            return "unknown"
        if not _to_come(until):
            return marks.under(marks.state("failed", "ran out"), marks.ago(until))
        is_soon = not _to_come(until - TOKEN_ENDS)
        return marks.under(marks.state("waiting", "ends soon"), marks.ago(until)) if is_soon else marks.narrow(until)

    @admin.display(description="stored token")
    def stored_token(self, account: Account) -> str:
        return "There is one. It lies sealed and is not shown." if account.sealed_token else "None."


def _to_come(at: datetime | None) -> datetime | None:
    return at if at is not None and at > datetime.now(UTC) else None


def _acts_on(request: HttpRequest, account: Account) -> dict[str, object]:
    acts = {name: url_of(name, account) for name in (*ACTS, "test")}
    return {
        "acts": acts | {"release": reverse(RELEASE, query={"id": account.pk})},
        "is_paused": bool(_to_come(account.paused_until) or _to_come(account.hand_paused_until)),
        "is_paused_by_hand": bool(_to_come(account.hand_paused_until)),
        "audit_url": audit_of(request, account.pk),
        "may_act": may_act(request),
    }


def _parked_url(account: Account | accounts.Unknown) -> str:
    return reverse(EVENTS, query={"state": "parked", "account__exact": account.account_id})
