"""Logs of other harnesses in, logs for other harnesses out.

    report = import_run("out/org__model", "gsm8k", "runs/imported")      # lm-eval, lighteval, Inspect, plain JSONL
    export_run(report.run, "lm-eval", "exported")

docs/interop.md says what each format looks like and what becomes of it.
"""

from pspo_bench.interop.agreement import Agreement, Disagreement, ImportReport
from pspo_bench.interop.detect import READERS
from pspo_bench.interop.exporting import WRITERS, export_run
from pspo_bench.interop.importing import import_run

__all__ = ["READERS", "WRITERS", "Agreement", "Disagreement", "ImportReport", "export_run", "import_run"]
