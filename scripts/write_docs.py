"""
Writes what the documents repeat from the code: python -m scripts.write_docs [--check]

- docs/lifecycle.md, from instagram_webhooks/states.py
- the table of docs/metrics.md, from instagram_webhooks/metrics
- docs/settings.md and .env.example, from webhooks_project/environment.py

--check tells by its exit code whether they are as the code says, and names those that are not.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from instagram_webhooks import metrics, states
from instagram_webhooks.metrics.kinds import Histogram, Metric
from instagram_webhooks.states import CLAIMABLE, ENDED, FIRST, MOVES, OPEN, EventState, Move, ReplyState
from webhooks_project.environment import REQUIRED, SETTINGS, Setting

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE, SETTINGS_PAGE, LIFECYCLE = ROOT / ".env.example", ROOT / "docs" / "settings.md", ROOT / "docs" / "lifecycle.md"
METRICS = ROOT / "docs" / "metrics.md"

BEGIN, END = "<!-- {}: python -m scripts.write_docs -->", "<!-- end of {} -->"

SETTINGS_HEAD = """\
# Settings

Written from `webhooks_project/environment.py` by `python -m scripts.write_docs`: change the code, then this.
By environment; every `NAME` may be given as `NAME_FILE`, a file to read it from. `.env.example` has them to copy. A
start with faults names all of them. `DJANGO_DEBUG=true` fills in what is required, for this machine alone.
"""
EXAMPLE_HEAD = """\
# Copy to .env (docker compose) or /etc/instagram-webhooks/environment (systemd) and fill in.
# For a shell: set -a; . ./.env; set +a
# Written by `python -m scripts.write_docs`. What stands behind a # has the default that it shows.
# Every NAME may be given as NAME_FILE instead: the value is then read from that file.
#
# DJANGO_SECRET_KEY   python3 -c 'import secrets; print(secrets.token_urlsafe(50))'
# ENCRYPTION_KEYS     python3 -c 'import base64, os; print("k1:" + base64.b64encode(os.urandom(32)).decode())'
# LOOKUP_KEY          python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'
# At least one provider needs its app secrets and its verify token.

# docker compose only: the database's password, of letters and digits. Compose sets DATABASE_URL,
# REDIS_URL and HOST itself.
POSTGRES_PASSWORD=
"""

LIFECYCLE_TEXT = """\
# The life of an event

Written from `instagram_webhooks/states.py` by `python -m scripts.write_docs`: change the code, then this.
Only `inbox/` writes the state, and every statement there is made from the table of moves below
(`inbox/statements.py`); check constraints in the database repeat what a state implies.

```mermaid
stateDiagram-v2
{arrows}
```

| state | means | may become |
| --- | --- | --- |
{events}

| move | from | to | may be made | fence | starts | due again |
| --- | --- | --- | --- | --- | --- | --- |
{moves}

- Open, so its conversation waits for it: {open}.
- Claimable once its time has come: {claimable}.
- Ended: {ended}. Only a replay by a person brings one of these back.

## The life of a reply

One row of the ledger for each answer, written by `replies/outbox.py` alone.

| state | means |
| --- | --- |
{replies}
"""


def main(arguments: list[str]) -> int:
    """The exit code: 0, or 1 where --check found one that differs, 2 for wrong usage."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m scripts.write_docs [--check]", file=sys.stderr)
        return 2
    differing = outdated()
    for path in differing:
        if arguments:
            print(f"{path.relative_to(ROOT)} differs: run python -m scripts.write_docs", file=sys.stderr)
        else:
            path.write_text(PAGES[path]())
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if arguments and differing else 0


def outdated() -> list[Path]:
    """The files that differ from what the code says."""
    return [path for path, text in PAGES.items() if not path.exists() or path.read_text() != text()]


def lifecycle() -> str:
    """The page on the states of events and replies."""
    arrows = [f"    [*] --> {state}" for state in FIRST]
    arrows += [f"    {before} --> {after}" for before in EventState for after in _nexts(before)]
    arrows += [f"    {state} --> [*]" for state in ENDED]
    said = _notes(EventState)
    next_ones = {state: _listed(_nexts(state)) or "–" for state in EventState}
    rows = [f"| `{state}` | {said[state]} | {next_ones[state]} |" for state in EventState]
    replies = [f"| `{state}` | {note} |" for state, note in _notes(ReplyState).items()]
    return LIFECYCLE_TEXT.format(
        arrows="\n".join(arrows),
        events="\n".join(rows),
        moves="\n".join(_row(name, move) for name, move in MOVES.items()),
        open=_listed(OPEN),
        claimable=_listed(CLAIMABLE),
        ended=_listed(ENDED),
        replies="\n".join(replies),
    )


