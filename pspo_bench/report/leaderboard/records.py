"""What a leaderboard holds: tables of rows of cells, and the differences of the rows from one of them.

Scores, shares and differences are fractions, lengths are tokens, durations seconds; None is what cannot be had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pspo_bench.compare import Difference
from pspo_bench.report.leaderboard.cautions import Caution
from pspo_bench.stats import Interval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Cell:
    """A score and its interval; `n_questions` is None for a figure that was only reported."""

    score: float
    interval: Interval | None
    n_questions: int | None


@dataclass(frozen=True, slots=True)
class AtK:
    """pass@k or maj@k: the mean over the tasks of the macro mean, and over seeds.

    The interval is that of accuracies, on the unbiased estimates of the questions; None for maj@k, of which counts per
    question do not tell that of each.
    """

    k: int
    score: float
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """A metric of single solutions: its mean where it applies, and to which share of the samples that is."""

    mean: float | None
    coverage: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What one seed took, as a mean over seeds: generated tokens of the evaluation shown (of all tasks) and of the
    training, and seconds of the training. None where it is not known of every seed.
    """

    evaluation_tokens: float | None = None
    training_tokens: float | None = None
    training_s: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One objective on one base model. `rank` is None for rows that are not ranked (reported, incomplete).

    `letters`: rows that share one are not told apart (`groups`); None where nothing was compared.
    """

    objective: str
    rank: int | None
    seeds: tuple[int | None, ...]
    temperature: float | None
    cells: dict[str, Cell]
    macro: Cell | None
    median_tokens: float | None = None
    truncation_rate: float | None = None
    completed_only: float | None = None
    n_samples: int | None = None
    pass_at: AtK | None = None
    maj_at: AtK | None = None
    defects: dict[str, Defect] = field(default_factory=dict)
    cost: Cost = Cost()
    letters: str | None = None
    marks: str = ""
    reported: str | None = None
    warnings: tuple[Caution, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A row less the row it is held against. p-values are Holm's over the changes of one figure.

    `macro` is of the accuracy, `length` a log ratio of tokens, `defects` are by the name of the metric.
    """

    objective: str
    macro: Difference | None
    length: Difference | None
    defects: dict[str, Difference]


@dataclass(frozen=True, slots=True)
class Changes:
    """The complete rows of a table, each against the row called `base`."""

    base: str
    rows: tuple[Change, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one base model. The macro mean is over `macro_tasks`, which every complete row has."""

    base_model: str
    tasks: tuple[str, ...]
    macro_tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    changes: Changes | None = None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The tables, and their forms. `command` is what made the board, and is stated in the form."""

    tables: tuple[Table, ...]

    def to_terminal(self, width: int = 118) -> str:
        """Plain text tables of at most `width` columns."""
        from pspo_bench.report.leaderboard.forms.terminal import to_terminal

        return to_terminal(self, width)

    def to_markdown(self, command: str | None = None, *, fragment: bool = False) -> str:
        """GitHub Markdown; as a fragment it has no headings and can stand in any file."""
        from pspo_bench.report.leaderboard.forms.markdown import to_markdown

        return to_markdown(self, command, fragment)

    def to_latex(self, command: str | None = None, *, fragment: bool = False) -> str:
        """A document, or as a fragment its tables, which need the package booktabs."""
        from pspo_bench.report.leaderboard.forms.latex import to_latex

        return to_latex(self, command, fragment)

    def to_html(self, command: str | None = None, *, fragment: bool = False) -> str:
        """A page that needs nothing else, or as a fragment one `<section>`, styled by `forms.html.STYLE`."""
        from pspo_bench.report.leaderboard.forms.html import to_html

        return to_html(self, command, fragment)

    def _repr_html_(self) -> str:
        from pspo_bench.report.leaderboard.forms.html import STYLE

        return f"<style>{STYLE}</style>\n{self.to_html(fragment=True)}"

    def to_frame(self) -> pd.DataFrame:
        """A row for each arm and task, unrounded: see `notebook.board_frame`."""
        from pspo_bench.report.notebook import board_frame

        return board_frame(self)

    def to_json(self, command: str | None = None) -> str:
        """Everything, unrounded."""
        from pspo_bench.report.leaderboard.forms.data import to_json

        return to_json(self, command)

    def to_csv(self) -> str:
        """One line per row of every table, with its differences, unrounded."""
        from pspo_bench.report.leaderboard.forms.data import to_csv

        return to_csv(self)
