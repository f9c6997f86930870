"""How much of a score is the grader? Every grader over every sample of runs, and where they disagree.

    result = audit(["runs/clip"], AuditSettings(graders=("symbolic", "paper")))
    result.overall.accuracy("paper"), result.overall.span      # 0.62, 0.05
    write_audit(result, Path("audit/clip"))                    # AUDIT.md, audit.json, disagreements.jsonl

An audit is a function of the runs' samples alone, but for the seconds that it reports; it changes nothing in them.
"""

from pspo_bench.audit.graders import DEFAULT_GRADERS, GRADERS, Grader
from pspo_bench.audit.render import to_json, to_markdown, to_terminal, write_audit
from pspo_bench.audit.result import Agreement, Audit, Disagreement, Group
from pspo_bench.audit.run import AuditSettings, audit, plan_lines

__all__ = [
    "DEFAULT_GRADERS",
    "GRADERS",
    "Agreement",
    "Audit",
    "AuditSettings",
    "Disagreement",
    "Grader",
    "Group",
    "audit",
    "plan_lines",
    "to_json",
    "to_markdown",
    "to_terminal",
    "write_audit",
]
