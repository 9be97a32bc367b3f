"""Replays of many: what would go, why not all, and how far it has come."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from audit.ids import uuid7
from audit.pages import marks
from audit.pages.links import audit_of
from audit.pages.lists import PROVIDERS, ReadOnlyAdmin
from audit.pages.rows import TimedList
from dead_letters import batches
from dead_letters.batch_forms import NewForm, RateForm
from dead_letters.batches import ACT_RIGHTS, SAYS
from dead_letters.models import BatchState, Cause, ItemOutcome, ReplayBatch, ReplayItem, Status

SHOWN_ITEMS = 50
_OF_A_LIST = {"cause__exact": "cause", "account_label__exact": "account", "provider": "provider",
              "kind__exact": "kind", "code__exact": "code"}  # fmt: skip
_OFFERED = {BatchState.RUNNING: ("pause", "stop"), BatchState.PAUSED: ("resume", "stop")}


class BatchAdmin(ReadOnlyAdmin):
    """The newest first."""

    change_form_template = "dead_letters/batch.html"
    list_display = ("name", "standing", "come", "rate", "actor", "started")
    list_filter = ("state",)
    nothing_says = "Nothing was replayed in bulk yet. The page of a cause offers it."
    ordering = ("-id",)
    pages_by_key = True
    sortable_by = ()
    search_help_text = "The id of a replay, exactly."

    def exactly(self, term: str) -> models.Q | None:
        try:
            return models.Q(pk=uuid.UUID(term))
        except ValueError:
            return None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("new/", view(self.new), name="dead_letters_replaybatch_new"),
            path("<uuid:batch_id>/say/", view(require_POST(self.say)), name="dead_letters_replaybatch_say"),
        ]
        return [*own, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """What there is to say; lines about nothing are left out."""
        if not isinstance(obj, ReplayBatch):
            return super().get_fieldsets(request, obj)
        stands = ["standing", *(["why"] if obj.why else []), "started", *(["ended"] if obj.ended_at else [])]
        return [(None, {"fields": [*stands, "actor", "reason", "rate", "stop_percent"]})]

    # --- a new one ---------------------------------------------------------------------------------

    def new(self, request: HttpRequest) -> HttpResponse:
        """GET shows what would go, POST freezes it and begins."""
        _raise_unless_allowed(request)
        if set(request.GET) - set(batches.FILTERS):
            raise Http404  # a name that is none would widen the choice
        filters = {name: value for name in batches.FILTERS if (value := request.GET.get(name))}
        if (begun := _begun(request)) is not None:
            return HttpResponseRedirect(_page(begun))
        try:
            if "cause" in filters:
                filters["cause"] = str(uuid.UUID(filters["cause"]))  # as a running one of it is found by
            until = _until(request)
            seen = batches.preview(filters, until=until)
        except (batches.EmptyFilter, batches.TooMany) as exc:
            self.message_user(request, f"Nothing was changed. {exc}", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:dead_letters_deadletter_changelist"))
        except (ValueError, ValidationError) as exc:
            raise Http404 from exc
        given = request.POST if request.method == "POST" else None
        cause = Cause.objects.filter(pk=filters["cause"]).first() if "cause" in filters else None
        proposed = {"batch": uuid7(), "until": until.isoformat(), "name": _name(filters, cause)}
        form = NewForm(given, count=seen.count, initial=proposed)
        if given is None or not form.is_valid() or not seen.count:
            return self._ask(request, filters, cause, seen, form)
        facts = {name: form.cleaned_data[name] for name in ("name", "reason", "rate", "stop_percent")}
        actor = request.user.get_username()
        try:
            batch = batches.freeze(form.cleaned_data["batch"], filters, until=until, actor=actor, **facts)
        except batches.NothingToReplay as exc:
            self.message_user(request, f"Nothing was changed. {exc}", messages.ERROR)
            return HttpResponseRedirect(new_url(filters))
        letters = "1 dead letter goes" if batch.total == 1 else f"{batch.total:,} dead letters go"
        self.message_user(request, f"{letters} back to work.", messages.SUCCESS)
        return HttpResponseRedirect(_page(batch.pk))

    def _ask(
        self,
        request: HttpRequest,
        filters: Mapping[str, str],
        cause: Cause | None,
        seen: batches.Preview,
        form: NewForm,
    ) -> TemplateResponse:
        letters = "1 dead letter" if seen.count == 1 else f"{seen.count:,} dead letters"
        may_see = cause is not None and request.user.has_perm("dead_letters.view_cause")
        came_from = reverse("admin:dead_letters_cause_change", args=[cause.pk]) if cause and may_see else ""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Replay {letters}",
            "submit": f"Replay {letters}",
            "opts": self.opts,
            "act_url": new_url(filters),
            "back_url": came_from or reverse("admin:dead_letters_deadletter_changelist"),
            "back_to": str(cause) if came_from else "Dead letters",
            "form": form,
            "media": self.media + form.media,
            "seen": seen,
            "running": batches.running(filters),
            "oldest": marks.moment(seen.oldest_at),
            "narrowed": dict(filters) | ({"cause": cause} if cause else {}),
        }
        return TemplateResponse(request, "dead_letters/batch_new.html", context)

    # --- one that is there -------------------------------------------------------------------------

    def beside(self, request: HttpRequest, batch: ReplayBatch) -> dict[str, object]:
        """How far it has come, and what can be said to it."""
        come = batches.progress(batch)
        skipped = ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.SKIPPED).order_by("place")
        may_act = request.user.has_perms(ACT_RIGHTS)
        offered = _OFFERED.get(BatchState(batch.state), ()) if may_act else ()
        return {
            "title": f"Replay: {batch.name}",
            "subtitle": None,
            "come": come,
            "ended": batch.total - come.waiting - come.at_work,
            "is_live": batch.ended_at is None or come.at_work,
            "may_see": request.user.has_perm("dead_letters.view_deadletter"),
            "left_url": new_url(batch.chosen) if may_act and batch.ended_at and come.waiting else "",
            "offered": [(act, act.capitalize()) for act in offered],
            "rate_form": RateForm(initial={"rate": batch.rate}) if offered else None,
            "say_url": reverse("admin:dead_letters_replaybatch_say", args=[batch.pk]),
            "failed": batches.failed_by_cause(batch) if come.failed else [],
            "may_see_causes": request.user.has_perm("dead_letters.view_cause"),
            "left": [(item.letter_id, item.why) for item in skipped[:SHOWN_ITEMS]],
            "audit_url": audit_of(request, batch.pk),
        }

    def say(self, request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
        """Pauses, resumes, stops, or changes the rate."""
        _raise_unless_allowed(request)
        actor, act = request.user.get_username(), request.POST.get("act", "")
        form = RateForm(request.POST)
        try:
            return self._said(request, batch_id, act, form, actor)
        except OperationalError:
            self.message_user(request, "Nothing was changed: a worker has it just now. Try again.", messages.ERROR)
            return HttpResponseRedirect(_page(batch_id))

    def _said(self, request: HttpRequest, batch_id: uuid.UUID, act: str, form: RateForm, actor: str) -> HttpResponse:
        if act in SAYS:
            is_done = batches.change(batch_id, SAYS[act], actor=actor)
        elif act == "rate" and form.is_valid():
            is_done = batches.change_rate(batch_id, form.cleaned_data["rate"], actor=actor)
        else:
            least, most = batches.RATES
            said = f"Nothing was changed: the rate is a number from {least} to {most}."
            self.message_user(request, said, messages.ERROR)
            return HttpResponseRedirect(_page(batch_id))
        said = "It is done." if is_done else "Nothing was changed: it has ended, or stands so already."
        self.message_user(request, said, messages.SUCCESS if is_done else messages.ERROR)
        return HttpResponseRedirect(_page(batch_id))

    # --- columns -----------------------------------------------------------------------------------

    @admin.display(description="state")
    def standing(self, batch: ReplayBatch) -> SafeString:
        return marks.state(batch.state)

    def add_to_rows(self, rows: Sequence[ReplayBatch], _request: HttpRequest) -> None:
        """Gives each row how many of it have not ended; one query a page."""
        left = batches.left([row.pk for row in rows])
        for row in rows:
            row.left = left.get(row.pk, 0)  # type: ignore[attr-defined]

    @admin.display(description="have ended")
    def come(self, batch: ReplayBatch) -> str:
        left: int = batch.left  # type: ignore[attr-defined]
        return f"{batch.total - left:,} of {batch.total:,}"

    @admin.display(description="started")
    def started(self, batch: ReplayBatch) -> SafeString | str:
        return marks.moment(batch.created_at)

    @admin.display(description="ended")
    def ended(self, batch: ReplayBatch) -> SafeString | str:
        return marks.moment(batch.ended_at)


def new_url(filters: Mapping[str, str]) -> str:
    """The page that shows what a replay of all that match would do."""
    return reverse("admin:dead_letters_replaybatch_new", query=dict(filters))


def _name(filters: Mapping[str, str], cause: Cause | None) -> str:
    """What to call a replay of these, until somebody finds better words."""
    what = str(cause) if cause else ", ".join(filters.values())
    return f"{what[:80]}, {datetime.now(UTC):%d %b %H:%M}"


def url_of_all(listed: TimedList) -> str:
    """The same for all that a list of dead letters shows; "" where it is narrowed otherwise, or not at all."""
    given = {name: str(values[-1]) for name, values in listed.filter_params.items()}
    if given.pop("status__exact", Status.OPEN) != Status.OPEN or not given:
        return ""
    is_known = given.keys() <= _OF_A_LIST.keys() and given.get("provider", PROVIDERS[0]) in PROVIDERS
    return new_url({_OF_A_LIST[name]: value for name, value in given.items()}) if is_known else ""


def _raise_unless_allowed(request: HttpRequest) -> None:
    if not request.user.has_perms(ACT_RIGHTS):
        raise PermissionDenied


def _until(request: HttpRequest) -> datetime:
    """What had died by then was seen by whoever asks; what dies after that is another choice."""
    given = request.POST.get("until")
    return datetime.fromisoformat(given) if given else datetime.now(UTC)


def _begun(request: HttpRequest) -> uuid.UUID | None:
    """The batch that the first of two clicks made."""
    try:
        asked = uuid.UUID(request.POST.get("batch", ""))
    except ValueError:
        return None
    return asked if ReplayBatch.objects.filter(pk=asked).exists() else None


def _page(batch_id: uuid.UUID) -> str:
    return reverse("admin:dead_letters_replaybatch_change", args=[batch_id])
