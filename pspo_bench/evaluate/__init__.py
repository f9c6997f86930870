"""Tasks + model → Run.

    run = evaluate("runs/pspo-s0", ["gsm8k", "svamp"], Path("runs/pspo-s0-eval"), EvalSettings(limit=200))

A run resumes by itself: what its parts already hold is not made again, whatever killed the run before.
"""

from pspo_bench.evaluate.jobs import Job, Workload, jobs, workloads
from pspo_bench.evaluate.run import evaluate, open_engine
from pspo_bench.evaluate.settings import EvalSettings

__all__ = ["EvalSettings", "Job", "Workload", "evaluate", "jobs", "open_engine", "workloads"]
