"""Runs → tables: the leaderboard, and compact result files that can be committed.

board = leaderboard(["results/measured"], reported=True)
print(board.to_terminal())
"""

from pspo_bench.report.curve import Curve
from pspo_bench.report.leaderboard import Leaderboard, leaderboard
from pspo_bench.report.results import (
    Result,
    TaskCounts,
    dump_result,
    export_result,
    load_entries,
    portable,
)
from pspo_bench.report.scores import scores_table

__all__ = [
    "Curve",
    "Leaderboard",
    "Result",
    "TaskCounts",
    "dump_result",
    "export_result",
    "leaderboard",
    "load_entries",
    "portable",
    "scores_table",
]
