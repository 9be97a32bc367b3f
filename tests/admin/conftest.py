import pytest
from django.contrib.auth.models import Permission, User


@pytest.fixture
def login(client):
    """Logs a member of the staff in, with these permissions and no others."""

    def log_in(*permissions):
        user = User.objects.create_user("anna", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return log_in
