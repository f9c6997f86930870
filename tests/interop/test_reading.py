"""Hostile files: each gets one sentence with file and line, and no run folder is made."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.errors import ConfigError, DataError
from pspo_bench.interop import import_run
from pspo_bench.interop.reading import json_lines

GOOD = {"id": "a", "gold": "4", "completion": "#### 4"}
GOOD_LINE = json.dumps(GOOD).encode()


def refused(tmp_path: Path, data: bytes, name: str = "rows.jsonl", **options: Any) -> str:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError) as error:
        import_run(tmp_path / name, "none", tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "b", "gold": "4", "completion": "\xff"}', "line 2 is not UTF-8"),
        (b'{"id": "b", "gold": "4", "completion": NaN}', "line 2 is not JSON: NaN is not a number"),
        (b'{"id": "b", "gold": "4", "completion": "4", "temperature": 1e999}', "'temperature' must be a finite number"),
        (b"[" * 100_000 + b"]" * 100_000, "line 2 is nested too deeply"),
        (b'{"id": "b", "gold": "4"', "line 2 is not JSON"),
        (b"[1]", "line 2 is not a JSON object but a list"),
        (b'{"id": "b", "gold": "4"}', "line 2 has no 'completion'"),
        (b'{"id": "b", "gold": "4", "completion": 4}', "line 2: 'completion' must be text, not 4"),
        (b'{"id": "b", "gold": ["4"], "completion": "4"}', "line 2: 'gold' must be text, not a list"),
        (b'{"id": true, "gold": "4", "completion": "4"}', "line 2: 'id' must be text, not true or false"),
        (b'{"id": "b", "gold": "4", "completion": "4", "sample_index": -1}', "'sample_index' must be a whole number"),
        (b'{"id": "b", "gold": "4", "completion": "4", "sample_index": 1.5}', "'sample_index' must be a whole number"),
        (b'{"id": "b", "gold": "4", "completion": "4", "seed": 1' + b"0" * 30 + b"}", "'seed' must be a whole number"),
        (b'{"id": "b", "gold": "4", "completion": "4", "finish_reason": "bored"}', "unknown finish_reason 'bored'"),
        (b'{"id": "b", "gold": "4", "completion": "4", "stop": "x"}', "'stop' must be a JSON list, as text"),
        (b'{"id": "b", "gold": "4", "completion": "4", "top_p": -5}', "'top_p' must be a number from 0 to 1, not -5"),
        (b'{"id": "b", "gold": "4", "completion": "4", "top_p": 0}', "'top_p' must be a number above 0 and at most 1"),
        (b'{"id": "b", "gold": "4", "completion": "4", "min_p": 77}', "'min_p' must be a number from 0 to 1, not 77"),
        (b'{"id": "b", "gold": "4", "completion": "4", "top_k": -1}', "'top_k' must be a whole number of at least 0"),
        (b'{"id": "b", "gold": "4", "completion": "4", "max_tokens": -1}', "'max_tokens' must be a whole number"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_row(tmp_path: Path, line: bytes, said: str) -> None:
    assert said in refused(tmp_path, GOOD_LINE + b"\n" + line + b"\n")


def test_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pspo_bench.interop.reading.MAX_LINE_BYTES", 1 << 20)
    assert "line 2 is longer than 1 MiB" in refused(
        tmp_path, GOOD_LINE + b"\n" + b" " * (1 << 20) + GOOD_LINE
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b'{"a": 1}', "is in no known format: its first line has a; known: "),
        (
            b'{\n"results": {}, "configs": {}}',
            "is no log of Inspect with its samples (it has: configs, results)",
        ),
        (b"PAR1 and then no Parquet", "cannot be read as Parquet"),
        (b'{"eval": {"model": "m"}, "samples": [3]}', "sample 1 is not a JSON object"),
        (b'{"eval": {"model": "m"}, "samples": [{"target": 3}]}', "'target' must be text or a list of texts"),
        (b'{"resps": [["4"]], "doc": {}, "arguments": {}}', "'arguments' does not hold a prompt"),
    ],
)
def test_a_file_that_is_no_log(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in refused(tmp_path, data)


def test_parquet_of_something_else(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"doc": ["text"], "metric": [1], "model_response": [2]}), tmp_path / "x.parquet")
    data = (tmp_path / "x.parquet").read_bytes()
    assert "is not a details file of lighteval" in refused(tmp_path, data, "y.parquet")


def test_a_printed_list_is_not_evaluated(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    trap = f"[__import__('pathlib').Path({str(tmp_path / 'sprung')!r}).touch()]"
    row = {"example": "What is 2 + 2?", "predictions": trap, "gold": "['4']", "metrics": "{}"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "details_x_1.parquet")
    frame = import_run(tmp_path / "details_x_1.parquet", "none", tmp_path / "run").run.frame()
    assert frame["completion"].item() == trap
    assert not (tmp_path / "sprung").exists()


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b'{"id": "a", "gold": "4", "completion": "\\ud800 #### 4"}\n')
    for _ in range(2):  # the second time it must be found to be the same
        report = import_run(tmp_path / "rows.jsonl", "none", tmp_path / "run")
    assert report.run.frame()["completion"].item() == "\ufffd #### 4"
    assert report.new == 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read .*none.jsonl: No such file"):
        import_run(tmp_path / "none.jsonl", "none", tmp_path / "run")
    with pytest.raises(DataError, match="has no samples"):
        import_run(tmp_path, "none", tmp_path / "run")
    with pytest.raises(ConfigError, match="Unknown format 'lmeval' .did you mean 'lm-eval'"):
        import_run(tmp_path / "none.jsonl", "none", tmp_path / "run", format="lmeval")


def test_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    line = json.dumps({**GOOD, "completion": "x" * 100_000}) + "\n"
    with path.open("w") as file:
        for _ in range(300):
            file.write(line)
    tracemalloc.start()
    try:
        assert sum(1 for _ in json_lines(path)) == 300
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000, "of a file of 30 MB"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    (tmp_path / "rows.jsonl").write_bytes(mark + GOOD_LINE)
    assert import_run(tmp_path / "rows.jsonl", "none", tmp_path / "a").samples == 1
    log = (Path(__file__).parent / "data" / "inspect.json").read_bytes()
    (tmp_path / "dump.json").write_bytes(mark + log)
    assert import_run(tmp_path / "dump.json", "pocket_gsm", tmp_path / "b").samples == 4
    assert "is empty" in refused(tmp_path, mark)


@pytest.mark.parametrize("wrong", [{"top_p": -5}, {"top_p": 1.5}, {"min_p": 77}])
def test_settings_of_a_log_that_nothing_draws_with(tmp_path: Path, wrong: dict[str, float]) -> None:
    """A harness may log 0, which some servers take for greedy; what is out of range no server took."""
    (name,) = wrong
    data = Path(__file__).parent / "data"
    (file,) = (data / "lm-eval" / "pocket-base").glob("samples_pocket_greedy_*")
    row = json.loads(file.read_text().splitlines()[0])
    row["arguments"]["gen_args_0"]["arg_1"] |= wrong
    assert f"'{name}' must be a number from 0 to 1, not {wrong[name]}" in refused(
        tmp_path, json.dumps(row).encode()
    )
