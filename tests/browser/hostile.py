"""The worst text that a customer, Meta or a colleague could get into a column."""

# Each would leave a trace where it was not inert: an element named `ran`, a dialog, a title, 49.
PIECES = (
    '"><b id=ran>\u202e',  # the first that also a column of 32 characters holds whole
    "'{{7*7}}&amp;\u2066",
    "<script>document.title='ran';alert(1)</script>",
    "<img src=x onerror=\"document.title='ran';alert(1)\" id=ran>",
    "<svg/onload=alert(1)></td></table></form><iframe id=ran>",
    "\u200b\u2067\u202d\u202e\u200f\x01\x08\x1b\x7f\x9b",
    "javascript:alert(1)//--></title></textarea></style>{% debug %}${7*7}",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd 12345",
)
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def worst(longest):
    """So many characters of it; what the pieces leave free is one word without a blank."""
    text = "".join(PIECES)
    return (text + "W" * longest)[:longest]
