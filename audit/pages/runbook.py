"""
docs/runbook.md as pages show it: by code, each with what it means, what is safe and what to do.

The file is written for people and read by this: `## part`, beneath it `### `code`` (or several), beneath that three
paragraphs that begin with **means**, **safe** and **do**.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

FILE = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
WORDS = {"means": "What it means", "safe": "What is safe", "do": "What to do"}
_PARAGRAPH = re.compile(r"\*\*(means|safe|do)\*\* (.+)", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_MARK = re.compile(r"`([^`]+)`|\*([^*]+)\*")


class Malformed(ValueError):
    """The runbook is not of the form that is read here; the words say where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one code, or of several of which the same is true. says: the text by means, safe and do."""

    codes: tuple[str, ...]
    says: Mapping[str, str]

    @property
    def shown(self) -> Sequence[tuple[str, SafeString]]:
        """Its paragraphs, each under a heading for people."""
        return [(WORDS[name], _marked(text)) for name, text in self.says.items()]


@dataclass(frozen=True, slots=True)
class Part:
    """A chapter of the runbook."""

    title: str
    entries: Sequence[Entry]


def read(text: str) -> list[Part]:
    """All chapters; Malformed where an entry lacks one of its three paragraphs, or is of nothing."""
    parts = []
    for chapter in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, *entries = re.split(r"^### ", chapter, flags=re.MULTILINE)
        parts.append(Part(title.splitlines()[0].strip(), [_entry(each) for each in entries]))
    return parts


def _entry(text: str) -> Entry:
    heading, _, rest = text.partition("\n")
    codes = tuple(_CODE.findall(heading))
    found = [_PARAGRAPH.fullmatch(" ".join(each.split())) for each in rest.split("\n\n") if each.strip()]
    says = {match[1]: match[2] for match in found if match}
    if not codes or None in found or tuple(says) != tuple(WORDS):
        raise Malformed(f"{heading}: wanted are codes, and paragraphs on {', '.join(WORDS)}, in this order.")
    return Entry(codes, says)


@cache
def parts() -> Sequence[Part]:
    """The runbook of this installation."""
    return read(FILE.read_text("utf-8"))


def entry_of(code: str) -> Entry | None:
    """What is known of this code."""
    return next((each for part in parts() for each in part.entries if code in each.codes), None)


def _marked(text: str) -> SafeString:
    """The text, with `code` and *what stands on a button* marked up; everything else as it is written."""
    pieces = _MARK.split(text)  # text, and where a mark follows: its code, its emphasis, of which one is None, text, …
    shown: list[object] = []
    for n in range(0, len(pieces), 3):
        shown.append(pieces[n])
        for form, marked in zip(("<code>{}</code>", "<em>{}</em>"), pieces[n + 1 : n + 3], strict=False):
            if marked is not None:
                shown.append(format_html(form, marked))
    return format_html_join("", "{}", ((each,) for each in shown))
