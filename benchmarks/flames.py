"""
`python -m benchmarks.flames TITLE WAIT... < RAW > SVG`: where a process's time goes, drawn.

RAW is what `py-spy record --format raw --gil` writes (py-spy is not in the lock): of each sample the functions from the
outermost on, and how often they were seen so. Samples of one function are one box, whatever its line; its width is its
share of all samples, and what it called stands below it. While nobody holds Python's lock py-spy names who had it last:
samples that end in a function which waits (WAIT: `Group.write`) are left out, and so are empty ones.
"""

import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

WIDTH, TOP, ROW, BOX, LETTER = 1200, 28, 17, 16, 6.8
LEAST = 0.002  # of all; what is narrower cannot be seen
# How each thread begins, and the same for all.
_BEGINNINGS = ("threading.py", "<frozen runpy>", "concurrent/futures/thread.py")
_LINE = re.compile(r":\d+\)$")


@dataclass(slots=True)
class Box:
    """A function in its place: how many samples, and what it called."""

    count: int = 0
    below: dict[str, "Box"] = field(default_factory=dict)

    def add(self, frames: list[str], count: int) -> None:
        """So many samples of these functions, the outermost first."""
        self.count += count
        if frames:
            self.below.setdefault(frames[0], Box()).add(frames[1:], count)


def read(raw: str, waits: Collection[str] = ()) -> Box:
    """All samples but of those functions themselves; ValueError where a line is none."""
    whole = Box()
    for line in filter(None, raw.splitlines()):
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        while len(frames) > 1 and frames[0].partition(" (")[2].rstrip(")") in _BEGINNINGS:
            del frames[0]
        if frames[-1] and frames[-1].partition(" (")[0] not in waits:
            whole.add(frames, int(count))
    return whole


def drawn(title: str, whole: Box) -> str:
    """The picture, as SVG."""
    boxes = list(_boxes(whole, whole.count, left=0.0, depth=0))
    height = TOP + ROW * (1 + max((depth for _, _, _, depth in boxes), default=0))
    font = 'font-family="monospace" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {font}>',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="6" y="18" font-size="14">{escape(title)}</text>',
    ]
    for name, share, left, depth in boxes:
        x, y, width = left * WIDTH, TOP + ROW * depth, share * WIDTH
        is_ours = "instagram_webhooks/" in name or "webhooks_project/" in name or "(audit/" in name
        fill = f"hsl({210 if is_ours else 28},{55 if is_ours else 70}%,{68 + crc32(name.encode()) % 8}%)"
        letters = escape(name[: int(width / LETTER)]) if width > 3 * LETTER else ""
        parts.append(
            f"<g><title>{escape(name)}: {share * 100:.1f} %</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{max(width - 0.3, 0.3):.1f}" height="{BOX}" fill="{fill}"/>'
            f'<text x="{x + 2:.1f}" y="{y + 12}">{letters}</text></g>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _boxes(box: Box, of_all: int, *, left: float, depth: int) -> Iterator[tuple[str, float, float, int]]:
    """Name, share, where it begins, and how deep it stands; the widest first."""
    for name, below in sorted(box.below.items(), key=lambda item: -item[1].count):
        share = below.count / of_all
        if share >= LEAST:
            yield name, share, left, depth
            yield from _boxes(below, of_all, left=left, depth=depth + 1)
        left += share


if __name__ == "__main__":
    sys.stdout.write(drawn(sys.argv[1], read(sys.stdin.read(), sys.argv[2:])))
