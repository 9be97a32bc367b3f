"""A person of ops at the admin, over HTTP as a browser would, without running its scripts."""

import html
import re

import requests

PASSWORD = "a long word of this test"
STAFF = {"DJANGO_SUPERUSER_USERNAME": "ops", "DJANGO_SUPERUSER_EMAIL": "", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
TIMEOUT_S = 30.0


class Person:
    """Logged in; keeps every page that was shown. Made by STAFF and `createsuperuser --noinput`."""

    def __init__(self, url):
        self._url, self._session, self.pages = url, requests.Session(), {}
        self.submit("/admin/login/", {"username": "ops", "password": PASSWORD, "next": "/admin/"})

    def open(self, path):
        page = self._session.get(f"{self._url}{path}", timeout=TIMEOUT_S)
        assert page.status_code == 200, path
        self.pages[path] = page.content
        return page.text

    def submit(self, path, form):
        """Opens the page, fills in its form and sends it."""
        return self.send(path, self.open(path), form)

    def send(self, path, page, form):
        """Sends the form of a page that was opened before."""
        hidden = {name: html.unescape(value) for name, value in _HIDDEN.findall(page)}
        answer = self._session.post(f"{self._url}{path}", {**hidden, **form}, timeout=TIMEOUT_S)
        assert answer.status_code == 200, path
        assert "errornote" not in answer.text, path
        self.pages[f"POST {path}"] = answer.content
        return answer.text

    def open_all(self, path):
        """A list, and each of its rows."""
        rows = set(re.findall(rf'href="({path}[0-9a-f-]{{36}}/change/)', self.open(path)))
        for row in rows:
            self.open(row)
        return rows
