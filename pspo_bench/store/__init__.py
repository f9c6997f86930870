"""Run folders: the samples of one checkpoint, appended as whole Parquet parts, read back as one table.

    RUN/run.json         what was run (`RunInfo`) and, once every expected sample is there, `finished`
    RUN/parts/*.parquet  samples; each part is written under a temporary name, synced and renamed
    RUN/rescored/*       verdicts of later checks of the same completions; the newest file counts
    RUN/set_aside/       parts that could not be used, moved out of the way with a warning

Rows are keyed by `records.SAMPLE_KEY`, so writing a row twice changes nothing: resume, top-up and many
concurrent writers need no lock. The table's order depends on the rows alone, never on who wrote them when.

    run = Run.open("runs/clip-s0", create=True)
    run.start(info)                      # a new folder, or one that fits
    run.append(samples)                  # one part
    todo = wanted - run.done_keys()
    run.finish(); run.frame()

Rename-into-place is the maildir idea (https://cr.yp.to/proto/maildir.html); page checksums are Parquet's own
(https://parquet.apache.org/docs/file-format/data-pages/checksumming/).
"""

from pspo_bench.store.info import RunInfo, RunSettings, TaskInfo
from pspo_bench.store.parts import PartSetAsideWarning, natural_key, write_atomic, write_error
from pspo_bench.store.run import Run, is_run
from pspo_bench.store.verdicts import VERDICT_COLUMNS, VERDICT_FILE_COLUMNS, row_hashes

__all__ = [
    "VERDICT_COLUMNS",
    "VERDICT_FILE_COLUMNS",
    "PartSetAsideWarning",
    "Run",
    "RunInfo",
    "RunSettings",
    "TaskInfo",
    "is_run",
    "natural_key",
    "row_hashes",
    "write_atomic",
    "write_error",
]
