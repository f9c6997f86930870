"""Lines with bands, of few arms in one panel or of many in a panel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pspo_bench.report.plots.style import (
    GHOST,
    INK,
    LONGEST_NAME,
    SERIES,
    SMALL,
    TEXT,
    dress,
    entitle,
    in_columns,
    new_figure,
    plain,
    spread,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OVERLAID = 6
"""So many arms are told apart by colour; more get a panel each, with the others in grey behind."""
MOST_BARS = 8
OVERLAY_HEIGHT = 3.9  # inches


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one arm, and the band around them; NaN where there is none."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scales:
    """What the axes are called and how they run. `share`: y is a fraction, shown in per cent. `ticks` of x,
    where fixed.
    """

    x: str
    y: str
    share: bool = True
    log2: bool = False
    ticks: tuple[float, ...] = ()


def draw_lines(panels: Mapping[str, Mapping[str, Line]], scales: Scales, title: str, note: str) -> Figure:
    """Panel → arm → line. With more arms than colours only the last panel, the sum of the others, is drawn."""
    arms = list(dict.fromkeys(arm for lines in panels.values() for arm in lines))
    if len(arms) > OVERLAID:
        name, lines = list(panels.items())[-1]
        figure = _multiples(lines, scales)
        title = f"{title}: {name}" if name else title
        note = f"In each panel one arm, the others in grey. {note}"
    else:
        figure = _overlay(panels, arms, scales)
    entitle(figure, title, note)
    return figure


def _overlay(panels: Mapping[str, Mapping[str, Line]], arms: Sequence[str], scales: Scales) -> Figure:
    columns = in_columns(len(panels), 5)
    rows = -(-len(panels) // columns)
    one = len(panels) == 1
    figure = new_figure(
        7.0 if one else max(1.95 * columns, 4.5) + 0.5 + 0.08 * min(max(map(len, arms)), 28),
        OVERLAY_HEIGHT if one else 2.2 * rows + 0.9,
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    drawn = [line for lines in panels.values() for line in lines.values()]
    limits = _limits(drawn)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_axis_off()
            continue
        name, lines = list(panels.items())[place]
        for arm, line in lines.items():
            dodge = arms.index(arm) - (len(arms) - 1) / 2
            _draw(axes, line, _colour(arms, arm), dodge)
        _scale(axes, scales, limits)
        axes.set_xlim(_reach(drawn, scales.log2))
        axes.set_title(plain(name, LONGEST_NAME), loc="left", fontsize=TEXT, color=INK)
        if place // columns == rows - 1:
            axes.set_xlabel(scales.x, fontsize=TEXT)
        if place % columns == 0:
            axes.set_ylabel(scales.y, fontsize=TEXT)
    if one:
        _label_ends(grid[0, 0], next(iter(panels.values())), arms)
    else:
        _key(figure, arms)
    return figure


def _colour(arms: Sequence[str], arm: str) -> str:
    return SERIES[arms.index(arm) % len(SERIES)]


def _key(figure: Figure, arms: Sequence[str]) -> None:
    """The names in their colours, right of the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=_colour(arms, arm), marker="o", markersize=3, linewidth=1.6) for arm in arms
    ]
    names = [plain(arm, 28) for arm in arms]
    legend = figure.legend(
        handles, names, loc="outside right upper", fontsize=TEXT, labelcolor="linecolor", frameon=False
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)


def _multiples(lines: Mapping[str, Line], scales: Scales) -> Figure:
    longest = max(len(name) for name in lines)
    columns = in_columns(len(lines), 6 if longest <= 22 and len(lines) > 8 else 4)
    rows = -(-len(lines) // columns)
    panel = 10.8 / columns
    figure = new_figure(10.8, 1.5 * rows + 0.9)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limits = _limits(list(lines.values()))
    for place, axes in enumerate(grid.flat):
        if place >= len(lines):
            axes.set_axis_off()
            continue
        arm, line = list(lines.items())[place]
        for other in lines.values():
            if other is not line:
                axes.plot(other.x, other.y, color=GHOST, linewidth=0.6, zorder=1)
        _draw(axes, line, SERIES[0])
        _scale(axes, scales, limits)
        end = f"{100 * line.y[-1]:.1f}" if scales.share else f"{line.y[-1]:.3g}"
        axes.set_title(plain(arm, int(panel * 12) - 6), loc="left", fontsize=TEXT, color=INK, pad=3)
        axes.set_title(end, loc="right", fontsize=TEXT, color=SERIES[0], pad=3)
        if place // columns == rows - 1:
            axes.set_xlabel(scales.x, fontsize=SMALL)
    figure.supylabel(scales.y, fontsize=TEXT, color=INK)
    return figure


def _draw(axes: Axes, line: Line, colour: str, dodge: float | None = None) -> None:
    """With a band or, where lines lie over one another (`dodge`) and have few points, with bars a few pixels
    apart.
    """
    from matplotlib.transforms import ScaledTranslation

    figure, place = axes.get_figure(), axes.transData
    assert figure is not None
    if dodge is None or len(line.x) > MOST_BARS:
        shade = 0.18 if dodge is None else 0.1
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=shade, linewidth=0, zorder=2)
    else:
        place = place + ScaledTranslation(dodge * 2.5 / 72, 0, figure.dpi_scale_trans)
        axes.vlines(line.x, line.low, line.high, color=colour, linewidth=1, transform=place, zorder=2)
    mark = "o" if len(line.x) < 30 else ""
    axes.plot(
        line.x, line.y, color=colour, linewidth=1.6, marker=mark, markersize=3, zorder=3, transform=place
    )


def _scale(axes: Axes, scales: Scales, limits: tuple[float, float]) -> None:
    from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    dress(axes)
    low, high = limits
    room = 0.04 * (high - low) or 0.01
    axes.set_ylim(low - room, high + room)
    if scales.share:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.4g}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if scales.log2:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_locator(NullLocator())
    if scales.ticks:
        axes.xaxis.set_major_locator(FixedLocator(scales.ticks))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))  # 150k


def _limits(lines: Sequence[Line]) -> tuple[float, float]:
    """Of the lines and their bands. A band far wider than all lines (two seeds) is cut, that they stay
    readable.
    """
    middle = [y for line in lines for y in line.y]
    low, high = min(middle), max(middle)
    reach = 0.6 * (high - low) or 0.05
    bands = [y for line in lines for y in (*line.low, *line.high) if y == y]
    return max(min([low, *bands]), low - reach), min(max([high, *bands]), high + reach)


def _reach(lines: Sequence[Line], log2: bool) -> tuple[float, float]:
    """Of x, with room at both ends. Lines that are moved by a few pixels mislead matplotlib's own choice."""
    low, high = min(x for line in lines for x in line.x), max(x for line in lines for x in line.x)
    if log2:
        room = (high / low) ** 0.06 if high > low else 2**0.5
        return low / room, high * room
    room = 0.06 * (high - low) or 0.5
    return low - room, high + room


def _label_ends(axes: Axes, lines: Mapping[str, Line], arms: Sequence[str]) -> None:
    """The names at the right edge, in their colours, as near to the ends of their lines as they have room."""
    low, high = axes.get_ylim()
    ends = [(line.y[-1] - low) / (high - low) for line in lines.values()]
    for arm, place in zip(lines, spread(ends, 0.16 / (OVERLAY_HEIGHT - 0.9)), strict=True):
        axes.text(
            1.02,
            place,
            plain(arm, 34),
            transform=axes.transAxes,
            color=_colour(arms, arm),
            fontsize=TEXT,
            va="center",
        )
