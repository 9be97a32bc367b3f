"""Dead letters by cause: a hundred thousand of twelve causes are twelve rows."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.pages import charts, marks, runbook
from audit.pages.asks import ReasonForm
from audit.pages.links import audit_of
from audit.pages.lists import ReadOnlyAdmin
from dead_letters import causes
from dead_letters.batch_admin import new_url
from dead_letters.batches import ACT_RIGHTS
from dead_letters.cause_forms import IgnoreForm, NoteForm, StateFilter
from dead_letters.models import Cause, CauseState, DeadLetter, upstream

CAUSES = "admin:dead_letters_cause_changelist"
LETTERS = "admin:dead_letters_deadletter_changelist"
SHOWN_LETTERS = 20
NOTE = "note"
_VERBS = {CauseState.ACKNOWLEDGED: "Acknowledge", CauseState.RESOLVED: "Resolve", CauseState.IGNORED: "Ignore",
          CauseState.OPEN: "Reopen"}  # fmt: skip
_MEANS = {
    CauseState.ACKNOWLEDGED: "You work on it: others see that, and it stays on the list.",
    CauseState.RESOLVED: "It was put right. It leaves the list, and comes back with a mark if one more dies of it.",
    CauseState.IGNORED: "It leaves the list for a while. What dies of it is still counted, and still a dead letter.",
    CauseState.OPEN: "It is back on the list.",
}


class CauseAdmin(ReadOnlyAdmin):
    """The newest death first."""

    change_form_template = "dead_letters/cause.html"
    list_display = ("what", "standing", "open_letters", "last_day", "accounts", "seen")
    nothing_says = "No cause needs you. All there ever were stand under “all”."
    list_filter = (StateFilter,)
    sortable_by = ()
    search_help_text = "An error code, exactly."

    # --- pages -----------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        known: models.QuerySet[Any] = super().get_queryset(request)
        dated: models.QuerySet[Any] = known.annotate(last_seen_at=causes.LAST_SEEN)
        return dated

    def get_list_display(self, request: HttpRequest) -> Any:
        return [_open_for(request) if name == "open_letters" else name for name in self.list_display]

    def get_ordering(self, _request: HttpRequest) -> Any:
        return (F("last_seen_at").desc(nulls_last=True), "id")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act)
        acts = [path(f"act/{act}/", view, {"act": act}, name=f"dead_letters_cause_{act}")
                for act in (*CauseState.values, NOTE)]  # fmt: skip
        return [*acts, *super().get_urls()]

    def exactly(self, term: str) -> models.Q | None:
        try:
            return models.Q(pk=uuid.UUID(term))
        except ValueError:
            return models.Q(code=term)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Who may act sees what about: the right to act alone is of no use."""
        return request.user.has_perms(causes.ACT_RIGHTS)

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """What there is to say; lines about nothing are left out."""
        if not isinstance(obj, Cause):
            return super().get_fieldsets(request, obj)
        stands = ["standing", "said_by"] if obj.changed_by else ["standing"]
        stands += ["note"] if obj.note else []
        stands += [_open_for(request), "last_seen", "first_seen"]
        is_about = ["failure", "error_class"] + (["place"] if obj.place else [])
        return [("How it stands", {"fields": stands}), ("What it is", {"fields": is_about})]

    def beside(self, request: HttpRequest, cause: Cause) -> dict[str, object]:
        """Who it hits since when, its newest letters, and what can be said of it."""
        last_seen: datetime | None = cause.last_seen_at  # type: ignore[attr-defined]
        about: dict[str, object] = {
            "title": str(cause),
            "subtitle": None,
            "acts": self._acts(request, cause),
            "runbook": runbook.entry_of(cause.code),
            "chart": self.last_day(cause),
            "hit": causes.accounts_hit(cause.pk, most=SHOWN_LETTERS),
            "is_recent": last_seen is not None and datetime.now(UTC) - last_seen < timedelta(hours=24),
            "audit_url": audit_of(request, cause.pk),
        }
        if request.user.has_perm("dead_letters.view_deadletter"):
            about |= {"letters": _newest(cause), "all_url": _letters_url(cause, status=None)}
        return about

    def add_to_rows(self, rows: Sequence[Any], _request: HttpRequest | None = None) -> None:
        """Gives each row its figures; three queries a page."""
        found = causes.figures([row.pk for row in rows])
        for row in rows:
            row.figures = found[row.pk]

    # --- acts ------------------------------------------------------------------------------------

    def _acts(self, request: HttpRequest, cause: Cause) -> list[tuple[str, str]]:
        found = []
        if self._figures(cause).open_letters and request.user.has_perms(ACT_RIGHTS):
            found.append(("Replay", new_url({"cause": str(cause.pk)})))
        if self.has_act_permission(request):
            allowed = [(_VERBS[state], str(state)) for state in causes.may_become(cause)] + [("Note", NOTE)]
            found += [(verb, _act_url(act, cause.pk)) for verb, act in allowed]
        return found

    def act(self, request: HttpRequest, act: str) -> HttpResponse:
        """GET asks, POST says it."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        cause = _named(request)
        kind = NoteForm if act == NOTE else IgnoreForm if act == CauseState.IGNORED else ReasonForm
        form = kind(
            request.POST if request.method == "POST" else None, initial={"reason": cause.note} if act == NOTE else {}
        )
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, cause, act, form)
        actor, reason = request.user.get_username(), form.cleaned_data["reason"]
        if act == NOTE:
            causes.note(cause.pk, reason, actor=actor)
            self.message_user(request, "The note is kept.", messages.SUCCESS)
        else:
            hours = form.cleaned_data.get("hours")
            until = datetime.now(UTC) + timedelta(hours=int(hours)) if hours else None
            is_moved = causes.say(cause.pk, CauseState(act), actor=actor, reason=reason, until=until)
            said = f"It is {act} now." if is_moved else "Nothing was changed: somebody was faster. Look how it stands."
            self.message_user(request, said, messages.SUCCESS if is_moved else messages.ERROR)
        return HttpResponseRedirect(_page(cause.pk))

    def _ask(self, request: HttpRequest, cause: Cause, act: str, form: forms.Form) -> TemplateResponse:
        verb = "Note" if act == NOTE else _VERBS[CauseState(act)]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb}: {cause}",
            "submit": verb,
            "opts": self.opts,
            "act_url": _act_url(act, cause.pk),
            "back_url": _page(cause.pk),
            "back_to": str(cause),
            "form": form,
            "media": self.media + form.media,
            "says": "" if act == NOTE else f"{_MEANS[CauseState(act)]}{self._left_open(cause, act)}",
        }
        return TemplateResponse(request, "audit/ask_alone.html", context)

    def _left_open(self, cause: Cause, act: str) -> str:
        """That letters stay open, where the act takes their cause off the list."""
        count = self._figures(cause).open_letters
        if not count or act not in (CauseState.RESOLVED, CauseState.IGNORED):
            return ""
        letters = "1 dead letter of it stays" if count == 1 else f"{_capped(count)} dead letters of it stay"
        return f" {letters} open: replay or discard what is left to do."

    # --- columns and fields ----------------------------------------------------------------------

    @admin.display(description="what fails")
    def what(self, cause: Cause) -> SafeString:
        return marks.under(cause.summary, f"{self.failure(cause)} {cause.place}".strip())

    @admin.display(description="failure")
    def failure(self, cause: Cause) -> str:
        numbers = upstream(cause)
        return f"{cause.code} ({numbers})" if numbers else cause.code

    @admin.display(description="state")
    def standing(self, cause: Cause) -> SafeString:
        told: object = ""
        if cause.state == CauseState.IGNORED:
            told = format_html("until {}", marks.moment(cause.ignored_until))
        elif cause.state == CauseState.OPEN and cause.recurred_at:
            told = format_html("again, {}", marks.moment(cause.recurred_at))
        return marks.under(marks.state(cause.state), told)

    @admin.display(description="said by")
    def said_by(self, cause: Cause) -> SafeString:
        return format_html("{}, {}", cause.changed_by, marks.moment(cause.changed_at))

    def _figures(self, cause: Any) -> causes.Figures:
        """Those of its page's rows, or its own: the page of one has it read anew."""
        if not hasattr(cause, "figures"):
            self.add_to_rows([cause])
        found: causes.Figures = cause.figures
        return found

    @admin.display(description="open")
    def open_letters(self, cause: Cause) -> SafeString | str:
        count = self._figures(cause).open_letters
        return marks.link(_letters_url(cause, status="open"), _capped(count)) if count else "none"

    @admin.display(description="open")
    def open_count(self, cause: Cause) -> str:
        """For those who may not see the letters."""
        return _capped(self._figures(cause).open_letters)

    @admin.display(description="last 24 h")
    def last_day(self, cause: Cause) -> SafeString:
        hours = self._figures(cause).hours
        return charts.bars(
            hours, says=f"{sum(hours):,} died of it in the last 24 hours, {max(hours):,} in one hour at most"
        )

    @admin.display(description="accounts")
    def accounts(self, cause: Cause) -> str:
        hit = self._figures(cause).accounts
        return f"{hit:,}" if hit else marks.NOTHING

    @admin.display(description="last seen, first seen")
    def seen(self, cause: Any) -> SafeString:
        return marks.under(marks.moment(cause.last_seen_at), marks.moment(cause.first_seen_at))

    @admin.display(description="last seen")
    def last_seen(self, cause: Any) -> SafeString | str:
        return marks.moment(cause.last_seen_at)

    @admin.display(description="first seen")
    def first_seen(self, cause: Cause) -> SafeString | str:
        return marks.moment(cause.first_seen_at)


