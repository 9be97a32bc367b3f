"""Whoever asks the API in a test."""

from django.contrib.auth.models import Permission, User
from knox.models import AuthToken
from rest_framework.test import APIClient


def asking(*rights, name="anna"):
    """A client with a token of somebody who holds these rights, as `app.codename`."""
    user, _ = User.objects.get_or_create(username=name)
    for right in rights:
        app, codename = right.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    _, token = AuthToken.objects.create(user)
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def get(client, path, **query):
    return client.get(f"/api/v1/{path}", query, secure=True)


def post(client, path, body=None, *, key=None):
    more = {"HTTP_IDEMPOTENCY_KEY": key} if key is not None else {}
    return client.post(f"/api/v1/{path}", body or {}, format="json", secure=True, **more)


def problem(answer):
    """Status and code of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    return answer.status_code, answer.json()["code"]
