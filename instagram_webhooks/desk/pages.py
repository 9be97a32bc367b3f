"""
Pages of the list of events, newest first.

A cursor names one row by (received_at, event_id). All events of one POST, and of POSTs that were
stored together, share one received_at, so a place counted within a time would not do.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from dead_letters.filters import BadFilter
from instagram_webhooks.models import WebhookEvent

USUAL, MOST = 50, 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rows beyond one row: older ones, or newer ones where `is_back`."""

    received_at: datetime
    event_id: UUID
    is_back: bool = False

    @classmethod
    def beside(cls, row: WebhookEvent, *, is_back: bool) -> Self:
        return cls(row.received_at, row.event_id, is_back)

    @classmethod
    def read(cls, text: str) -> Self:
        """The cursor of a link; raises BadFilter for anything else."""
        try:
            way, time, event_id = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").split("|")
            received_at = datetime.fromisoformat(time)
            if way in ("older", "newer") and received_at.tzinfo is not None:
                return cls(received_at, UUID(event_id), way == "newer")
        except (ValueError, binascii.Error):
            pass
        raise BadFilter("cursor is one that a list gave in next or previous.")

    def written(self) -> str:
        """The cursor as it stands in a link."""
        way = "newer" if self.is_back else "older"
        plain = f"{way}|{self.received_at.isoformat()}|{self.event_id}"
        return base64.urlsafe_b64encode(plain.encode("ascii")).decode("ascii")

    def beyond(self) -> Q:
        """The first half bounds the walk along the index, the second settles equal times."""
        if self.is_back:
            tie = Q(received_at__gt=self.received_at) | Q(event_id__gt=self.event_id)
            return Q(received_at__gte=self.received_at) & tie
        tie = Q(received_at__lt=self.received_at) | Q(event_id__lt=self.event_id)
        return Q(received_at__lte=self.received_at) & tie


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows newest first, and the links to what lies beyond them."""

    rows: list[WebhookEvent]
    next: str | None
    previous: str | None


def page_of(events: QuerySet[WebhookEvent], request: Request) -> Page:
    """The page that a request asks for; raises BadFilter for a limit or a cursor that is none."""
    limit = _limit(request.query_params)
    text = request.query_params.get("cursor")
    cursor = Cursor.read(text) if text else None
    is_back = cursor is not None and cursor.is_back
    if cursor is not None:
        events = events.filter(cursor.beyond())
    order = ("received_at", "event_id") if is_back else ("-received_at", "-event_id")
    rows = list(events.order_by(*order)[: limit + 1])
    has_more, rows = len(rows) > limit, rows[:limit]
    if is_back:
        rows.reverse()
    came_from = cursor is not None and bool(rows)  # a link led here, so there was a row on that side
    return Page(
        rows=rows,
        next=_link(request, rows[-1], is_back=False) if (came_from if is_back else has_more) else None,
        previous=_link(request, rows[0], is_back=True) if (has_more if is_back else came_from) else None,
    )


def _limit(query: Mapping[str, str]) -> int:
    """How many rows; more than the most are cut to it."""
    text = query.get("limit", str(USUAL))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1):
        raise BadFilter(f"limit is a number from 1 to {MOST}.")
    return min(int(text), MOST)


def _link(request: Request, row: WebhookEvent, *, is_back: bool) -> str:
    address = remove_query_param(request.build_absolute_uri(), "cursor")
    return str(replace_query_param(address, "cursor", Cursor.beside(row, is_back=is_back).written()))
