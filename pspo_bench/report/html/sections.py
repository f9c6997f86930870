"""The sections of the page, each from the material; one with nothing to show says in `missing` what would fill it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pspo_bench.compare import Comparison
from pspo_bench.report import plots
from pspo_bench.report.html import provenance, summary
from pspo_bench.report.html.material import Material
from pspo_bench.report.html.parts import Graphic, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pspo_bench.report.leaderboard import Leaderboard

CURVES = (
    ("validation_accuracy", "step"),
    ("validation_accuracy", "tokens"),
    ("entropy", "step"),
    ("validation_length_tokens", "step"),
)
"""The columns of the training logs that are drawn, and the cost against which."""


def graphics(*figures: Figure | None) -> tuple[Graphic, ...]:
    """The figures that there are, as SVG elements."""
    drawn = [figure for figure in figures if figure is not None]
    return tuple(Graphic(plots.to_svg(figure), str(figure.get_label() or "figure")) for figure in drawn)


def differences(material: Material, comparisons: Sequence[Comparison]) -> Section:
    title = "What differs"
    if not comparisons:
        missing = f"nothing to hold {material.base.label} against; add the runs of another arm on the same questions."
        return Section("differences", title, missing=missing)
    tables = [summary.overview(comparisons), summary.by_task(comparisons)]
    lead = (
        f"Every arm against {material.base.label}, paired by question and seed. Differences are in percentage points of"
        " accuracy; p-values are adjusted for all that are shown together (Holm). What is not settled may be a"
        " difference too small for these data, or none."
    )
    return Section(
        "differences",
        title,
        lead,
        findings=summary.findings(comparisons),
        graphics=graphics(plots.differences(comparisons)),
        tables=tuple(table for table in tables if table is not None),
        notes=(summary.LEGEND, *summary.notes_of(comparisons)),
    )


def leaderboards(board: Leaderboard) -> Section:
    return Section("leaderboard", "Leaderboard", html=board.to_html(fragment=True))


def learning(material: Material) -> Section:
    curves = material.curves
    drawn = [
        plots.learning_curves(curves, column, by)  # type: ignore[arg-type]
        for column, by in CURVES
        if curves is not None and column in curves and by in curves
    ]
    found = graphics(*drawn)
    missing = "" if found else "the folder of a study, which has a curves.csv, would show them."
    return Section("learning", "Learning curves", missing=missing, graphics=found)


def temperatures(material: Material) -> Section:
    found = graphics(plots.accuracy_by_temperature(material.entries))
    missing = "scoring the models at several temperatures (eval --temperatures) would show it."
    return Section(
        "temperature", "Accuracy against temperature", missing="" if found else missing, graphics=found
    )


def pass_at(material: Material, temperature: float | None) -> Section:
    found = graphics(plots.pass_at_k(material.entries, temperature))
    missing = "several samples a question (eval --samples, above temperature 0) would show it."
    return Section("pass-at-k", "pass@k", missing="" if found else missing, graphics=found)


def lengths(material: Material, comparisons: Sequence[Comparison], temperature: float | None) -> Section:
    paired = plots.length_changes(comparisons) if comparisons else None
    found = graphics(plots.lengths(material.entries, temperature), paired)
    missing = "nobody counted the tokens of these samples."
    return Section("length", "Length", missing="" if found else missing, graphics=found)


def categories(material: Material, comparisons: Sequence[Comparison], temperature: float | None) -> Section:
    drawn = [plots.heat_map(material.entries, by, temperature) for by in ("category", "difficulty")]
    drawn += [plots.heat_map(comparisons, by) for by in ("category", "difficulty") if comparisons]
    found = graphics(*drawn)
    missing = "the questions have none, or the result files were written before they were kept."
    return Section("categories", "Categories", missing="" if found else missing, graphics=found)


def defects(material: Material, temperature: float | None) -> Section:
    found = graphics(plots.defects(material.entries, temperature))
    missing = (
        "the solutions were not measured; pspo-bench metrics RUN measures those of a run folder, 2 ms each, and keeps"
        " what it finds, where the next report sees it."
    )
    return Section("defects", "Defects of reasoning", missing="" if found else missing, graphics=found)


def browser(material: Material, marked: int, flips: int) -> Section:
    title = "Samples"
    if material.samples is None:
        missing = "result files hold counts and no texts; the run folders would show them."
        return Section("samples", title, missing=missing)
    lead = (
        "Every sample, and beside it what the other arm wrote. An arm solves a question at a temperature where more"
        " than half of its samples, over all seeds, are right."
    )
    notes = (
        [f"{material.left_out:,} samples were left out as too many (--max-samples)."]
        if material.left_out
        else []
    )
    if marked:
        which = f"the {flips:,} questions that flip" if flips else "these samples"
        notes.append(
            f"Arithmetic is marked in {marked:,} solutions, the first of {which}; the others are shown as they are."
        )
    return Section("samples", title, lead, notes=tuple(notes), browser=True)


def origins(material: Material) -> Section:
    lead = "What was run, with what, on what. Hashes are of the questions, prompts and weights themselves."
    found = provenance.arms_of_runs(material)
    return Section(
        "provenance", "Provenance", lead, tables=(provenance.overview(found),), runs=provenance.groups(found)
    )


def without_empty(found: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that have something to show, and one more that says what would fill the others."""
    shown = [section for section in found if not section.missing]
    absent = tuple(f"{section.title}: {section.missing}" for section in found if section.missing)
    return (*shown, Section("absent", "Not in this report", notes=absent)) if absent else tuple(shown)
