"""Pages of an API list: by cursor, so that a page stays the same while new rows arrive."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest first, `limit` rows a page (50 unless asked for, at most 100)."""

    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100
