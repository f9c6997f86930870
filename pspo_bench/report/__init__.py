"""Results → tables: the leaderboard, learning curves, scores.

board = leaderboard(["results/measured"], reported=True)
print(board.to_terminal())
"""

from pspo_bench.report.curve import Curve
from pspo_bench.report.leaderboard import Leaderboard, leaderboard
from pspo_bench.report.scores import scores_table

__all__ = [
    "Curve",
    "Leaderboard",
    "leaderboard",
    "scores_table",
]
