"""A study: every model × arm × seed trained from one recipe, after the same tuning for all, then scored alike.

    board, failures = run_study(load_study("pocket/controls"), Path("runs/controls"))

    OUT/tuning/<arm>/t<trial>-s<seed>/        the trials: log and manifest, without weights
    OUT/tuning.json                           every trial with its score, and what was chosen
    OUT/checkpoints/<arm>-s<seed>/            a checkpoint each
    OUT/runs/base, OUT/runs/<arm>-s<seed>/    a run each
    OUT/results/*.json, curves.csv            scores and learning curves with provenance, without any question text
    OUT/LEADERBOARD.md, leaderboard.json      the table
    OUT/MATCHED.md                            arms at the same number of tokens, and of optimiser steps

`grid` says which cells there are, `tuning` what is tried and chosen, `cell` does one, `executors` does many, here or
on a Ray cluster. A cell that is finished is not done again; one that fails is reported and the others go on.
"""

from pspo_bench.study.cell import Failure
from pspo_bench.study.grid import Cell, cells
from pspo_bench.study.plan import plan_lines
from pspo_bench.study.run import run_study

__all__ = ["Cell", "Failure", "cells", "plan_lines", "run_study"]
