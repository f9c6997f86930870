"""Runs as results: counts per question with provenance, their files, and which of them are seeds of one arm.

entries = load_entries(["results/measured", "runs/mine"])     # run folders, result files, folders of them
arms = arms_of(entries, temperature=None)
"""

from pspo_bench.results.arms import Arm, Member, arms_of, labels_of
from pspo_bench.results.counting import result_of
from pspo_bench.results.files import dump_result, export_result, load_entries, load_result, portable
from pspo_bench.results.frames import results_from_frame, samples_of
from pspo_bench.results.measures import kept_measures, measures_of
from pspo_bench.results.result import STEP_FOLDER, Measured, Result, TaskCounts

__all__ = [
    "STEP_FOLDER",
    "Arm",
    "Measured",
    "Member",
    "Result",
    "TaskCounts",
    "arms_of",
    "dump_result",
    "export_result",
    "kept_measures",
    "labels_of",
    "load_entries",
    "load_result",
    "measures_of",
    "portable",
    "result_of",
    "results_from_frame",
    "samples_of",
]
