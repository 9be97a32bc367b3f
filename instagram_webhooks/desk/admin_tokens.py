"""API tokens in the admin: whose there are, until when, and taking one back."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from knox.admin import AuthTokenAdmin

from audit.log import record
from audit.pages.rows import AnsweredList


class TokenAdmin(AuthTokenAdmin):  # type: ignore[misc]  # knox has no types
    """Tokens are made by `manage.py create_api_token`, which shows each once and keeps it nowhere."""

    list_display = ("user", "token_key", "created", "expiry")
    ordering = ("-created",)
    search_fields = ("token_key__exact", "user__username__exact")
    show_full_result_count = False

    def get_changelist(self, *_: Any, **__: Any) -> type[AnsweredList]:
        return AnsweredList

    def has_add_permission(self, *_: object) -> bool:
        return False

    def has_change_permission(self, *_: object) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Takes one token back, audited."""
        with transaction.atomic():
            record(
                "api_token.revoked",
                subject_id=None,
                actor=request.user.get_username(),
                detail={"user_id": obj.user_id},
            )
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Takes several tokens back, each audited."""
        for token in queryset:
            self.delete_model(request, token)
