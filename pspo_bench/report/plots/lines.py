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
    new_figure,
    plain,
    spread,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OVERLAID = 6
"""So many arms are told apart by colour; more get a panel each, with the others in grey behind."""


@dataclass(frozen=True, slots=True)
class Line:
    """The points of one arm, and the band around them; NaN where there is none."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Scales:
    """What the axes are called and how they run. `share`: y is a fraction, shown in per cent. `ticks` of x, where fixed."""

    x: str
    y: str
    share: bool = True
    log2: bool = False
    ticks: tuple[float, ...] = ()


def draw_lines(
    panels: Mapping[str, Mapping[str, Line]], scales: Scales, title: str, note: str
) -> Figure:
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
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    width = 7.0 if len(panels) == 1 else 3.1 * columns + 1.2
    figure = new_figure(width, 3.9 if len(panels) == 1 else 2.5 * rows + 0.9)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    limits = _limits([line for lines in panels.values() for line in lines.values()]) if len(panels) > 1 else None
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_axis_off()
            continue
        name, lines = list(panels.items())[place]
        for arm, line in lines.items():
            _draw(axes, line, SERIES[arms.index(arm) % len(SERIES)])
        _scale(axes, scales, limits or _limits(list(lines.values())))
        axes.set_title(plain(name, LONGEST_NAME), loc="left", fontsize=TEXT, color=INK)
        if place % columns == columns - 1 or place == len(panels) - 1:
            _label_ends(axes, {arm: lines[arm] for arm in arms if arm in lines}, arms)
        if place // columns == rows - 1 or place + columns >= len(panels):
            axes.set_xlabel(scales.x, fontsize=TEXT)
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel(scales.y, fontsize=TEXT)
    return figure


def _multiples(lines: Mapping[str, Line], scales: Scales) -> Figure:
    longest = max(len(name) for name in lines)
    columns = 6 if longest <= 22 and len(lines) > 8 else 4
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
        if place + columns >= len(lines):
            axes.set_xlabel(scales.x, fontsize=SMALL)
            axes.tick_params(labelbottom=True)
    figure.supylabel(scales.y, fontsize=TEXT, color=INK)
    return figure


def _draw(axes: Axes, line: Line, colour: str) -> None:
    mark = "o" if len(line.x) < 30 else ""
    axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.18, linewidth=0, zorder=2)
    axes.plot(line.x, line.y, color=colour, linewidth=1.6, marker=mark, markersize=3, zorder=3)


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
    """Of the lines and their bands. A band far wider than all lines (two seeds) is cut, that they stay readable."""
    middle = [y for line in lines for y in line.y]
    low, high = min(middle), max(middle)
    reach = 0.6 * (high - low) or 0.05
    bands = [y for line in lines for y in (*line.low, *line.high) if y == y]
    return max(min([low, *bands]), low - reach), min(max([high, *bands]), high + reach)


def _label_ends(axes: Axes, lines: Mapping[str, Line], arms: Sequence[str]) -> None:
    """The names at the right edge, in their colours, as near to the ends of their lines as they have room."""
    low, high = axes.get_ylim()
    ends = [(line.y[-1] - low) / (high - low) for line in lines.values()]
    figure = axes.get_figure()
    rows = axes.get_gridspec().nrows if axes.get_gridspec() else 1
    inches = (figure.get_figheight() - 0.9) / rows  # type: ignore[union-attr]
    for (arm, _), place in zip(lines.items(), spread(ends, 0.16 / inches), strict=True):
        axes.text(
            1.02,
            place,
            plain(arm, 34),
            transform=axes.transAxes,
            color=SERIES[arms.index(arm) % len(SERIES)],
            fontsize=TEXT,
            va="center",
        )