def _nexts(before: EventState) -> list[EventState]:
    afters = {move.after for move in MOVES.values() if before in move.before}
    return [state for state in EventState if state in afters]


def _row(name: str, move: Move) -> str:
    conditions = {
        "with the newest fence": move.by_holder,
        "when due": move.when_due,
        "while the lease runs": move.while_leased,
        "unless a reply is `sending`": move.unless_sending,
    }
    cells = [
        f"`{name}`",
        _listed(move.before),
        f"`{move.after}`" + (", at the end of its lane" if move.to_end else ""),
        ", ".join(text for text, holds in conditions.items() if holds) or "at any time",
        "+ 1" if move.adds_fence else "kept",
        move.starts.value,
        move.wait.value,
    ]
    return f"| {' | '.join(cells)} |"


def _listed(names: tuple[EventState, ...] | list[EventState]) -> str:
    return ", ".join(f"`{state}`" for state in names)


def _notes(kind: type[Enum]) -> dict[str, str]:
    """What the code's own comments say of each state; a name that says all has none."""
    source = inspect.getsource(kind)
    found = re.findall(r'^    [A-Z]+ = "(\w+)"(?:  # (.+))?$', source, re.MULTILINE)
    assert [value for value, _ in found] == [state.value for state in kind], states.__file__
    return {value: note or "–" for value, note in found}


def settings() -> str:
    """The whole of docs/settings.md."""
    rows = [f"| `{each.name}` | {_shown(each)} | {each.meaning} |" for each in SETTINGS]
    return "\n".join([SETTINGS_HEAD, "| name | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _with_table(path: Path, name: str, table: list[str]) -> str:
    """The page with this table between its marks."""
    begin, end = BEGIN.format(name), END.format(name)
    before, rest = path.read_text().split(begin)
    _, after = rest.split(end)
    return "\n".join([f"{before}{begin}", *table, f"{end}{after}"])


def names_of_metrics() -> str:
    """docs/metrics.md with its table of names as the code has them."""
    rows = [f"| `{each.name}` | {each.kind} | {_counted_by(each)} | {_labels(each)} | {each.meaning} |"
            for each in metrics.ALL]  # fmt: skip
    head = ["| name | type | of | labels | meaning |", "| --- | --- | --- | --- | --- |"]
    return _with_table(METRICS, "metrics", [*head, *rows])


def _counted_by(metric: Metric) -> str:
    if metric in metrics.OF_DOOR:
        return "web"
    if metric in metrics.OF_WORKER:
        return "worker"
    return "both" if metric in metrics.COUNTED else "the whole"


def _labels(metric: Metric) -> str:
    if isinstance(metric, Histogram):
        return "`le`: " + ", ".join(f"{bound:g}" for bound in metric.buckets)
    return "; ".join(f"`{name}`: {', '.join(values)}" for name, values in metric.labels.items()) or "–"


def _shown(setting: Setting) -> str:
    if setting.default is REQUIRED:
        return "**required**"
    text = _written(setting)
    return f"`{text}`" if text else "–"


def example() -> str:
    """The whole of .env.example."""
    parts = [EXAMPLE_HEAD]
    for each in SETTINGS:
        given = f"{each.name}=" if each.default is REQUIRED else f"#{each.name}={_quoted(_written(each))}"
        parts.append(f"# {each.meaning}\n{given}\n")
    return "\n".join(parts)


def _written(setting: Setting) -> str:
    """A default as one would write it into the environment."""
    if isinstance(setting.default, bool):
        return str(setting.default).lower()
    return f"{setting.default:g}" if isinstance(setting.default, float) else str(setting.default)


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


PAGES: dict[Path, Callable[[], str]] = {
    SETTINGS_PAGE: settings,
    EXAMPLE: example,
    LIFECYCLE: lifecycle,
    METRICS: names_of_metrics,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
