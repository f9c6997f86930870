"""What the comparisons say, in sentences: what is better, what is worse, and what these data do not settle.

    findings(comparisons)[0].text
    # "pspo (alpha=0.9) scores 1.9 points above clip (95 % interval 0.4 to 3.4, p = 0.012)."

A difference counts as settled where `plots.forest.is_clear` finds it so, as in the figures: by the p-value adjusted for
all that are shown together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pspo_bench.compare import Comparison, Difference
from pspo_bench.report.html.parts import Finding, Grid, Kind
from pspo_bench.report.plots.forest import ALPHA, is_clear
from pspo_bench.report.text import NONE, percent

MINUS = "\u2212"
NAMED, NAMED_OPEN = 6, 3
"""So many arms get a sentence each, settled ones and others; more are only named, and stand in the table below."""

HOPELESS = 0.3
"""A smallest detectable difference from which on it is not worth a figure: 30 points."""


def findings(comparisons: Sequence[Comparison]) -> tuple[Finding, ...]:
    """The accuracy of each candidate against the base, what is settled first; where much is not, in one sentence."""
    by_kind: dict[Kind, list[Comparison]] = {"better": [], "worse": [], "open": []}
    for comparison in sorted(comparisons, key=lambda one: -abs(_accuracy(one).difference or 0.0)):
        by_kind[kind_of(comparison)].append(comparison)
    found: list[Finding] = []
    for kind, group in by_kind.items():
        if kind == "open" and len(group) > NAMED_OPEN:
            found.append(Finding(kind, BADGES[kind], _together(group, len(comparisons))))
            continue
        found += [Finding(kind, BADGES[kind], _sentence(one)) for one in group[:NAMED]]
        if len(group) > NAMED:
            names = "; ".join(one.candidate for one in group[NAMED:])
            found.append(Finding(kind, BADGES[kind], f"And {len(group) - NAMED} more arms: {names}."))
    return (*found, *_lengths(comparisons), *_unlike(comparisons))


BADGES: dict[Kind, str] = {"better": "better", "worse": "worse", "open": "not settled"}


def _together(group: Sequence[Comparison], shown: int) -> str:
    """Many arms of which it is not settled whether they differ; which would be, were each the only one compared."""
    given = [(one.candidate, _accuracy(one)) for one in group]
    known = [one.difference for _, one in given if one.difference is not None]
    reach = [one.minimum_detectable for _, one in given if one.minimum_detectable is not None]
    text = (
        f"{len(group)} arms, which score {signed(min(known))} to {signed(max(known))} points"
        if known
        else f"{len(group)} arms"
    )
    text += f" against {group[0].base}: {'; '.join(name for name, _ in given)}."
    if reach:
        text += (
            f" In 8 of 10 cases these data would show a true difference of {100 * min(reach):.1f} to"
            f" {points(max(reach))}, depending on the arm; smaller ones less often."
        )
    alone = [name for name, one in given if one.p_value is not None and one.p_value < ALPHA]
    if alone:
        text += f" Taken alone, and not as one of {shown} comparisons, {' and '.join(alone)} would differ (p < 0.05)."
    return text


def kind_of(comparison: Comparison) -> Kind:
    difference = _accuracy(comparison)
    if difference.difference is None or not is_clear(difference):
        return "open"
    return "better" if difference.difference > 0 else "worse"


def _accuracy(comparison: Comparison) -> Difference:
    """Over all tasks where that can be had, else of the only task, else of the first."""
    return comparison.macro or comparison.tasks[0].accuracy


def _sentence(comparison: Comparison) -> str:
    given = _accuracy(comparison)
    over = (
        "over all tasks"
        if comparison.macro and len(comparison.tasks) > 1
        else f"on {comparison.tasks[0].task}"
    )
    if given.difference is None:
        return f"{comparison.candidate} and {comparison.base} cannot be compared {over}."
    if round(100 * given.difference, 1) == 0:
        said = f"{comparison.candidate} and {comparison.base} score alike {over}"
    else:
        side = "above" if given.difference > 0 else "below"
        said = (
            f"{comparison.candidate} scores {points(abs(given.difference))} {side} {comparison.base} {over}"
        )
    inside = [f"95 % interval {_span(given)}" if given.interval else "no interval can be had"]
    p = _p_of(given)
    inside += [] if p is None else [p_text(p)]
    return f"{said} ({', '.join(inside)}).{'' if is_clear(given) else _reach(given.minimum_detectable)}"


def _reach(detectable: float | None) -> str:
    """What a difference that is not settled may still be."""
    if detectable is None:
        return ""
    if detectable >= HOPELESS:
        return " So few data, above all so few seeds, would hardly show any difference."
    shown = points(detectable)
    return f" These data would show a true difference of {shown} in 8 of 10 cases, smaller ones less often."


def _p_of(given: Difference) -> float | None:
    """The p-value to show: adjusted where tests are shown together."""
    return given.p_value if given.p_adjusted is None else given.p_adjusted


def _lengths(comparisons: Sequence[Comparison]) -> list[Finding]:
    """Which arms write longer or shorter on what both solve; only what is settled, as length is no merit by itself."""
    clear = [one for one in comparisons if one.macro_length is not None and is_clear(one.macro_length)]
    clear.sort(key=lambda one: -abs(_log(one)))
    if not clear:
        return []
    said = [f"{one.candidate} {_change(_log(one))}" for one in clear[:NAMED]]
    more = f", and {len(clear) - NAMED} more arms differ" if len(clear) > NAMED else ""
    text = f"Length, against {clear[0].base} on what both solve: {'; '.join(said)}{more}."
    return [Finding("open", "length", text)]


def _log(comparison: Comparison) -> float:
    assert comparison.macro_length is not None
    return comparison.macro_length.difference or 0.0


def _change(log_ratio: float) -> str:
    share = math.expm1(log_ratio)
    return f"{100 * abs(share):.1f} % {'longer' if share > 0 else 'shorter'}"


def _unlike(comparisons: Sequence[Comparison]) -> list[Finding]:
    said: dict[str, list[str]] = {}
    for one in comparisons:
        for sentence in one.mismatches:
            said.setdefault(sentence.rstrip("."), []).append(one.candidate)
    return [
        Finding(
            "worse",
            "not alike",
            f"{sentence} ({', '.join(names) if len(names) <= NAMED else f'{len(names)} arms'}).",
        )
        for sentence, names in said.items()
    ]


# The tables

LEGEND = (
    "p: two-sided, adjusted for the comparisons shown together (Holm). Detectable: the true difference in points that"
    " would be found in 8 of 10 such experiments. Won, lost: questions, over seeds, that the arm alone or the other"
    " alone solves. Length: change of the geometric mean on what both solve."
    " Cut: change of the share cut at the limit, in points."
)


def overview(comparisons: Sequence[Comparison]) -> Grid:
    """A line for each candidate: difference, interval, p, what could be found, flips, length, truncation."""
    header = ("arm", "difference", "95 % interval", "p", "detectable", "won", "lost", "length", "cut")
    rows = []
    for one in comparisons:
        given = _accuracy(one)
        length = one.macro_length.difference if one.macro_length else None
        cut = one.macro_truncation.difference if one.macro_truncation else None
        rows.append(
            (
                one.candidate,
                signed(given.difference),
                _span(given) if given.interval else NONE,
                _p(_p_of(given)),
                NONE if given.minimum_detectable is None else f"{100 * given.minimum_detectable:.1f}",
                str(sum(task.won for task in one.tasks)),
                str(sum(task.lost for task in one.tasks)),
                NONE if length is None else f"{signed(math.expm1(length))} %",
                signed(cut),
            )
        )
    strong = frozenset(i for i, one in enumerate(comparisons) if kind_of(one) != "open")
    caption = f"Against {comparisons[0].base}, over all tasks that both have"
    return Grid(header, tuple(rows), caption=caption, strong=strong)


def by_task(comparisons: Sequence[Comparison]) -> Grid | None:
    """A line for each candidate and task; None where there is one task, which the overview shows."""
    if all(len(one.tasks) < 2 for one in comparisons):
        return None
    header = ("arm", "task", "questions", "base", "arm", "difference", "95 % interval", "p", "won", "lost")
    rows = []
    for one in comparisons:
        for task in one.tasks:
            given = task.accuracy
            rows.append(
                (
                    one.candidate,
                    task.task,
                    str(task.n_questions),
                    percent(given.base),
                    percent(given.candidate),
                    signed(given.difference),
                    _span(given) if given.interval else NONE,
                    _p(_p_of(given)),
                    str(task.won),
                    str(task.lost),
                )
            )
    return Grid(header, tuple(rows), left=2, caption=f"By task, against {comparisons[0].base}")


def points(value: float) -> str:
    return f"{100 * value:.1f} point{'' if f'{100 * value:.1f}' == '1.0' else 's'}"


def signed(value: float | None) -> str:
    """`+1.9`, `−0.4`, `0.0` per cent or points; – where it cannot be had."""
    if value is None:
        return NONE
    text = f"{100 * abs(value):.1f}"
    return text if text == "0.0" else ("+" if value > 0 else MINUS) + text


def _span(given: Difference) -> str:
    assert given.interval is not None
    return f"{signed(given.interval.low)} to {signed(given.interval.high)}"


def _p(value: float | None) -> str:
    return NONE if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def p_text(value: float) -> str:
    return f"p {_p(value)}" if value < 0.001 else f"p = {_p(value)}"


def notes_of(comparisons: Iterable[Comparison]) -> tuple[str, ...]:
    """What a reader must know besides, each once."""
    return tuple(dict.fromkeys(note for one in comparisons for note in one.notes))
