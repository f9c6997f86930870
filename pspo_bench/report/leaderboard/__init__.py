"""The leaderboard: one table per base model, one row per objective, trained seeds aggregated.

    board = leaderboard(["results/measured"], reported=True)
    board.to_markdown("pspo-bench leaderboard results/measured --reported")

    records   what a board holds                 rows, scores    arms → rows
    columns   what a row shows, in every form    groups          which rows are not told apart
    forms/    terminal, Markdown, LaTeX, ...     changes         the rows against one of them

Cells are accuracies with a 95 % interval: over seeds and questions where there are several seeds
(`stats.arm_interval`), else over questions alone, and then the row says that training variance is not
covered. Figures of the paper are rows of their own, marked as reported and never ranked.
"""

from pspo_bench.report.leaderboard.build import board_of, leaderboard
from pspo_bench.report.leaderboard.records import Cell, Change, Changes, Leaderboard, Row, Table

__all__ = ["Cell", "Change", "Changes", "Leaderboard", "Row", "Table", "board_of", "leaderboard"]
