"""The HTML report: one self-contained file of a study or a set of runs, made to be opened, searched and printed.

page = report([Path("runs/controls")], against="clip")
"""

from pspo_bench.report.html.build import Page, report

__all__ = ["Page", "report"]
