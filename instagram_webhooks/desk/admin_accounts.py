"""Accounts in the admin: connect, give a new token, switch replies, release what is parked."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
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
from audit.pages.lists import CappedPaginator
from audit.pages.rows import TimedList
from dead_letters.admin import chosen_ids
from instagram_webhooks.desk import accounts
from instagram_webhooks.desk.account_form import AccountForm
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import pause

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Account]
else:
    _Admin = admin.ModelAdmin

AT_ONCE = 100
ACCOUNTS = "admin:instagram_webhooks_account_changelist"
RELEASE = "admin:instagram_webhooks_account_release"
EVENTS = "admin:instagram_webhooks_webhookevent_changelist"


class ReleaseForm(forms.Form):
    """What the page between choosing and releasing asks."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "autofocus": True}),
        help_text="Why? It goes into the audit log. Name no customer.",
    )


class AccountAdmin(_Admin):
    """Nobody can delete an account: its events would have no owner, and be parked for ever."""

    actions = ("release_chosen",)
    change_form_template = "instagram_webhooks/account.html"
    change_list_template = "instagram_webhooks/accounts.html"
    form = AccountForm
    list_display = ("named", "state_and_pause", "parked", "replies", "expires")
    list_filter = ("state", "provider", "replies_on")
    list_per_page = 50
    ordering = ("provider", "label", "account_id")
    paginator = CappedPaginator
    readonly_fields = ("standing", "parked", "paused", "stored_token")
    search_fields = ("label__icontains", "account_id__exact")
    search_help_text = "A part of the label, or the whole id."
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()

    def get_changelist(self, *_: Any, **__: Any) -> type[TimedList]:
        return TimedList

    def has_delete_permission(self, *_: object) -> bool:
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        token = ("new_token", "token_expires_at")
        parts = {
            "Account": ("provider", "account_id", "label"),
            "Access token": token,
            "Replies": ("replies_on",),
        }
        if obj is not None:
            parts = {"How it stands": ("standing", "parked", "paused")} | parts
            parts["Access token"] = ("stored_token", *token)
        return [(title, {"fields": fields}) for title, fields in parts.items()]

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """A known account keeps its ids: its token is sealed and its events are filed under them."""
        return (*self.readonly_fields, "provider", "account_id") if obj else self.readonly_fields

    # --- pages -------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.release)
        return [path("release/", view, name="instagram_webhooks_account_release"), *super().get_urls()]

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
        about: dict[str, object] = {"show_save_and_add_another": False}
        if object_id:
            about |= {"release_url": _release_url(object_id), "audit_url": _audit_url(object_id)}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **about})

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

    @admin.action(description="Release parked events…", permissions=["change"])
    def release_chosen(self, request: HttpRequest, queryset: "models.QuerySet[Account]") -> HttpResponse | None:
        ids = list(queryset.order_by().values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            said = f"Nothing was changed: choose at most {AT_ONCE} at once."
            self.message_user(request, said, messages.ERROR)
            return None
        return self._ask(request, ids, ReleaseForm())

    def release(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the reason, POST releases."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        ids = chosen_ids(request.POST.getlist("id") or request.GET.getlist("id"), most=AT_ONCE)
        form = ReleaseForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, ids, form)
        self._release(request, list(Account.objects.filter(pk__in=ids)), reason=form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse(ACCOUNTS))

    def _ask(self, request: HttpRequest, ids: Sequence[uuid.UUID], form: ReleaseForm) -> TemplateResponse:
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

    def add_to_rows(self, rows: Sequence[Account]) -> None:
        """Gives each row the number of its parked events; one query a page."""
        counts = accounts.parked_counts([row.pk for row in rows])
        for row in rows:
            row.parked_count = counts.get(row.pk, 0)  # type: ignore[attr-defined]

    @admin.display(description="account")
    def named(self, account: Account) -> SafeString:
        return marks.under(account.label or "no label", f"{account.provider} {account.account_id}")

    @admin.display(description="state")
    def standing(self, account: Account) -> SafeString:
        return marks.state(account.state, AccountState(account.state).label)

    @admin.display(description="state")
    def state_and_pause(self, account: Account) -> SafeString:
        until = account.paused_until
        is_paused = until is not None and until > datetime.now(UTC)
        pause_told = format_html("left alone until {}", marks.moment(until)) if is_paused else ""
        return marks.under(self.standing(account), pause_told)

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
    def replies(self, account: Account) -> str:
        return "on" if account.replies_on else "off"

    @admin.display(description="left alone until")
    def paused(self, account: Account) -> SafeString | str:
        until = account.paused_until
        return marks.moment(until) if until and until > datetime.now(UTC) else marks.NOTHING

    @admin.display(description="token runs out")
    def expires(self, account: Account) -> SafeString | str:
        until = account.token_expires_at
        return marks.moment(until, form="%Y-%m-%d") if until else "unknown"

    @admin.display(description="stored token")
    def stored_token(self, account: Account) -> str:
        return "There is one. It lies sealed and is not shown." if account.sealed_token else "None."


def _release_url(account_id: str) -> str:
    return reverse(RELEASE, query={"id": account_id})


def _audit_url(account_id: str) -> str:
    return reverse("admin:audit_auditentry_changelist", query={"q": account_id})


def _parked_url(account: Account | accounts.Unknown) -> str:
    return reverse(EVENTS, query={"state": "parked", "account__exact": account.account_id})
