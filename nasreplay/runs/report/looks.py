"""How figures look: one style for all; each searcher has its own color, line and marker.

The searchers that are ranked by default have theirs whatever is beside them, and their colors alone. Others have one
of further colors, by their names, and the next one where another in the same figure has it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from nasreplay.errors import BadSetting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito, "Color Universal Design" (2008): its yellow, too pale on white, is replaced by wine and olive
# of Paul Tol's "muted" scheme.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255", "#999933")
RANKED = frozenset(
    (
        "random",
        "local-search",
        "rea",
        "reinforce",
        "bohb",
        "darts-sampled",
        "snas-sampled",
        "curriculum",
        "curriculum-fixed",
    )
)
"""The searchers that are ranked by default; the colors above are theirs alone."""
OTHERS = ("#332288", "#AA4499", "#8C564B", "#5FA55A", "#7F8FD9", "#FF6F61", "#00CED1")
"""The colors of all others."""
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P")
GRAY = "#777777"
"""The color of what takes no part: oracles, and words beside the numbers."""
SALT = 1573132617
"""So chosen that no two searchers that are ranked by default share a color."""
ENDINGS = ("png", "svg", "pdf")
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "svg.hashsalt": "nasreplay",
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # TrueType, which publishers take
}
UNDATED: dict[str, dict[str, Any]] = {  # without date and version: the same results give the same file
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Look(NamedTuple):
    """How a searcher is drawn."""

    color: str
    line: str
    marker: str


def look_of(searcher: str) -> Look:
    """The look that belongs to a searcher's name, in every installation, and in every figure that has it free."""
    colors = COLORS if searcher in RANKED else OTHERS
    number = crc32(searcher.encode(), SALT)
    number, color = divmod(number, len(colors))
    number, line = divmod(number, len(LINES))
    return Look(colors[color], LINES[line], MARKERS[number % len(MARKERS)])


def looks_of(searchers: Iterable[str]) -> dict[str, Look]:
    """The looks of the searchers of one figure: no two share a color, or where these are too few color and line."""
    looks: dict[str, Look] = {}
    for name in sorted(set(searchers)):
        look = look_of(name)
        if name not in RANKED:
            used = [(other.color, other.line) for other in looks.values()]
            first, second = OTHERS.index(look.color), LINES.index(look.line)
            colors, lines = OTHERS[first:] + OTHERS[:first], LINES[second:] + LINES[:second]
            fresh = [color for color in colors if color not in dict(used)]
            pairs = [(color, line) for line in lines for color in colors if (color, line) not in used]
            color, line = (fresh[0], look.line) if fresh else pairs[0] if pairs else look[:2]
            look = Look(color, line, look.marker)
        looks[name] = look
    return looks


@contextmanager
def style(math: bool = False) -> Iterator[None]:
    """Our look whatever the user's matplotlibrc says; afterwards everything is as it was.

    math: whether dollar signs in texts mean mathematics; names from outside may hold some.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        matplotlib.rcParams["text.parse_math"] = math
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of letters that the font lacks, and of scales without data
            yield


def ending_of(file: Path) -> str:
    """The kind of file that --figure asks for: one of ENDINGS. Raises BadSetting for others."""
    ending = file.suffix[1:].lower()
    if ending not in ENDINGS:
        raise BadSetting(f"--figure {file}: must end in .{', .'.join(ENDINGS[:-1])} or .{ENDINGS[-1]}")
    return ending


def rendered(figure: Figure, ending: str) -> bytes:
    """The figure as a file of that kind (png, svg, pdf)."""
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format=ending, dpi=200, metadata=UNDATED[ending])
    return stream.getvalue()
