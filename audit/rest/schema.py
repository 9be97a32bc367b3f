"""The API described for programs (OpenAPI 3): each operation with its rights, its problems and its idempotency key."""

import inspect
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from audit.rest.bodies import StrictBody
from audit.rest.once import HEADER, LONGEST, REPLAYED
from audit.rest.problems import CODES, MEDIA_TYPE
from audit.rest.views import ActView, ListView

NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
OF_ALL = ("not_authenticated", "authentication_failed", "not_acceptable", "throttled", "unavailable")
OF_LISTS = ("bad_filter", "unknown_parameter", "too_broad")
OF_ACTS = ("bad_body", "parse_error", "reason_required", "bad_idempotency_key", "busy", "idempotency_key_in_use",
           "body_too_large", "unsupported_media_type", "idempotency_key_reused")  # fmt: skip


class ProblemSerializer(serializers.Serializer[None]):
    """What went wrong (RFC 9457). `code` stays the same from version to version; new ones may come."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    correlation_id = serializers.CharField(allow_null=True, help_text="To be told to whoever looks into it.")


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # it registers itself so
    """How one says who one is."""

    target_class = "knox.auth.TokenAuthentication"
    name = "token"
    priority = 1  # before the library's own

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        """Called by the library."""
        made = "`Token ` and what `manage.py create_api_token` printed."
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": made}


class Schema(AutoSchema):
    """What the library cannot know of our views."""

    view: Any

    @property
    def _is_act(self) -> bool:
        return self.method == "POST" and isinstance(self.view, ActView)

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.method == "GET" and isinstance(self.view, ListView)

    def get_operation_id(self) -> str:
        """Named by the act itself; `create` only where something is made."""
        name: str = super().get_operation_id()
        return name.removesuffix("_create") if self._is_act and not isinstance(self.view, ListView) else name

    def get_summary(self) -> str:
        """Of an act that shares its view the view's own; else the first line of the docstring."""
        said = inspect.getdoc(type(self.view)) or ""
        return (self._is_act and self.view.summary) or said.partition("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """The rights that it needs; any token will do where there are none."""
        rights = self._rights
        return f"Needs the right {', '.join(f'`{right}`' for right in rights)}." if rights else "Any token may ask."

    @property
    def _rights(self) -> list[str]:
        return list(self.view.act_rights if self._is_act else self.view.rights)

    def get_request_serializer(self) -> Any:
        """What the body of an act says."""
        return self.view.body_class if self._is_act else None

    def get_response_serializers(self) -> Any:
        """The form of the answer by its status."""
        if not self._is_act:
            return super().get_response_serializers()
        return {self.view.done: self.view.answer_class or self.view.serializer_class}

    def get_override_parameters(self) -> list[Any]:
        """The idempotency key, and the headers of answers; `key` of a trace."""
        if not self._is_act:
            return list(getattr(self.view, "parameters", ()))
        key = {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[ -~]+$"}
        asked = "The same request with the same key is done once, and answered alike for a day."
        told = "Whether the answer is the one that was given before."
        return [
            OpenApiParameter(HEADER, key, OpenApiParameter.HEADER, description=asked),
            OpenApiParameter(REPLAYED, {"type": "string", "enum": ["true"]}, OpenApiParameter.HEADER,
                             response=[self.view.done], description=told),
        ]  # fmt: skip

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        """The answers, and the problems that there may be."""
        problem = self.resolve_serializer(ProblemSerializer, "response").ref
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        codes = self._codes()
        for status in sorted({CODES[code] for code in codes}):
            said = " or ".join(f"`{code}`" for code in codes if CODES[code] == status)
            bodies[str(status)] = {"description": said, "content": {MEDIA_TYPE: {"schema": problem}}}
        wait = {"description": "In so many seconds.", "required": True, "schema": {"type": "integer", "minimum": 1}}
        bodies["429"]["headers"] = {"Retry-After": wait}
        return bodies

    def _codes(self) -> list[str]:
        """Of the problems that this operation may answer."""
        found = [*OF_ALL, *(OF_ACTS if self._is_act else ())]
        found += OF_LISTS if self._is_list_view() else self.view.codes
        found += ["permission_denied"] if self._rights else []
        return found + (["not_found"] if "{" in self.path else [])

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """Of bodies: a text is not blank, and a strict one takes no other fields."""
        mapped: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, StrictBody):
            mapped |= {"additionalProperties": False, "minProperties": serializer.least}
            texts = [name for name, field in serializer.fields.items() if isinstance(field, serializers.CharField)]
            for name in texts:
                mapped["properties"][name] |= {"minLength": 1, "pattern": NOT_BLANK}
        return mapped
