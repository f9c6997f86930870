"""How every figure looks: colours that a page may change, figures without global state, names drawn as they
are.

The colours are written as hex values, by which `svg.to_svg` knows them again and makes CSS variables of them.
The series colours are those of Okabe & Ito (2008, jfly.uni-koeln.de/color), which people with colour-
blindness tell apart.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pspo_bench.errors import MissingExtraError, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GHOST, GRID, SURFACE = "#1f2328", "#59636e", "#b9c0c8", "#e1e4e8", "#fefefe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9")
"""Okabe & Ito's blue, vermilion, green, purple and sky; a darker yellow than theirs, which is hard to see on
white.
"""
THEME = {
    INK: "--ink",
    MUTED: "--muted",
    GHOST: "--ghost",
    GRID: "--grid",
    SURFACE: "--surface",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, 1)},
}
"""Colour → the CSS variable that overrides it."""

TEXT, SMALL = 8.5, 7.5  # points
LONGEST_NAME = 60


def new_figure(width: float, height: float, needed_for: str = "drawing figures") -> Figure:
    """An empty figure of so many inches, not known to pyplot. Raises MissingExtraError without matplotlib."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("report", needed_for)
    from pspo_bench.report.plots.figure import Plot

    return Plot(figsize=(width, height), layout="constrained", facecolor=SURFACE)


def dress(axes: Axes, *, grid: str = "both") -> Axes:
    """No frame but the axes, a faint grid (`x`, `y` or `both`) behind the data, small text."""
    axes.set_facecolor(SURFACE)
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color=GRID, linewidth=0.7)  # type: ignore[arg-type]
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GHOST)
        spine.set_linewidth(0.7)
    axes.tick_params(labelsize=SMALL, colors=MUTED, color=GHOST, width=0.7, length=2.5)
    axes.xaxis.label.set(color=INK, fontsize=TEXT)
    axes.yaxis.label.set(color=INK, fontsize=TEXT)
    return axes


def entitle(figure: Figure, title: str, note: str) -> None:
    """`title` above and, for readers of `to_svg` who cannot see, as the figure's name; `note` below in small
    type.
    """
    import textwrap

    figure.set_label(title)
    figure.suptitle(plain(title), x=0.01, ha="left", fontsize=10, color=INK, fontweight="bold")
    columns = int(figure.get_figwidth() * 15.5)  # characters of 7.5 points to the inch
    figure.supxlabel("\n".join(textwrap.wrap(note, columns)), x=0.01, ha="left", fontsize=SMALL, color=MUTED)


def plain(text: str, longest: int = 10**6) -> str:
    """Foreign text for matplotlib: on one line, `$` as itself and not as mathematics, cut in the middle."""
    flat = " ".join(printable(text).split())
    if len(flat) > longest:
        head = (longest - 1) * 2 // 3
        flat = f"{flat[:head]}…{flat[len(flat) - (longest - 1 - head) :]}"
    return flat.replace("$", r"\$")


def in_columns(panels: int, most: int) -> int:
    """Columns for so many panels, at most `most`, with rows as even as can be: 6 panels at most 5 wide stand
    3 + 3.
    """
    return -(-panels // -(-panels // most))


def spread(places: Sequence[float], gap: float) -> list[float]:
    """`places` moved as little as a pass up and one down can, so that neighbours are `gap` apart; their order
    is kept.
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    moved = [places[i] for i in order]
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    shift = sum(moved) / len(moved) - sum(places) / len(places) if moved else 0.0
    out = [0.0] * len(places)
    for place, i in zip(moved, order, strict=True):
        out[i] = place - shift
    return out
