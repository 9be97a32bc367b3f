"""The report in Markdown: a table a cell, with what each column costs and what ours costs in its measure."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.cells import Figures

OURS = "ours"
CPU = ("application", "web", "worker", "PostgreSQL", "Redis")
NOT_COMPARED = ("others on its core, %",)
Rounds = Sequence[Figures | None]  # None: a round that gave nothing complete


def table(title: str, found: Mapping[str, Rounds]) -> str:
    """found: the figures of each round by column, those of one round at the same place in each."""
    peers = [name for name in found if name != OURS] if OURS in found else []
    heads = ["", *found, *(f"{OURS} / {peer}" for peer in peers)]
    lines = [f"**{title}**", "", _line(heads), _line(["---"] + ["---:"] * (len(heads) - 1))]
    known = [each for rounds in found.values() for each in rounds if each]
    for figure in dict.fromkeys(name for each in known for name in each):
        values = {name: [each.get(figure) if each else None for each in rounds] for name, rounds in found.items()}
        compared = [] if figure in NOT_COMPARED else [ratios(values[OURS], values[peer]) for peer in peers]
        cells = [*map(spread, values.values()), *map(spread, compared)]
        head = f"{figure}, CPU ms/event" if figure in CPU else figure
        lines.append(_line([head, *cells, *[""] * (len(heads) - 1 - len(cells))]))
    return "\n".join(lines)


def spread(values: Sequence[float | None]) -> str:
    """The median, and in brackets the least to the greatest."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    median, least, most = map(_shown, (statistics.median(known), min(known), max(known)))
    return f"{median} ({least} to {most})" if len(known) > 1 else median


def ratios(ours: Sequence[float | None], theirs: Sequence[float | None]) -> list[float | None]:
    """Ours by theirs within each round."""
    return [a / b if a is not None and b else None for a, b in zip(ours, theirs, strict=True)]


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
