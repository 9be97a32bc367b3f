"""The addresses of events in the REST API."""

urlpatterns: list[object] = []
