"""Dead letters as ops work with them: a list, one letter, and acts that ask for a reason."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.facts import IDENTIFIER
from audit.pages import marks, runbook
from audit.pages.asks import ReasonForm, asked_ids, chosen_rows
from audit.pages.links import audit_of
from audit.pages.lists import ProviderFilter, ReadOnlyAdmin
from dead_letters import review, telling
from dead_letters.batch_admin import BatchAdmin, url_of_all
from dead_letters.batches import ACT_RIGHTS
from dead_letters.cause_admin import CauseAdmin
from dead_letters.models import Cause, DeadLetter, ReplayBatch, Status, upstream
from dead_letters.outcomes import Outcome, Result

AT_ONCE = 500
_ALLOWED_FOR = {
    "replay": (Status.OPEN,),
    "resolve": (Status.OPEN,),
    "discard": (Status.OPEN,),
    "reopen": (Status.RESOLVED, Status.DISCARDED),
    "arrived": (Status.OPEN,),
    "send_again": (Status.OPEN,),
}
_PAST = {"replay": "replayed", "resolve": "resolved", "discard": "discarded", "reopen": "reopened",
         "arrived": "closed as arrived", "send_again": "on the way again"}  # fmt: skip
# What a person decides names no letter: it is said of the reply.
_TITLES = {"arrived": "It arrived", "send_again": "Send again"}
_MEANS = {
    "replay": "Its event goes back to work now. If it fails again, that makes a new dead letter.",
    "resolve": "It is closed because the trouble was put right by other means. Its event stays dead.",
    "discard": "It is closed because nothing will be done. Its event stays dead.",
    "reopen": "It is open again and can be replayed.",
    "arrived": "You have seen the reply in Meta's app: it counts as sent, and nothing is sent again.",
    "send_again": "You have seen in Meta's app that the reply is not there: it is sent without being looked up. "
    "If it is there after all, the customer gets it twice. When in doubt, replay: that looks it up first.",
}
_MEANS_OF_SEVERAL = _MEANS | {
    "replay": "Their events go back to work now. What fails again makes a new dead letter.",
    "resolve": "They are closed because the trouble was put right by other means. Their events stay dead.",
    "discard": "They are closed because nothing will be done. Their events stay dead.",
    "reopen": "They are open again and can be replayed.",
}


admin.site.register(Cause, CauseAdmin)
admin.site.register(ReplayBatch, BatchAdmin)


def _action(act: str) -> Callable[..., HttpResponse | None]:
    @admin.action(description=f"{act.capitalize()} selected dead letters…", permissions=["act"])
    def chosen(
        page: "DeadLetterAdmin", request: HttpRequest, queryset: models.QuerySet[DeadLetter]
    ) -> HttpResponse | None:
        ids = chosen_rows(page, request, queryset, most=AT_ONCE)
        return page.ask(request, act, ids, ReasonForm()) if ids else None

    chosen.__name__ = f"{act}_chosen"
    return chosen


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    # A decision is made about one letter, by someone who looked at its conversation.
    actions = tuple(_action(act) for act in review.ACTS if act not in review.DECISIONS)
    change_form_template = "dead_letters/letter.html"
    change_list_template = "dead_letters/letters.html"
    date_hierarchy = None
    list_display = ("died", "standing", "why", "whose", "attempts")
    list_filter = ("status", ProviderFilter, "created_at")
    nothing_says = "No dead letters: nothing has failed for good."
    ordering = ("-created_at", "-id")
    pages_by_key = True
    sortable_by = ()
    search_help_text = (
        "The id of a dead letter or event, the correlation id of an event or of a request, or an error code."
    )

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """What there is to say; lines about nothing are left out."""
        if not isinstance(obj, DeadLetter):
            return super().get_fieldsets(request, obj)
        stands = ["standing", *(["closed", "close_reason"] if obj.closed_at else []), "attempts", "replays", "died"]
        is_about = ["summary", "failure", "error_class", *(["where"] if obj.frames else [])]
        is_about += ["its_cause"] if request.user.has_perm("dead_letters.view_cause") else []
        ids = ["letter_id", "event_id", "correlation", "account_label", "provider", "kind"]
        parts = {"How it stands": stands, "What failed": is_about, "Whose it is": ids}
        return [(title, {"fields": fields}) for title, fields in parts.items()]

    def exactly(self, term: str) -> models.Q | None:
        """Letters of an id, of a correlation id or of what begins with `<request>.`, or of a code."""
        if not IDENTIFIER.fullmatch(term):
            return None
        meant = models.Q(correlation_id=term) | models.Q(correlation_id__startswith=f"{term}.")
        with suppress(ValueError):
            as_id = uuid.UUID(term)
            return meant | models.Q(pk=as_id) | models.Q(subject_id=as_id)
        return meant | models.Q(code=term)

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("dead_letters.act_on_deadletter")

    # --- acts ------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        page = super().changelist_view(request, extra_context)
        if isinstance(page, TemplateResponse) and page.context_data and request.user.has_perms(ACT_RIGHTS):
            listed = page.context_data.get("cl")
            page.context_data["replay_url"] = url_of_all(listed) if listed else ""
        return page

    def get_urls(self) -> list[URLPattern]:
        acts = [
            path(
                f"act/{act}/",
                self.admin_site.admin_view(self.act),
                {"act": act},
                name=f"dead_letters_deadletter_{act}",
            )
            for act in review.ACTS
        ]
        return [*acts, *super().get_urls()]

    def beside(self, request: HttpRequest, letter: DeadLetter) -> dict[str, object]:
        """A button for each act that it and the user allow, what its subject tells, and while open what to do."""
        acts = []
        if self.has_act_permission(request):
            is_in_doubt = review.outlooks([letter])[letter.pk].is_in_doubt
            acts = [act for act, allowed in _ALLOWED_FOR.items()
                    if letter.status in allowed and (is_in_doubt or act not in review.DECISIONS)]  # fmt: skip
        return {
            "title": "One dead letter",
            "subtitle": None,
            "acts": [
                (_title(act), reverse(f"admin:dead_letters_deadletter_{act}", query={"id": letter.pk})) for act in acts
            ],
            "told": telling.told(letter, request.user.has_perm),
            "runbook": runbook.entry_of(letter.code) if letter.status == Status.OPEN else None,
            "audit_url": audit_of(request, letter.subject_id),
        }

    def act(self, request: HttpRequest, act: str) -> HttpResponse:
        """GET asks for the reason, POST does it and reports on each letter."""
        if not self.has_act_permission(request):
            raise PermissionDenied
        ids = asked_ids(request, most=AT_ONCE)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self.ask(request, act, ids, form)
        outcomes = review.ACTS[act](ids, reason=form.cleaned_data["reason"], actor=request.user.get_username())
        self._report(request, act, outcomes)
        if len(ids) == 1 and outcomes[0].result is not Result.UNKNOWN:
            return HttpResponseRedirect(reverse("admin:dead_letters_deadletter_change", args=ids))
        return HttpResponseRedirect(reverse("admin:dead_letters_deadletter_changelist"))

    def ask(self, request: HttpRequest, act: str, ids: Sequence[uuid.UUID], form: ReasonForm) -> TemplateResponse:
        """The page between choosing and doing: what will happen to which letters, and why?"""
        letters = list(DeadLetter.objects.filter(pk__in=ids).defer("frames").order_by("created_at"))
        # What a replay would not repeat; the other acts send nothing.
        outlooks = review.outlooks(letters) if act == "replay" else {}
        mark = ":" if act in _TITLES else ""
        title = f"{_title(act)}{mark} {len(ids)} dead letter{'' if len(ids) == 1 else 's'}"
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "submit": title,
            "opts": self.opts,
            "act_url": reverse(f"admin:dead_letters_deadletter_{act}"),
            "back_url": reverse("admin:dead_letters_deadletter_changelist"),
            "back_to": "Dead letters",
            "form": form,
            "media": self.media + form.media,
            "letters": [
                (letter, upstream(letter), outlooks[letter.pk].on_replay if outlooks else "") for letter in letters
            ],
            "means": (_MEANS if len(ids) == 1 else _MEANS_OF_SEVERAL)[act],
        }
        return TemplateResponse(request, "dead_letters/act.html", context)

    def _report(self, request: HttpRequest, act: str, outcomes: Iterable[Outcome]) -> None:
        left = Counter(outcome.why for outcome in outcomes if not outcome.is_done)
        done = sum(outcome.is_done for outcome in outcomes)
        parts = [f"{done} {_PAST[act]}", *(f"{count} skipped: {why}" for why, count in left.items())]
        level = messages.SUCCESS if not left else messages.WARNING if done else messages.ERROR
        self.message_user(request, ", ".join(parts) + ".", level)

    # --- columns and fields ------------------------------------------------------------------------

    @admin.display(description="died")
    def died(self, letter: DeadLetter) -> SafeString | str:
        return marks.moment(letter.created_at)

    @admin.display(description="status")
    def standing(self, letter: DeadLetter) -> SafeString:
        return marks.state(letter.status)

    @admin.display(description="closed")
    def closed(self, letter: DeadLetter) -> SafeString:
        return format_html("{}, {}", letter.closed_by, marks.moment(letter.closed_at))

    @admin.display(description="what failed")
    def why(self, letter: DeadLetter) -> SafeString:
        return marks.under(letter.summary, self.failure(letter))

    @admin.display(description="failure")
    def failure(self, letter: DeadLetter) -> SafeString:
        """The code, linked to all of the same code, and the upstream's numbers."""
        numbers = upstream(letter)
        address = reverse("admin:dead_letters_deadletter_changelist", query={"code__exact": letter.code})
        return format_html("{}{}", marks.link(address, letter.code), f" ({numbers})" if numbers else "")

    @admin.display(description="account, kind")
    def whose(self, letter: DeadLetter) -> SafeString:
        kind = f"{letter.kind.replace('_', ' ')}, {letter.provider}"
        return marks.under(marks.short_id(letter.account_label), kind)

    @admin.display(description="where it failed")
    def where(self, letter: DeadLetter) -> str:
        return "\n".join(letter.frames or []) or marks.NOTHING

    @admin.display(description="cause")
    def its_cause(self, letter: DeadLetter) -> SafeString:
        """Its page; all that died of the same."""
        return marks.link(
            reverse("admin:dead_letters_cause_change", args=[letter.cause_id]), "all that died of the same"
        )

    @admin.display(description="dead letter id")
    def letter_id(self, letter: DeadLetter) -> SafeString | str:
        return marks.whole_id(letter.pk)

    @admin.display(description="event id")
    def event_id(self, letter: DeadLetter) -> SafeString | str:
        return marks.whole_id(letter.subject_id)

    @admin.display(description="correlation id")
    def correlation(self, letter: DeadLetter) -> SafeString | str:
        return marks.whole_id(letter.correlation_id)


def _title(act: str) -> str:
    return _TITLES.get(act, act.capitalize())
