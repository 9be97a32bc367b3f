"""What a check found, in words for the person who connects an account."""

import textwrap
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Its shape on the screen."""

    FINE = "✓"
    UNSURE = "◐"  # works, or cannot be known from here
    WRONG = "✕"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check. said: what is so; advice: what to do, "" where nothing."""

    about: str
    verdict: Verdict
    said: str
    advice: str = ""

    def __str__(self) -> str:
        told = f"{self.verdict} {self.about}: {self.said}"
        advice = textwrap.fill(self.advice, 100, initial_indent="    → ", subsequent_indent="      ")
        return f"{told}\n{advice}" if self.advice else told


def fine(about: str, said: str, advice: str = "") -> Finding:
    """It is as it should be."""
    return Finding(about=about, verdict=Verdict.FINE, said=said, advice=advice)


def unsure(about: str, said: str, advice: str = "") -> Finding:
    """It may do harm, or cannot be known."""
    return Finding(about=about, verdict=Verdict.UNSURE, said=said, advice=advice)


def wrong(about: str, said: str, advice: str = "") -> Finding:
    """Webhooks or replies will fail."""
    return Finding(about=about, verdict=Verdict.WRONG, said=said, advice=advice)
