import re
from typing import Any

import pytest

from instagram_webhooks.conf import BODY_LIMIT_BYTES
from instagram_webhooks.inbox.accept import WAIT_S
from tests.deploy.shipped import DEPLOY, seconds
from webhooks_project.__main__ import IDLE_MS
from webhooks_project.environment import SETTINGS

META_WAITS_S = 5
Block = list[tuple[list[str], Any]]  # a directive's words, and its own block or None


def parsed() -> Block:
    """The configuration as a tree; quoted words keep no quotes."""
    text = (DEPLOY / "nginx" / "instagram-webhooks.conf").read_text()
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    words = iter(re.findall(r"'[^']*'|\"[^\"]*\"|[{};]|[^\s{};]+", text))
    return _block(words)


def _block(words) -> Block:
    found: Block = []
    directive: list[str] = []
    for word in words:
        if word == "}":
            break
        if word in ("{", ";"):
            found.append((directive, _block(words) if word == "{" else None))
            directive = []
        else:
            directive.append(word.strip("'\""))
    assert not directive
    return found


def blocks(tree: Block, *name: str) -> list[Block]:
    return [inner for words, inner in tree if words[: len(name)] == list(name) and inner is not None]


def value(tree: Block, *name: str) -> list[str]:
    given = [words for words, inner in tree if words[: len(name)] == list(name) and inner is None]
    (found,) = given
    return found[len(name) :]


def has(tree: Block, name: str) -> bool:
    return any(words[0] == name for words, _ in tree)


@pytest.fixture
def server() -> Block:
    (found,) = [each for each in blocks(parsed(), "server") if has(each, "ssl_certificate")]
    return found


def test_a_body_may_be_as_large_as_the_door_takes_and_no_larger(server):
    (size,) = value(server, "client_max_body_size")

    assert size.endswith("m")
    assert int(size[:-1]) * 1024 * 1024 == BODY_LIMIT_BYTES
    assert not any(has(each, "client_max_body_size") for each in blocks(server, "location"))


def test_the_proxy_alone_says_whether_it_was_https(server):
    assert value(server, "proxy_set_header", "X-Forwarded-Proto") == ["$scheme"]
    assert value(server, "proxy_set_header", "X-Real-IP") == ["$remote_addr"]
    for location in blocks(server, "location"):  # one header in a location would undo all of the server's
        assert not has(location, "proxy_set_header")


def test_the_header_is_the_one_that_the_settings_name(server):
    meaning = next(setting.meaning for setting in SETTINGS if setting.name == "PROXY_SSL_HEADER")

    assert "X-Forwarded-Proto" in meaning
    assert "PROXY_SSL_HEADER=X-Forwarded-Proto" in (DEPLOY / "README.md").read_text()


def test_webhooks_wait_longer_than_the_door_does_and_no_longer_than_meta(server):
    (location,) = blocks(server, "location", "/webhooks/")
    (wait,) = value(location, "proxy_read_timeout")

    assert WAIT_S < seconds(wait) <= META_WAITS_S


def test_every_wait_has_an_end(server):
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout", "proxy_connect_timeout"):
        assert 0 < seconds(value(server, name)[0]) <= 10


def test_the_proxy_gives_up_an_idle_connection_before_the_web_process_does():
    (upstream,) = blocks(parsed(), "upstream", "instagram_webhooks")

    assert seconds(value(upstream, "keepalive_timeout")[0]) < IDLE_MS / 1000
    default = next(setting.default for setting in SETTINGS if setting.name == "PORT")
    assert value(upstream, "server") == [f"127.0.0.1:{default}"]


def test_the_figures_for_prometheus_are_not_for_the_public(server):
    (location,) = blocks(server, "location", "/metrics")

    assert location == [(["return", "404"], None)]


def test_a_request_is_never_sent_to_the_service_twice(server):
    assert value(server, "proxy_next_upstream") == ["off"]


def test_the_log_leaves_out_the_query_in_which_meta_sends_the_verify_token(server):
    (shape,) = [words for words, inner in parsed() if words[0] == "log_format"]

    logged = set(re.findall(r"\$\w+", " ".join(shape)))
    assert not {"$request", "$request_uri", "$args", "$query_string"} & logged
    for each in blocks(parsed(), "server"):
        assert value(each, "access_log")[1] == shape[1]
