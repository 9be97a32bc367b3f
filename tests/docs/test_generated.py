import re
from pathlib import Path

import pytest

from instagram_webhooks.states import MOVES, EventState, ReplyState
from scripts import write_docs
from webhooks_project.environment import REQUIRED, SETTINGS, read
from webhooks_project.setting_rules import CHOICES

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "settings.md"
EXAMPLE = CHECKOUT / ".env.example"
LIFECYCLE = CHECKOUT / "docs" / "lifecycle.md"


def test_what_the_documents_repeat_from_the_code_is_as_the_code_says():
    assert write_docs.outdated() == []  # else: python -m scripts.write_docs


def _shown() -> dict[str, tuple[str, str]]:
    """Default and meaning by name, as the page of settings has them."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {name.strip("`"): (default.strip("`"), meaning) for name, default, meaning in rows}


def test_the_page_names_every_setting_and_no_other():
    assert list(_shown()) == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_page_gives_the_default_and_the_meaning_of_a_setting(setting):
    default, meaning = _shown()[setting.name]

    assert meaning == setting.meaning
    if setting.default is REQUIRED:
        assert default == "**required**"
    elif setting.default == "":
        assert default == "–"
    elif isinstance(setting.default, bool):
        assert default == str(setting.default).lower()
    elif isinstance(setting.default, float):
        assert float(default) == setting.default
    else:
        assert default == str(setting.default)


def _example() -> list[tuple[str, str, str, str]]:
    """What stands above, whether there is a #, name and value of each variable of .env.example."""
    lines = EXAMPLE.read_text().splitlines()
    read_lines = [re.fullmatch(r'(#?)([A-Z_]+)=(?:"(.*)"|(.*))', line) for line in lines]
    return [(lines[n - 1], m[1], m[2], m[3] or m[4] or "") for n, m in enumerate(read_lines) if m]


def test_the_example_names_every_setting_with_its_meaning_and_no_other():
    named = {name: above for above, _, name, _ in _example()}

    assert named.pop("POSTGRES_PASSWORD")  # for docker compose
    assert named == {setting.name: f"# {setting.meaning}" for setting in SETTINGS}


def test_the_example_leaves_open_just_what_is_required():
    left_open = {name for _, mark, name, value in _example() if not mark and not value}

    assert left_open - {"POSTGRES_PASSWORD"} == {s.name for s in SETTINGS if s.default is REQUIRED}


def test_the_defaults_of_the_example_are_those_of_the_code(monkeypatch):
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
        monkeypatch.delenv(f"{setting.name}_FILE", raising=False)
    key = "A" * 43 + "="
    given = {
        "DJANGO_SECRET_KEY": "s" * 50,
        "DJANGO_ALLOWED_HOSTS": "webhooks.example.com",
        "DATABASE_URL": "postgresql://127.0.0.1/x",
        "REDIS_URL": "redis://127.0.0.1/0",
        "ENCRYPTION_KEYS": f"k1:{key}",
        "LOOKUP_KEY": key,
        "INSTAGRAM_APP_SECRETS": "secret",
        "INSTAGRAM_VERIFY_TOKEN": "word",
    }
    written = {name: value for _, mark, name, value in _example() if mark}

    for name, value in given.items():
        monkeypatch.setenv(name, value)
    defaults = read()
    for name in written.keys() - given.keys():
        monkeypatch.setenv(name, written[name])

    assert read() == defaults


def test_every_choice_is_named_in_its_meaning():
    for setting in SETTINGS:
        for choice in CHOICES.get(setting.name, ()):
            assert re.search(rf"\b{choice}\b", setting.meaning), (setting.name, choice)


def test_the_page_on_the_life_cycle_draws_every_legal_move_and_no_other():
    text = LIFECYCLE.read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", text, re.MULTILINE))

    assert drawn == {(str(before), str(move.after)) for move in MOVES.values() for before in move.before}
    for state in (*EventState, *ReplyState):
        assert f"| `{state}` | " in text
