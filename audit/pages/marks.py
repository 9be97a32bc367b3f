"""How things look on a page: a state by shape and word, a time with its age, an id shortened."""

from datetime import UTC, datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString

# Shape and word say the same, so that nothing hangs on a colour. Of all packages, so that one shape means one thing.
SHAPES: dict[str, str] = {
    **dict.fromkeys(("received", "processing", "sending", "open", "running"), "●"),
    **dict.fromkeys(("retrying", "planned", "acknowledged", "waiting"), "◐"),
    **dict.fromkeys(("processed", "sent", "active", "resolved", "replayed", "done"), "✓"),
    **dict.fromkeys(("ignored", "withheld", "discarded", "skipped"), "○"),
    **dict.fromkeys(("parked", "token", "blocked", "paused"), "‖"),
    **dict.fromkeys(("dead", "failed", "undecided", "stopped"), "✕"),
}
NOTHING = "–"  # an empty cell reads as a fault of the page
WHOLE_UP_TO = 16
# Characters that show nothing, or turn what stands after them: controls, overrides and isolates of the direction,
# blanks without width. Not those that join letters and emoji.
_UNSEEN = (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x061C, 0x200B, 0x200E, 0x200F,
           *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)  # fmt: skip
_SHOWN = {code: f"\u2039U+{code:04X}\u203a" for code in _UNSEEN}


def state(name: str, words: str = "") -> SafeString:
    """A state by its shape and word; `words` where they say more than the state's name."""
    form = '<span class="state state-{}"><span class="shape">{}</span> {}</span>'
    return format_html(form, name, SHAPES[name], words or name)


def moment(at: datetime | None, *, form: str = "%Y-%m-%d %H:%M:%S") -> SafeString | str:
    """A time in UTC and how long ago (or ahead) it is; whole on hover."""
    if at is None:
        return NOTHING
    at = at.astimezone(UTC)
    return format_html(
        '<time class="moment" datetime="{}" title="{}">{} <small>{}</small></time>',
        at.isoformat(),
        f"{at:%Y-%m-%d %H:%M:%S.%f} UTC",
        f"{at:{form}}",
        _distance(at - datetime.now(UTC)),
    )


def ago(at: datetime) -> SafeString:
    """How long ago a time is; the whole of it on hover."""
    at = at.astimezone(UTC)
    form = '<time datetime="{}" title="{}">{}</time>'
    return format_html(form, at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S} UTC", _distance(at - datetime.now(UTC)))


def narrow(at: datetime | None) -> SafeString | str:
    """As `moment`, for a column of a wide table: first how long ago, and beneath it the time to the minute."""
    return NOTHING if at is None else under(ago(at), f"{at.astimezone(UTC):%Y-%m-%d %H:%M}")


def short_id(value: object) -> SafeString | str:
    """An id in monospace, shortened in its middle; whole on hover."""
    if not value:
        return NOTHING
    whole = str(value)
    shown = whole if len(whole) <= WHOLE_UP_TO else f"{whole[:6]}…{whole[-6:]}"
    return format_html('<code class="id" title="{}">{}</code>', whole, shown)


def whole_id(value: object) -> SafeString | str:
    """An id in monospace, for a page that is about it; one click selects it."""
    return format_html('<code class="id whole">{}</code>', value) if value else NOTHING


def visible(text: str) -> str:
    """The text, or a whole page, with what would not show written out as ‹U+202E›."""
    return text.translate(_SHOWN)


def capped(count: int, cap: int) -> str:
    """A count that ended at its cap."""
    return f"{cap:,}+" if count > cap else f"{count:,}"


def under(main: object, beneath: object) -> SafeString:
    """A cell of two lines: what is looked for, and beneath it in small what explains it."""
    return format_html("{}<small>{}</small>", main, beneath) if beneath else format_html("{}", main)


def span(seconds: float) -> str:
    """So long, in whole ones of the unit that matters."""
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {name}"
    return f"{seconds:.0f} s"


def lasted(ms: float) -> str:
    """A duration that may be short: in milliseconds beneath a second, with a tenth beneath ten."""
    if round(ms) < 1000:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:.1f} s" if ms < 10_000 else span(ms / 1000)


def link(address: str, words: object) -> SafeString:
    """Words that lead somewhere."""
    return format_html('<a href="{}">{}</a>', address, words)


def _distance(away: timedelta) -> str:
    """How far a time is from now, in the one unit that matters."""
    seconds = abs(away.total_seconds()) // 1
    if not seconds:
        return "now"
    return f"in {span(seconds)}" if away > timedelta() else f"{span(seconds)} ago"
