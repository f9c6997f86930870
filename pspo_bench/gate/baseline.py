"""A run → a baseline: its result file, with provenance and without any text, to be committed and gated
against.
"""

from __future__ import annotations

from pathlib import Path

from pspo_bench.errors import StoreError
from pspo_bench.gate.policy import Limits
from pspo_bench.gate.run import require_whole
from pspo_bench.results import Result, dump_result, export_result, load_result, result_of
from pspo_bench.store import Run, is_run, write_atomic


def write_baseline(run: str | Path, file: str | Path) -> Result:
    """Write the result file of a whole run, with what the metrics say of its solutions, for limits on
    defects.

    Returns what a gate will read. Raises GateError for a run that is incomplete or that failed in part,
    StoreError where there is none.
    """
    source, target = Path(run), Path(file)
    if is_run(source):
        result = result_of(Run.open(source), measure=True)
        data = export_result(Run.open(source))
    elif source.is_file():
        result = load_result(source)
        data = result.to_dict()
    else:
        raise StoreError(f"{source} is neither a run folder nor a result file: a baseline is made of one run")
    for temperature in {score.temperature for score in result.scores} or {result.info.settings.headline}:
        require_whole(result, Limits().errors, temperature)
    write_atomic(target, dump_result(data).encode())
    return load_result(target)
