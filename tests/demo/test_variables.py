import subprocess

import pytest

from instagram_webhooks.providers import samples, split
from webhooks_project import environment
from webhooks_project.demo.variables import ACCOUNT, OTHERS, Places, as_file, settings_of, without_settings

PLACES = Places(
    database_url="postgresql://u:p@127.0.0.1:1/x",
    redis_url="redis://:p@127.0.0.1:2/0",
    web_port=3,
    graph_port=4,
    secret_key="k",
)


def test_settings_of_the_caller_do_not_reach_the_demo():
    caller = {"PATH": "/bin", "GRAPH_API_URL": "https://graph.example", "ENCRYPTION_KEYS_FILE": "/run/keys"}

    caller |= {"INSTAGRAM_APP_SECRET": "misspelt", "INSTAGRAM_APP_ID": "no setting"}

    kept = without_settings(caller | {"LOG_LEVEL": "DEBUG", "WORKER_POOL": "prefork"})

    assert kept["PATH"] == "/bin"
    assert (kept["LOG_LEVEL"], kept["WORKER_POOL"]) == ("DEBUG", "prefork")
    assert not {"GRAPH_API_URL", "ENCRYPTION_KEYS_FILE", "INSTAGRAM_APP_SECRET"} & set(kept)
    assert kept["INSTAGRAM_APP_ID"] == "no setting"


def test_the_settings_of_the_demo_are_sound(monkeypatch):
    for name, value in settings_of(PLACES).items():
        monkeypatch.setenv(name, value)

    values = environment.read()

    assert values["GRAPH_API_URL"] == "http://127.0.0.1:4"
    assert values["WEBHOOK_RETRY_DELAYS_S"] == (1.0, 2.0, 4.0)


@pytest.mark.parametrize("provider", ["instagram", "facebook", "whatsapp"])
def test_the_samples_are_of_the_demo_s_accounts(provider):
    (event,) = split(provider, samples.load(f"{provider}/message__text"))

    assert event.account == {"instagram": ACCOUNT, **OTHERS}[provider]


def test_a_shell_reads_the_file_as_it_was_written(tmp_path):
    path = tmp_path / "demo.env"
    path.write_text(as_file({"ODD": "a 'b' \"c\" $HOME; \\ é"}))

    said = subprocess.run(
        ["/bin/sh", "-c", 'set -a; . "$1"; set +a; printenv ODD', "sh", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said == "a 'b' \"c\" $HOME; \\ é\n"
