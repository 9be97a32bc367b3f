"""What the views of the REST API stand on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, Q
from rest_framework import exceptions, generics, status
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.views import APIView

from audit.rest.bodies import ReasonBody
from audit.rest.filters import Filter, Narrowing
from audit.rest.once import once
from audit.rest.pages import Pages
from audit.rest.problems import BadBody, ReasonRequired
from audit.rest.throttle import PerUser

Row = TypeVar("Row", bound=Model)


class HoldsRights(BasePermission):
    """Who asks holds the rights that the view names; the refusal names those that are missing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = view.rights if request.method in SAFE_METHODS else view.act_rights
        missing = [right for right in needed if not request.user.has_perm(right)]
        self.message = f"You lack the right {', '.join(missing)}."
        return not missing


class ApiView(APIView):
    """Whoever has a token may ask, where no rights are named. rights: to look; act_rights: to act.

    summary, codes: for the description of the API: what an act does, where the docstring says it of several, and
        what its problems may say beside those that all have.
    """

    summary: ClassVar[str] = ""
    codes: ClassVar[Sequence[str]] = ()
    rights: ClassVar[Sequence[str]] = ()
    act_rights: ClassVar[Sequence[str]] = ()
    permission_classes = (IsAuthenticated, HoldsRights)
    throttle_classes = (PerUser,)

    def perform_authentication(self, request: Request) -> None:
        """Called by the framework. Who asks too often is told that first, so guesses at a token are counted too."""
        try:
            super().perform_authentication(request)
        finally:
            super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Called by the framework, after the rights: it is done."""


class ListView(ApiView, generics.ListAPIView[Row]):
    """Rows in pages. order: as order_by has it, the last column unique. time: what `since` and `until` are about."""

    order: ClassVar[tuple[str, ...]]
    filters: ClassVar[Sequence[Filter]] = ()
    time: ClassVar[str] = ""
    filter_backends = (Narrowing,)
    pagination_class = Pages

    def get_order(self) -> tuple[str, ...]:
        """The order of what this request asks for."""
        return self.order

    def between(self, since: datetime | None, until: datetime | None) -> Q:
        """The rows of a span of time; either end may be open."""
        return (Q(**{f"{self.time}__gte": since}) if since else Q()) & (
            Q(**{f"{self.time}__lt": until}) if until else Q()
        )

    def told(self, rows: list[Row]) -> Sequence[Any]:
        """The rows of a page as they are answered."""
        return list(self.get_serializer(rows, many=True).data)

    def list(self, *_: Any, **__: Any) -> Response:
        """Called by the framework."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.told(list(rows or ())))


class ActView(ApiView, generics.GenericAPIView[Row]):
    """An act by POST, done once for an Idempotency-Key.

    body_class: what the body says. answer_class: the form of the answer. done: its status.
    """

    body_class: ClassVar[type[Serializer[Any]]] = ReasonBody
    answer_class: ClassVar[type[BaseSerializer[Any]] | None] = None
    done: ClassVar[int] = status.HTTP_200_OK

    def post(self, request: Request, **_: object) -> Response:
        """Called by the framework."""
        len(request.body)  # read before anything is parsed: it may not be longer than Django allows
        return once(request, lambda: Response(self.answer(request), status=self.done))

    def answer(self, request: Request) -> Any:
        """Acts, and gives what is answered; raises a problem where nothing is to be changed."""
        raise NotImplementedError

    def said(self, request: Request) -> dict[str, Any]:
        """What the body says; raises ReasonRequired where only the reason is at fault, else BadBody."""
        try:
            body = self.body_class(data=request.data)
        except RecursionError:  # of its parser
            raise exceptions.ParseError("The body is nested too deeply.") from None
        if not body.is_valid():
            is_reason = set(body.errors) == {"reason"} and "reason" in body.fields
            raise ReasonRequired if is_reason else BadBody(dict(body.errors))
        said: dict[str, Any] = body.validated_data
        return said
