"""Charts as SVG from the server: nothing to load, nothing to run, and a sentence for those who do not see it."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDE, _HIGH, _GAP = 4, 24, 1


def bars(
    values: Sequence[int], *, says: str, kind: str = "some", marks: Sequence[tuple[float, str]] = ()
) -> SafeString:
    """A bar a value, the highest as high as the chart; a value that is not 0 is never too low to be seen.

    kind: the class that gives the bars their colour. The chart is as wide as its place allows.
    marks: lines over its whole height, each at a part of its width (0 to 1) and with what it says on hover.
    """
    most = max((*values, 1))
    heights = [max(round(value / most * _HIGH), 2 if value else 1) for value in values]
    drawn = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"></rect>',
        (
            (kind if value else "none", n * (_WIDE + _GAP), _HIGH - height, _WIDE, height)
            for n, (value, height) in enumerate(zip(values, heights, strict=True))
        ),
    )
    width = len(values) * (_WIDE + _GAP) - _GAP
    lines = format_html_join(
        "",
        '<rect class="mark" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
        ((round(at * (width - _GAP), 2), _GAP, _HIGH, words) for at, words in marks),
    )
    return format_html(
        '<svg class="bars" role="img" viewBox="0 0 {} {}" preserveAspectRatio="none"><title>{}</title>{}{}</svg>',
        width, _HIGH, says, drawn, lines,
    )  # fmt: skip
