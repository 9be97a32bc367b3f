"""What the API answers where nothing is, or where a view fails: a problem, for a program cannot read a page."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect, JsonResponse
from django.urls import resolve
from django.views import defaults
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.rest.problems import MEDIA_TYPE, document


class Nowhere(APIView):
    """Any address of the API that is none, whatever the method and whoever asks."""

    authentication_classes = ()
    permission_classes = ()
    schema = None  # it is no address

    def initial(self, request: Request, *_: Any, **__: Any) -> None:
        """Comes before the look at the method, so that all are answered alike."""
        if not self._lacks_a_slash():
            raise NotFound("There is no such address; /api/v1/docs/ lists those of the API.")
        if request.method not in ("GET", "HEAD"):  # over a redirect clients lose the body
            raise NotFound(f"The address ends with a slash: {request.path}/")

    def get(self, request: Request, *_: Any, **__: Any) -> HttpResponseBase:
        """Only reached without the slash at the end."""
        return HttpResponsePermanentRedirect(request._request.get_full_path(force_append_slash=True))

    def _lacks_a_slash(self) -> bool:
        path = self.request.path_info
        return not path.endswith("/") and resolve(f"{path}/").func is not resolve(path).func


def failed(request: HttpRequest) -> HttpResponseBase:
    """The answer to a request under which a view failed; Django has logged why."""
    if not request.path_info.startswith("/api/"):
        return defaults.server_error(request)
    said = "This is a fault of the service. Its log says more under this correlation_id."
    body = document(500, code="error", title="The service failed.", detail=said)
    return JsonResponse(body, status=500, content_type=MEDIA_TYPE)
