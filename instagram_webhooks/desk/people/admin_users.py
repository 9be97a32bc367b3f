"""Users in the admin: what they may do by their roles, and how to help who cannot get in."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from axes.utils import reset
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.http import HttpRequest

from audit.facts import IDENTIFIER
from audit.log import record
from audit.pages.rows import AnsweredList
from instagram_webhooks.desk.people import second_factor

if TYPE_CHECKING:
    _Admin = DjangoUserAdmin[User]
else:
    _Admin = DjangoUserAdmin

FOR_SUPERUSERS = ("is_superuser", "user_permissions")


class UserAdmin(_Admin):
    """Whoever keeps users gives them roles. Rights beside the roles, and superusers, are for superusers to change."""

    actions = ("let_in", "forget_second_factor")
    list_display = ("username", "roles", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, *_: Any, **__: Any) -> type[AnsweredList]:
        return AnsweredList

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[User]":
        return super().get_queryset(request).prefetch_related("groups")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whoever is no superuser gives the rights that roles hold, and no other."""
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *FOR_SUPERUSERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    @admin.display(description="roles")
    def roles(self, user: User) -> str:
        names = [group.name for group in user.groups.all()]
        return ", ".join(["superuser", *names] if user.is_superuser else names) or "none"

    # --- what is done to them ----------------------------------------------------------------------

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """After the roles were set: what changed, by the names of its fields."""
        super().save_related(request, form, formsets, change)
        roles = sorted(_fact(group) for group in form.instance.groups.all())
        about = {"fields": sorted(form.changed_data), "roles": roles} if change else {"roles": roles}
        _record(request, "changed" if change else "added", form.instance, about)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            _record(request, "deleted", obj, {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> None:
        for user in queryset:
            self.delete_model(request, user)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        """Django's page, audited where it changed one."""
        user = self.get_object(request, id)
        before = user.password if user else ""
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            if user and User.objects.filter(pk=user.pk).exclude(password=before).exists():
                _record(request, "password_changed", user, {})
        return answer

    @admin.action(description="Let in again after too many wrong log-ins", permissions=["change"])
    def let_in(self, request: HttpRequest, queryset: "models.QuerySet[User]") -> None:
        chosen = [user for user in queryset if _may_touch(request, user)]
        with transaction.atomic():
            for user in chosen:
                reset(username=user.get_username())
                _record(request, "let_in", user, {})
        self.message_user(request, f"{_many(chosen)} can log in again.", messages.SUCCESS)

    @admin.action(description="Take the second factor away: they enrol anew", permissions=["change"])
    def forget_second_factor(self, request: HttpRequest, queryset: "models.QuerySet[User]") -> None:
        chosen = [user for user in queryset if _may_touch(request, user)]
        with transaction.atomic():
            for user in chosen:
                _record(request, "second_factor_forgotten", user, {"count": second_factor.forget(user)})
        self.message_user(request, f"{_many(chosen)} enrol anew at the next log-in.", messages.SUCCESS)


class RoleAdmin(GroupAdmin):
    """What a role may do, changed by superusers and audited: it is given to everybody who has it."""

    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, *_: Any, **__: Any) -> type[AnsweredList]:
        return AnsweredList

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        rights = sorted(form.instance.permissions.values_list("codename", flat=True))
        _record_role(request, "changed" if change else "added", form.instance, {"rights": rights})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            _record_role(request, "deleted", obj, {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> None:
        for role in queryset:
            self.delete_model(request, role)


def _record_role(request: HttpRequest, what: str, role: Group, about: Mapping[str, object]) -> None:
    detail = {"role": _fact(role), "group_id": role.pk, **about}
    record(f"role.{what}", subject_id=None, actor=request.user.get_username(), detail=detail)


def _may_touch(request: HttpRequest, user: Any) -> bool:
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


def _record(request: HttpRequest, what: str, user: User, about: Mapping[str, object]) -> None:
    record(f"person.{what}", subject_id=None, actor=request.user.get_username(), detail={"user_id": user.pk, **about})


def _fact(group: Group) -> str:
    """A role by its name, where that may be written down."""
    return group.name if IDENTIFIER.fullmatch(group.name) else f"group_{group.pk}"


def _many(users: list[User]) -> str:
    return "1 user" if len(users) == 1 else f"{len(users)} users"
