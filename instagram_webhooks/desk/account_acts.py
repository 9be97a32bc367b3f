"""What a person does to one account from its page: pause it, resume it, test it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from audit.log import record
from audit.pages import marks
from audit.pages.asks import ReasonForm
from instagram_webhooks.desk import account_check
from instagram_webhooks.desk.findings import Finding, Verdict
from instagram_webhooks.models import Account
from instagram_webhooks.replies import by_hand

RIGHTS = ("instagram_webhooks.act_on_account", "instagram_webhooks.view_account")
HOURS = {"1": "an hour", "4": "4 hours", "24": "24 hours"}
TEST_S = 10.0
_NAME = "instagram_webhooks_account_{}"


class PauseForm(ReasonForm):
    """Also for how long."""

    hours = forms.ChoiceField(label="For how long", choices=HOURS)
    field_order = ("hours", "reason")


@dataclass(frozen=True, slots=True)
class _Act:
    """Something that is asked about first. do: does it by the valid form, and says what came of it, and whether."""

    title: str
    says: str
    form: type[ReasonForm]
    do: Callable[[Account, ReasonForm, str], tuple[bool, str]]


def _pause(account: Account, form: ReasonForm, actor: str) -> tuple[bool, str]:
    given = form.cleaned_data
    until = by_hand.pause(account, hours=int(given["hours"]), actor=actor, reason=given["reason"])
    if until is None:
        return False, f"Nothing was changed: {account} is paused for as long already. Resume it to end that sooner."
    return True, f"{account} is paused until {until:%Y-%m-%d %H:%M} UTC."


def _resume(account: Account, form: ReasonForm, actor: str) -> tuple[bool, str]:
    if by_hand.resume(account, actor=actor, reason=form.cleaned_data["reason"]):
        return True, f"{account} is paused no longer; what waited goes out soon."
    return False, f"Nothing was changed: {account} is not paused."


ACTS = {
    "pause": _Act(
        "Pause",
        "Meanwhile nothing is sent for this account, and Meta is asked nothing. Messages are stored and answers "
        "decided; they go out when the pause ends. What is not sent within 24 hours of its message is not sent at all.",
        PauseForm,
        _pause,
    ),
    "resume": _Act(
        "Resume",
        "Ends the pause, also one that failures made. After failures one call goes out first, to try whether Meta "
        "is back; where it fails, the account is left alone again. A wait that Meta itself asked for goes on.",
        ReasonForm,
        _resume,
    ),
}


def may_act(request: HttpRequest) -> bool:
    """Whether this person may put accounts to rest and to work, which is less than to be trusted with tokens."""
    return bool(request.user.has_perms(RIGHTS))


class AccountActs:
    """The pages of these acts, for the admin of accounts."""

    def __init__(self, page: "admin.ModelAdmin[Account]") -> None:
        self._page = page

    def urls(self) -> list[URLPattern]:
        """To stand before Django's own, which take any path for an id."""
        views = {name: partial(self._ask, name) for name in ACTS} | {"test": self._test}
        of_site = self._page.admin_site.admin_view
        return [path(f"<uuid:pk>/{name}/", of_site(view), name=_NAME.format(name)) for name, view in views.items()]

    def _account(self, request: HttpRequest, pk: UUID) -> Account:
        if not may_act(request):
            raise PermissionDenied
        return get_object_or_404(Account, pk=pk)

    def _ask(self, name: str, request: HttpRequest, pk: UUID) -> HttpResponse:
        """GET asks for the reason, POST does it."""
        account, act = self._account(request, pk), ACTS[name]
        form = act.form(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            about = {
                "title": f"{act.title} {account}",
                "submit": act.title,
                "says": act.says,
                "form": form,
                "act_url": url_of(name, account),
            }
            return self._shown(request, "audit/ask_alone.html", account, about)
        done, said = act.do(account, form, request.user.get_username())
        self._page.message_user(request, said, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(_page_of(account))

    def _test(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """POST asks Meta; GET only leads to where the button is."""
        account = self._account(request, pk)
        if request.method != "POST":
            return HttpResponseRedirect(_page_of(account))
        findings = list(account_check.checks(account, within_s=TEST_S / account_check.CALLS))
        told = {each.about.lower().replace(" ", "_"): each.verdict.name.lower() for each in findings}
        record("account.tested", subject_id=account.pk, provider=account.provider,
               actor=request.user.get_username(), detail={"account": account.account_id, **told})  # fmt: skip
        about = {
            "title": f"Test of {account}",
            "sentence": _sentence(findings),
            "is_grave": any(each.verdict is Verdict.WRONG for each in findings),
            "findings": [(_SHOWN[each.verdict], each) for each in findings],
            "act_url": url_of("test", account),
        }
        return self._shown(request, "instagram_webhooks/account_test.html", account, about)

    def _shown(self, request: HttpRequest, template: str, account: Account, about: dict[str, object]) -> HttpResponse:
        context = {
            **self._page.admin_site.each_context(request),
            "opts": self._page.opts,
            "media": self._page.media,
            "back_url": _page_of(account),
            "back_to": str(account),
            **about,
        }
        return TemplateResponse(request, template, context)


_SHOWN = {
    Verdict.FINE: marks.state("done", "fine"),
    Verdict.UNSURE: marks.state("waiting", "look at it"),
    Verdict.WRONG: marks.state("failed", "wrong"),
}


def _sentence(findings: list[Finding]) -> str:
    grave = [each for each in findings if each.verdict is Verdict.WRONG]
    if grave:
        return f"{grave[0].about}: {grave[0].said}"
    unsure = [each for each in findings if each.verdict is Verdict.UNSURE]
    return f"It works. {unsure[0].about}: {unsure[0].said}" if unsure else "It works."


def url_of(name: str, account: Account) -> str:
    """The address of an act on an account."""
    return reverse(f"admin:{_NAME.format(name)}", args=[account.pk])


def _page_of(account: Account) -> str:
    return reverse(f"admin:{_NAME.format('change')}", args=[account.pk])
