"""Pages of the admin as tests read them."""

import re

ACCOUNTS = "/admin/instagram_webhooks/account/"
EVENTS = "/admin/instagram_webhooks/webhookevent/"
CONVERSATIONS = "/admin/instagram_webhooks/conversation/"


def shown(client, address, **query):
    """The words of a page, without its tags."""
    page = client.get(address, query, secure=True)
    assert page.status_code == 200, page
    return words(page)


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.content.decode()).split())


def found(client, address, **query):
    """The keys of the rows of a list."""
    page = client.get(address, query, secure=True)
    assert page.status_code == 200, page
    return [row.pk for row in page.context["cl"].result_list]


def said(page):
    return [str(message) for message in page.context["messages"]]


def inline_code(html):
    """Scripts and styles that the pages' Content-Security-Policy would not run."""
    tags = re.findall(r"<(?:script(?![^>]*\bsrc=)|style)[^>]*>", html)
    return tags + re.findall(r"<[^>]*\s(?:style|on\w+)=[^>]*>", html)
