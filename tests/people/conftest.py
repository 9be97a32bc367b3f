import pytest


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Hashing as slowly as a server must took nearly all of the time of these tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
