"""The description of the API, for programs and for people. Whoever has no token may read it: it tells of no row."""

from django.views.generic import TemplateView
from drf_spectacular.views import SpectacularJSONAPIView

from audit.rest.throttle import PerUser


class Description(SpectacularJSONAPIView):
    """OpenAPI 3, as JSON."""

    authentication_classes = ()
    throttle_classes = (PerUser,)
    schema = None  # of itself it says nothing


class Reading(TemplateView):
    """The same as a page; all that it loads is served from here."""

    template_name = "webhooks_project/api.html"
