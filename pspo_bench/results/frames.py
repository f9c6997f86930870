"""A table of samples from anywhere → results, so that scores, comparisons and leaderboards take one's own
numbers.

    frame = pd.DataFrame({"arm": ["ours", "ours"], "task": "gsm8k", "example_id": ["0", "1"], "correct":
    [True, False]}) results_from_frame(frame)

Columns: `task`, `example_id`, and `correct` (true or false) or `status` (`records.Status`) are needed. Used
where they are there: `arm`, `seed` (of training), `model` (the base model), `temperature`, `tokens` (of the
completion; also `completion_tokens`), `truncated` (also `finish_reason`), `extracted` (the answer, for
majority votes), `category`, `difficulty`, `sample_index`. Rows of a question are its samples. What a table
does not say, such as prompts, cannot be checked for being alike.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pspo_bench.config import BASE
from pspo_bench.errors import DataError, unknown
from pspo_bench.records import Status, short_hash
from pspo_bench.results.counting import task_counts
from pspo_bench.results.result import Result
from pspo_bench.store import RunInfo, RunSettings, TaskInfo

if TYPE_CHECKING:
    import pandas as pd

IMPORTED = "imported"
NEEDED = ("task", "example_id")
_TEXT = ("extracted", "category", "difficulty")


def results_from_frame(frame: pd.DataFrame) -> list[Result]:
    """A result for each arm and seed, in order of first appearance.

    The lowest temperature counts as the headline. An arm called `base` without a seed is the base model.
    Raises DataError for columns that are missing and for values that are not what their column holds, naming
    them.
    """
    samples = samples_of(frame)
    groups = samples.groupby(["model", "arm", "seed"], sort=False, dropna=False)
    return [
        _result(str(model), str(arm), _seed(cast(float, seed)), rows) for (model, arm, seed), rows in groups
    ]


def samples_of(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns, names and types of `Run.frame` that figures are made from; checked."""
    import pandas as pd

    _require(frame)
    out = pd.DataFrame(index=pd.RangeIndex(len(frame)))
    given = frame.reset_index(drop=True)
    out["model"] = _text(given, "model", "model")
    out["arm"] = _text(given, "arm", "samples")
    out["seed"] = _numbers(given, "seed", None)
    out["task"], out["example_id"] = _text(given, "task", ""), _text(given, "example_id", "")
    out["temperature"] = _numbers(given, "temperature", 0.0).astype(float) + 0.0
    out["status"] = _statuses(given)
    out["finish_reason"] = _finish(given, out["status"])
    out["completion_tokens"] = _numbers(given, "tokens" if "tokens" in given else "completion_tokens", None)
    out["max_tokens"] = _numbers(given, "max_tokens", 0).astype(int)
    for name in _TEXT:
        out[name] = given[name].astype(object) if name in given else None
    _unique(given, out)
    return out


def _require(frame: pd.DataFrame) -> None:
    missing = [name for name in NEEDED if name not in frame]
    if "correct" not in frame and "status" not in frame:
        missing.append("correct (or status)")
    if missing:
        has = ", ".join(str(name) for name in frame.columns) or "none"
        raise DataError(
            f"The table of samples has no column {', '.join(missing)}; it has {has}. Rename or add what is missing"
        )
    if frame.empty:
        raise DataError("The table of samples has no rows; a score needs at least one")
    for name in (*NEEDED, "arm", "model", "temperature"):
        if name in frame and (empty := int(frame[name].isna().sum())):
            raise DataError(
                f"Column {name} is empty in {empty} of {len(frame)} rows; fill it or drop these rows"
            )


def _text(frame: pd.DataFrame, name: str, default: str) -> Any:
    return frame[name].astype(str) if name in frame else default


def _numbers(frame: pd.DataFrame, name: str, default: float | None) -> Any:
    import pandas as pd

    if name not in frame:
        return pd.Series(default, index=frame.index, dtype="float64")
    numbers = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    wrong = frame[name][numbers.isna() & frame[name].notna()]
    if len(wrong):
        raise DataError(f"Column {name} must hold numbers, not {wrong.tolist()[0]!r}")
    return numbers if default is None else numbers.fillna(default)


def _statuses(frame: pd.DataFrame) -> pd.Series[str]:
    known = [status.value for status in Status]
    if "status" in frame:
        for value in frame["status"].unique():
            if value not in known:
                raise DataError(f"{unknown('status', str(value), known)}; or give a column `correct` instead")
        return frame["status"].astype(str)
    wrong = [value for value in frame["correct"].unique().tolist() if not _is_verdict(value)]
    if wrong:
        raise DataError(f"Column correct must hold true or false (or 1 or 0), not {wrong[0]!r}")
    return frame["correct"].astype(float).map({1.0: Status.CORRECT.value, 0.0: Status.WRONG.value})


def _is_verdict(value: object) -> bool:
    return isinstance(value, int | float) and value in (0, 1)


def _finish(frame: pd.DataFrame, status: pd.Series[str]) -> Any:
    if "finish_reason" in frame:
        return frame["finish_reason"].astype(str)
    cut = status == Status.TRUNCATED.value
    if "truncated" in frame:
        cut |= frame["truncated"].fillna(False).astype(bool)
    return cut.map({True: "length", False: "stop"})


def _unique(given: pd.DataFrame, out: pd.DataFrame) -> None:
    if "sample_index" not in given:
        return
    names = ["model", "arm", "seed", "task", "temperature", "example_id"]
    twice = out[names].assign(sample_index=given["sample_index"]).duplicated()
    if twice.any():
        row = out[twice].iloc[0]
        raise DataError(
            f"{int(twice.sum())} rows are there twice, such as sample {given['sample_index'][twice].iloc[0]} of"
            f" {row['task']} {row['example_id']}; drop them, or tell them apart by arm or seed"
        )


def _seed(value: float) -> int | None:
    return None if value != value else int(value)


def _result(model: str, arm: str, seed: int | None, rows: pd.DataFrame) -> Result:
    temperatures = tuple(sorted(float(t) for t in rows["temperature"].unique()))
    per_question = rows.groupby(["task", "temperature", "example_id"]).size()
    tasks = {str(task): _task_info(part) for task, part in rows.groupby("task", sort=False)}
    name = arm if seed is None else f"{arm}-s{seed}"
    manifest = {"name": name, "method": IMPORTED, "objective": arm, "base_model": model, "seed": seed}
    info = RunInfo(
        model=name,
        base_model=model,
        fingerprint=short_hash(model, arm, seed),
        engine=IMPORTED,
        engine_version="",
        dtype="",
        device="",
        settings=RunSettings(temperatures, int(per_question.max()), top_p=1.0, max_tokens=None, seed=0),
        tasks=tasks,
        versions={},
        git_commit=None,
        created="",
        manifest=None if arm == BASE and seed is None else manifest,
    )
    counts = task_counts(rows, list(tasks), None)
    if rows["extracted"].isna().all():  # without answers there is no vote
        counts = tuple(replace(one, maj_at={}) for one in counts)
    return Result(info, counts, complete=True, source=Path(name))


def _task_info(rows: pd.DataFrame) -> TaskInfo:
    """Two arms that were asked other questions are told apart by the hash."""
    questions = sorted(rows["example_id"].unique())
    expected = {f"{t:g}": int(n) for t, n in rows.groupby("temperature").size().items()}
    asked = {f"{t:g}": int(n) for t, n in rows.groupby("temperature")["example_id"].nunique().items()}
    limit = int(rows["max_tokens"].max())
    return TaskInfo(len(questions), short_hash(*questions), "", "", limit, expected, expected_questions=asked)
