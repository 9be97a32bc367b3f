"""What the views of the REST API stand on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, Q
from rest_framework import generics
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.rest.filters import Filter, Narrowing
from audit.rest.pages import Pages

Row = TypeVar("Row", bound=Model)


class HoldsRights(BasePermission):
    """Who asks holds the rights that the view names; the refusal names those that are missing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = view.rights if request.method in SAFE_METHODS else view.act_rights
        missing = [right for right in needed if not request.user.has_perm(right)]
        self.message = f"You lack the right {', '.join(missing)}."
        return not missing


class ApiView(APIView):
    """Whoever has a token may ask, where no rights are named. rights: to look; act_rights: to act."""

    rights: ClassVar[Sequence[str]] = ()
    act_rights: ClassVar[Sequence[str]] = ()
    permission_classes = (IsAuthenticated, HoldsRights)


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
        shown: Sequence[Any] = self.get_serializer(rows, many=True).data
        return shown

    def list(self, *_: Any, **__: Any) -> Response:
        """Called by the framework."""
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.told(list(rows or ())))
