import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("deploy/*.md")])
ROOMS = (CHECKOUT, CHECKOUT / "instagram_webhooks")
STANDARD = {"createsuperuser", "check", "migrate"}

everywhere = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))


@cache
def names_in(path: Path) -> set[str]:
    """What a module defines at its top, and `Class.method` of its classes."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {each.id for each in targets if isinstance(each, ast.Name)}
    return found


def file_of(path: str) -> Path | None:
    """A file of the checkout, or of the package of the trade."""
    return next((room / path for room in ROOMS if (room / path).is_file()), None)


def broken(page: Path) -> list[str]:
    """What a page names in the form `file.py:name` or `file.py` and nobody has."""
    missing = []
    for path, _, name in re.findall(r"`([\w/]+\.py)(:([\w.]+))?`", page.read_text()):
        file = file_of(path)
        if file is None or (name and name not in names_in(file)):
            missing.append(f"{path}:{name}")
    return missing


@everywhere
def test_every_function_that_a_page_names_exists(page):
    assert broken(page) == []


def test_the_walk_names_the_way_of_a_post_a_failure_and_a_crash():
    text = (CHECKOUT / "docs" / "how_it_works.md").read_text()

    assert [head in text for head in ("## One POST", "## One failure", "## One crash")] == [True] * 3
    assert len(re.findall(r"`[\w/]+\.py:[\w.]+`", text)) > 40


def test_a_function_that_does_not_exist_is_found_out(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`door/views.py:webhook`, `door/views.py:nothing`, `door/nowhere.py`, `errors.py:Retryable`")

    assert broken(page) == ["door/views.py:nothing", "door/nowhere.py:"]


@everywhere
def test_every_link_leads_to_a_file(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@everywhere
def test_every_folder_that_a_page_names_exists(page):
    of_the_api = {"events/", "resolve/", "discard/", "reopen/", "arrived/", "send_again/"}

    named = set(re.findall(r"`([a-z_]+/)`", page.read_text())) - of_the_api

    assert {name for name in named if not any((room / name).is_dir() for room in ROOMS)} == set()


@everywhere
def test_every_make_target_that_a_page_names_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"`make ([a-z-]+)", page.read_text())) <= targets


@everywhere
def test_every_command_that_a_page_names_exists(page):
    ours = {name for name, app in get_commands().items() if not app.startswith("django.")}

    named = set(re.findall(r"manage\.py (\w+)", page.read_text()))
    if page.name == "README.md" and page.parent == CHECKOUT:
        table = page.read_text().split("## Commands")[1].split("## API")[0]
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        named |= {name for row in rows for name in re.findall(r"`(\w+)", row)}

    assert named <= ours | STANDARD


def test_the_readme_s_commands_run_in_the_environment_that_make_setup_makes():
    text = (CHECKOUT / "README.md").read_text()

    called_by = re.findall(r"`(\S*python) manage\.py", re.sub(r"\(in a container\s+`python manage\.py …`\)", "", text))

    assert set(called_by) == {".venv/bin/python"}


@everywhere
def test_every_variable_that_a_page_names_is_a_setting(page):
    from webhooks_project.environment import SETTINGS

    known = {setting.name for setting in SETTINGS} | {"POSTGRES_PASSWORD", "NAME_FILE"}
    prefixes = ("DJANGO", "WEBHOOK", "WORKER", "REPLY", "GRAPH", "INSTAGRAM", "PROXY", "HUMAN", "ACK")

    named = re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", page.read_text())

    assert {name for name in named if name.split("_")[0] in prefixes} <= known


def test_the_readme_is_read_in_one_go():
    assert len((CHECKOUT / "README.md").read_text().splitlines()) < 200


def test_the_decisions_are_numbered_without_a_gap_and_say_what_was_left_aside():
    pages = sorted((CHECKOUT / "docs" / "decisions").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("**Context.**", "**Choice.**", "**Roads not taken.**"):
            assert part in text, (page.name, part)
