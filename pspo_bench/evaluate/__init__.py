"""Tasks + model → Run.

    run = evaluate("runs/pspo-s0", ["gsm8k", "svamp"], Path("runs/pspo-s0-eval"), EvalSettings(limit=200))

A run resumes by itself: what its parts already hold is not made again, whatever killed the run before.
"""

from pspo_bench.evaluate.jobs import Job, Workload, jobs, workloads
from pspo_bench.evaluate.run import evaluate, open_engine
from pspo_bench.evaluate.settings import EvalSettings
from pspo_bench.evaluate.sweep import Failure, Target, evaluate_all, targets

__all__ = [
    "EvalSettings",
    "Failure",
    "Job",
    "Target",
    "Workload",
    "evaluate",
    "evaluate_all",
    "jobs",
    "open_engine",
    "targets",
    "workloads",
]
