"""What the API answers where nothing is: a problem, for a program cannot read a page."""

from typing import Any

from django.http import HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import resolve
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class Nowhere(APIView):
    """Any address of the API that is none, whatever the method and whoever asks."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *_: Any, **__: Any) -> None:
        """Comes before the look at the method, so that all are answered alike."""
        if not self._lacks_a_slash():
            raise NotFound("There is no such address; the README lists those of the API.")
        if request.method not in ("GET", "HEAD"):  # over a redirect clients lose the body
            raise NotFound(f"The address ends with a slash: {request.path}/")

    def get(self, request: Request, *_: Any, **__: Any) -> HttpResponseBase:
        """Only reached without the slash at the end."""
        return HttpResponsePermanentRedirect(request._request.get_full_path(force_append_slash=True))

    def _lacks_a_slash(self) -> bool:
        path = self.request.path_info
        return not path.endswith("/") and resolve(f"{path}/").func is not resolve(path).func
