"""API tokens in the admin: shown by whose they are, taken back, never made there."""

import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken

from audit.models import AuditEntry

pytestmark = pytest.mark.usefixtures("own_database")
TOKENS = "/admin/knox/authtoken/"


def test_a_token_is_taken_back_and_the_act_is_audited(admin_client):
    user = User.objects.create_user("anna")
    row, token = AuthToken.objects.create(user=user)

    listed = admin_client.get(TOKENS, secure=True).content.decode()
    admin_client.post(f"{TOKENS}{row.pk}/delete/", {"post": "yes"}, secure=True)

    assert token not in listed
    assert not AuthToken.objects.exists()
    entry = AuditEntry.objects.get(action="api_token.revoked")
    assert (entry.actor, entry.detail) == ("admin", {"user_id": user.pk})


def test_tokens_are_not_made_in_the_admin(admin_client):
    assert admin_client.get(f"{TOKENS}add/", secure=True).status_code == 403


def test_pages_that_help_nobody_are_not_offered(admin_client):
    index = admin_client.get("/admin/", secure=True).content.decode()

    assert "groupresult" not in index
    for page in ("account", "webhookevent", "conversation"):
        assert f"/admin/instagram_webhooks/{page}/" in index