def _open_for(request: HttpRequest) -> str:
    """The column of open letters, which leads to them where they may be seen."""
    return "open_letters" if request.user.has_perm("dead_letters.view_deadletter") else "open_count"


def _capped(count: int) -> str:
    return marks.capped(count, causes.OPEN_CAP)


def _newest(cause: Cause) -> list[tuple[object, object, DeadLetter]]:
    letters = DeadLetter.objects.filter(cause=cause).defer("frames").order_by("-created_at", "-id")
    return [(marks.moment(each.created_at), marks.state(each.status), each) for each in letters[:SHOWN_LETTERS]]


def _named(request: HttpRequest) -> Cause:
    try:
        return Cause.objects.get(pk=uuid.UUID(request.POST.get("id") or request.GET.get("id", "")))
    except (ValueError, Cause.DoesNotExist):
        raise Http404 from None


def _page(cause_id: uuid.UUID) -> str:
    return reverse("admin:dead_letters_cause_change", args=[cause_id])


def _act_url(act: str, cause_id: uuid.UUID) -> str:
    return reverse(f"admin:dead_letters_cause_{act}", query={"id": str(cause_id)})


def _letters_url(cause: Cause, *, status: str | None) -> str:
    query = {"cause__exact": str(cause.pk)} | ({"status__exact": status} if status else {})
    return reverse(LETTERS, query=query)
