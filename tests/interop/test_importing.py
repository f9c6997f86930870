"""Genuine logs of lm-eval, lighteval and Inspect become runs, and plain rows do."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pspo_bench.answers import check
from pspo_bench.errors import AnswerError, ConfigError, DataError, StoreError
from pspo_bench.interop import ImportReport, import_run
from pspo_bench.records import Example
from pspo_bench.results import result_of
from pspo_bench.store import Run
from pspo_bench.tasks import load_examples, load_task

Logs = dict[str, Path]
WriteRows = Callable[..., Path]
TASK = "pocket_gsm"


def agreements(report: ImportReport) -> dict[str, tuple[float, float, int | None]]:
    return {one.name: (one.theirs, one.ours, one.disagreements) for one in report.agreements}


class TestLmEval:
    def test_a_completion_under_two_filters_is_one_sample(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lm-eval"], TASK, tmp_path / "run")
        assert (report.rows, report.samples, report.new) == (16, 8, 8)  # 8 questions under 2 filters
        frame = report.run.frame()
        assert list(frame["example_id"]) == [f"pocket_gsm-test-{i}" for i in range(8)]
        # The model is right on 1, 2, 3, 6 and 7, which a reader of the file can see: 5 of 8.
        assert list(frame["status"] == "correct") == [False, True, True, True, False, False, True, True]
        assert agreements(report) == {
            "exact_match[strict-match]": (0.625, 0.625, 0),
            "exact_match[flexible-extract]": (0.625, 0.625, 0),
        }
        assert "lm-eval 0.4.13's exact_match[strict-match]: 62.5 %; ours: 62.5 %; they disagree on 0" in str(
            report
        )

    def test_what_the_rows_say_of_their_making(
        self, logs: Logs, tmp_path: Path, examples: Sequence[Example]
    ) -> None:
        run = import_run(logs["lm-eval sampled"], TASK, tmp_path / "run").run
        info, row = run.info, run.frame().iloc[0]
        assert (info.model, info.engine, info.engine_version) == ("pocket-base", "import", "lm-eval 0.4.13")
        assert (info.dtype, info.device) == ("float32", "cpu")
        assert (row["temperature"], row["max_tokens"], row["stop"], row["seed"]) == (
            0.8,
            64,
            '["\\n\\n"]',
            1234,
        )
        assert (info.settings.temperatures, info.settings.samples) == ((0.8,), 3)
        assert row["example_hash"] == examples[0].hash
        assert row["category"] == examples[0].category
        assert info.fingerprint.startswith("import-")

    def test_repeats_are_samples_and_take_first_scores_the_first(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lm-eval sampled"], TASK, tmp_path / "run")
        frame = report.run.frame()
        assert Counter(frame["sample_index"]) == {0: 8, 1: 8, 2: 8}
        first = frame[frame["sample_index"] == 0]
        ours = (first["status"] == "correct").mean()
        # Of the first completions 3 end in `#### <right>`, and one states 36 in its last sum and ends in "Done.".
        assert agreements(report) == {
            "exact_match[strict-match]": (0.375, ours, 1),
            "exact_match[flexible-extract]": (0.5, ours, 0),
        }
        (one,) = next(a for a in report.agreements if "strict" in a.name).shown
        assert (one.example_id, one.sample_index, one.theirs, one.status) == (
            "pocket_gsm-test-3",
            0,
            0.0,
            "correct",
        )

    def test_without_take_first_a_score_is_of_the_question(self, logs: Logs, tmp_path: Path) -> None:
        path = tmp_path / logs["lm-eval sampled"].name  # no results beside it, so no filter is known
        path.write_bytes(logs["lm-eval sampled"].read_bytes())
        report = import_run(path, TASK, tmp_path / "run", model="given")
        assert report.run.info.model == "given"
        assert {(one.unit, one.disagreements) for one in report.agreements} == {("question", None)}

    def test_the_task_of_a_folder(self, logs: Logs, tmp_path: Path) -> None:
        folder = logs["lm-eval"].parent.parent
        with pytest.raises(DataError, match="samples of 2 tasks or models: .*greedy.*sampled.*name one"):
            import_run(folder, TASK, tmp_path / "run")
        out = tmp_path / "out" / "model"
        out.mkdir(parents=True)
        for time in ("2026-01-01T00-00-00.1", "2026-01-02T00-00-00.1"):
            (out / f"samples_pocket_gsm_{time}.jsonl").write_bytes(logs["lm-eval"].read_bytes())
        report = import_run(out.parent, TASK, tmp_path / "run")
        assert (
            report.run.info.settings.engine_options["imported"]
            == "samples_pocket_gsm_2026-01-02T00-00-00.1.jsonl"
        )

    def test_log_likelihoods_are_refused(self, logs: Logs, tmp_path: Path) -> None:
        row = json.loads(logs["lm-eval"].read_text().splitlines()[0])
        row["resps"] = [[["-1.5", "False"]], [["-2.5", "False"]]]
        path = tmp_path / "samples_x_1.jsonl"
        path.write_text(json.dumps(row))
        with pytest.raises(DataError, match=r"line 1: 'resps' .* only generation tasks"):
            import_run(path, "none", tmp_path / "run")

    def test_rows_before_0_4_3(self, logs: Logs, tmp_path: Path) -> None:
        path = tmp_path / "old.jsonl"
        with path.open("w") as file:
            for line in logs["lm-eval"].read_text().splitlines()[:8]:
                row = json.loads(line)
                given = row["arguments"]["gen_args_0"]
                row["arguments"] = [[given["arg_0"], given["arg_1"]]]
                del row["filter"], row["metrics"]
                file.write(json.dumps(row) + "\n")
        report = import_run(path, TASK, tmp_path / "run")
        assert agreements(report) == {"exact_match[none]": (0.625, 0.625, 0)}

    def test_conversations_in_place_of_prompts(self, logs: Logs, tmp_path: Path) -> None:
        path = tmp_path / "chat.jsonl"
        with path.open("w") as file:
            for line in logs["lm-eval"].read_text().splitlines():
                row = json.loads(line)
                prompt = row["arguments"]["gen_args_0"]["arg_0"]
                row["arguments"]["gen_args_0"]["arg_0"] = [json.dumps([{"role": "user", "content": prompt}])]
                file.write(json.dumps(row) + "\n")
        frame = import_run(path, TASK, tmp_path / "run").run.frame()
        assert (frame["status"] == "correct").sum() == 5
        assert frame["prompt_hash"].nunique() == 8

    def test_as_its_own_task(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lm-eval"], "none", tmp_path / "run")
        frame = report.run.frame()
        assert report.complete
        assert set(frame["task"]) == {"pocket_greedy"}
        assert list(frame["gold"]) == ["20", "29", "15", "36", "3", "18", "16", "42"]
        assert (frame["status"] == "correct").sum() == 5


class TestLighteval:
    def test_one_completion_a_question(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lighteval"], TASK, tmp_path / "run")
        assert (report.samples, report.examples_with_samples) == (8, 8)
        info = report.run.info
        assert (info.model, info.dtype, info.settings.temperatures) == ("pocket-base", "float32", (0.8,))
        (one,) = report.agreements
        assert (one.name, one.unit, one.n, one.disagreements) == ("extractive_match", "sample", 8, 0)
        assert one.theirs == one.ours

    def test_several_completions_have_a_score_of_the_question(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lighteval three"], TASK, tmp_path / "run")
        assert Counter(report.run.frame()["sample_index"]) == {0: 8, 1: 8, 2: 8}
        (one,) = report.agreements
        assert (one.name, one.unit) == ("pass@k:k=1&n=3", "question")
        assert one.theirs == pytest.approx(one.ours)  # pass@1 of 3 samples is their mean

    def test_padded_tokens_are_not_counted(self, logs: Logs, tmp_path: Path) -> None:
        frame = import_run(logs["lighteval"], TASK, tmp_path / "run").run.frame()
        assert frame["completion_tokens"].isna().all()
        assert set(frame["finish_reason"]) == {"stop"}

    def test_the_older_layout(self, logs: Logs, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="does not say at which temperature .*give temperature="):
            import_run(logs["lighteval 0.8.1"], TASK, tmp_path / "run")
        report = import_run(logs["lighteval 0.8.1"], TASK, tmp_path / "run", temperature=0.8)
        assert report.samples == 12
        assert report.run.info.model == "pocket-base"
        assert [one.name for one in report.agreements] == ["extractive_match"]

    @pytest.mark.parametrize(
        ("tokens", "unknown"),
        [
            ([*range(60), 9, 9, 9, 9], 1),  # 64, the limit: padded, or cut while it went round in circles
            ([*range(60), 9, 9, 9], 0),  # 63: it ended before the limit, whatever it ended in
            (list(range(64)), 0),
        ],
    )
    def test_a_list_that_fills_the_limit_with_one_token_says_nothing(
        self, logs: Logs, tmp_path: Path, tokens: list[int], unknown: int
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        (row,) = pq.read_table(logs["lighteval"]).slice(0, 1).to_pylist()
        row["model_response"]["output_tokens"] = [tokens]
        path = tmp_path / "details_x_1.parquet"
        pq.write_table(pa.Table.from_pylist([row]), path)
        report = import_run(path, TASK, tmp_path / "run", temperature=0.0)
        assert report.unknown_ends == unknown
        assert report.run.frame()["finish_reason"].item() == ("length" if len(set(tokens)) == 64 else "stop")
        row["doc"]["generation_size"] = None  # no limit is known, so none can be said to have been reached
        pq.write_table(pa.Table.from_pylist([row]), path)
        assert import_run(path, TASK, tmp_path / "none", temperature=0.0).unknown_ends == 1

    @pytest.mark.parametrize("rename", [lambda name: f"__{name}__", str])
    def test_underscored_columns_and_token_counts(
        self, logs: Logs, tmp_path: Path, rename: Callable[[str], str]
    ) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(logs["lighteval"]).slice(0, 2).to_pylist()
        rows[0]["model_response"]["output_tokens"] = [[5, 6, 7]]
        rows[1]["model_response"]["output_tokens"] = [list(range(64))]  # as long as generation_size
        path = tmp_path / "details_x_1.parquet"
        pq.write_table(pa.Table.from_pylist(rows).rename_columns([rename(n) for n in rows[0]]), path)
        frame = import_run(path, TASK, tmp_path / "run", temperature=0.0).run.frame()
        ends = zip(frame["completion_tokens"], frame["finish_reason"], strict=True)
        found = dict(zip(frame["question"], ends, strict=True))
        assert found[rows[0]["doc"]["query"]] == (3, "stop")
        assert found[rows[1]["doc"]["query"]] == (64, "length")

    def test_values_printed_as_text(self, logs: Logs, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = pq.read_table(logs["lighteval 0.8.1"]).to_pylist()
        path = tmp_path / "details_x_1.parquet"
        pq.write_table(pa.Table.from_pylist([{k: str(v) for k, v in row.items()} for row in rows]), path)
        whole = import_run(logs["lighteval 0.8.1"], TASK, tmp_path / "a", temperature=0.8)
        printed = import_run(path, TASK, tmp_path / "b", temperature=0.8)
        assert list(printed.run.frame()["completion"]) == list(whole.run.frame()["completion"])
        assert agreements(printed) == agreements(whole)


class TestInspect:
    def test_epochs_scores_and_truncation(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["inspect"], TASK, tmp_path / "run")
        frame = report.run.frame()
        assert list(frame["sample_index"]) == [0, 1, 0, 1]
        assert list(frame["status"]) == ["correct", "wrong", "truncated", "correct"]
        assert list(frame["finish_reason"]) == ["stop", "stop", "length", "stop"]
        assert frame["completion_tokens"].notna().all()
        assert agreements(report) == {"match": (0.5, 0.5, 0)}
        info = report.run.info
        assert (info.model, info.engine_version) == ("mockllm/model", "inspect 0.3.285")
        assert (info.settings.temperatures, info.settings.seed, info.tasks[TASK].max_tokens) == (
            (0.7,),
            5,
            64,
        )

    def test_a_sample_that_failed_is_an_error(self, logs: Logs, tmp_path: Path) -> None:
        log = json.loads(logs["inspect"].read_text())
        log["samples"][1] |= {
            "error": {"message": "the server went away"},
            "output": {"choices": []},
            "scores": {},
        }
        path = tmp_path / "dump.json"
        path.write_text(json.dumps(log))
        frame = import_run(path, TASK, tmp_path / "run").run.frame()
        assert Counter(frame["status"])["error"] == 1
        assert frame.loc[frame["status"] == "error", "reason"].item() == "the server went away"

    def test_a_sample_that_failed_among_several_choices(self, logs: Logs, tmp_path: Path) -> None:
        """Two epochs of three choices each: the first has places 0, 1 and 2, the second failed and has 3."""
        log = json.loads(logs["inspect"].read_text())
        log["samples"] = [one for one in log["samples"] if one["id"] == log["samples"][0]["id"]]
        first, second = sorted(log["samples"], key=lambda one: int(one["epoch"]))
        second |= {"error": {"message": "the server went away"}, "output": {"choices": []}, "scores": {}}
        first["output"]["choices"] *= 3
        path = tmp_path / "dump.json"
        path.write_text(json.dumps(log))
        frame = import_run(path, TASK, tmp_path / "run").run.frame()
        assert list(frame["sample_index"]) == [0, 1, 2, 3]
        assert [reason == "error" for reason in frame["finish_reason"]] == [False, False, False, True]

    def test_parts_and_attachments(self, logs: Logs, tmp_path: Path) -> None:
        log = json.loads(logs["inspect"].read_text())
        first = log["samples"][0]
        first["attachments"] = {"ab": first["output"]["choices"][0]["message"]["content"]}
        first["output"]["choices"][0]["message"]["content"] = [
            {"type": "reasoning", "reasoning": "hm"},
            {"type": "text", "text": "attachment://ab"},
        ]
        first["input"] = [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": first["input"]},
        ]
        path = tmp_path / "dump.json"
        path.write_text(json.dumps(log))
        frame = import_run(path, TASK, tmp_path / "run").run.frame()
        assert frame["completion"].iloc[0] == first["attachments"]["ab"]

    def test_a_packed_log_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "log.eval").write_bytes(b"PK\x03\x04" + bytes(20))
        with pytest.raises(DataError, match="is packed; .* inspect log dump"):
            import_run(tmp_path / "log.eval", TASK, tmp_path / "run")


class TestPlain:
    def test_every_known_field_is_kept(self, write_rows: WriteRows, tmp_path: Path) -> None:
        row = {"id": 7, "question": "What is 3 + 4?", "gold": 7, "completion": "3 + 4 = 7\n#### 7", "seed": 3}
        row |= {"sample_index": 2, "temperature": 0.5, "model": "org/m", "finish_reason": "max_tokens"}
        row |= {"completion_tokens": 12, "prompt_tokens": 30, "top_p": 0.9, "top_k": 40, "max_tokens": 12}
        run = import_run(write_rows(row, name="sums.jsonl"), "none", tmp_path / "run").run
        (found,) = run.frame().to_dict("records")
        wanted = {
            "task": "sums",
            "example_id": "7",
            "gold": "7",
            "sample_index": 2,
            "temperature": 0.5,
            "seed": 3,
        }
        wanted |= {
            "finish_reason": "length",
            "completion_tokens": 12,
            "prompt_tokens": 30,
            "top_p": 0.9,
            "top_k": 40,
        }
        assert {name: found[name] for name in wanted} == wanted
        again = check(row["completion"], "7", question=row["question"], truncated=True)  # type: ignore[arg-type]
        assert (found["status"], found["reason"]) == (again.status.value, again.reason)
        assert run.info.model == "org/m"

    def test_samples_are_counted_where_they_have_no_index(
        self, write_rows: WriteRows, tmp_path: Path
    ) -> None:
        rows = [
            {"id": i, "gold": "4", "completion": f"#### {n}", "temperature": 1}
            for n in range(3)
            for i in "ab"
        ]
        frame = import_run(write_rows(*rows), "none", tmp_path / "run").run.frame()
        assert list(frame["sample_index"]) == [0, 1, 2] * 2
        assert list(frame["completion"]) == ["#### 0", "#### 1", "#### 2"] * 2

    def test_a_silent_log_is_greedy(self, write_rows: WriteRows, tmp_path: Path) -> None:
        path = write_rows({"id": "a", "gold": "4", "completion": "#### 4"})
        report = import_run(path, "none", tmp_path / "run")
        assert report.run.info.settings.temperatures == (0.0,)
        assert (report.unknown_ends, report.complete) == (1, True)
        assert "do not say why they ended" in str(report)
        hot = import_run(path, "none", tmp_path / "hot", temperature=0.6)
        assert hot.run.info.settings.temperatures == (0.6,)

    def test_several_models(self, write_rows: WriteRows, tmp_path: Path) -> None:
        rows = [
            {"id": "a", "gold": "4", "completion": f"#### {n}", "model": m} for m, n in (("m1", 4), ("m2", 5))
        ]
        path = write_rows(*rows)
        with pytest.raises(DataError, match=r"completions of 2 models \(m1, m2\); select one with model="):
            import_run(path, "none", tmp_path / "run")
        assert not (tmp_path / "run").exists()
        assert import_run(path, "none", tmp_path / "run", model="m2").run.frame()["completion"].tolist() == [
            "#### 5"
        ]
        with pytest.raises(DataError, match="no completion of model 'm3', but of: m1, m2"):
            import_run(path, "none", tmp_path / "other", model="m3")

    def test_two_completions_in_one_place(self, write_rows: WriteRows, tmp_path: Path) -> None:
        row = {"id": "a", "gold": "4", "completion": "#### 4", "sample_index": 0}
        twice = import_run(write_rows(row, row), "none", tmp_path / "same")
        assert (twice.rows, twice.samples) == (2, 1)
        with pytest.raises(
            DataError, match=r"line 2: another completion for example 'a', sample 0, than .*line 1"
        ):
            import_run(write_rows(row, row | {"completion": "#### 5"}), "none", tmp_path / "run")

    def test_an_unreadable_gold_names_its_row(self, write_rows: WriteRows, tmp_path: Path) -> None:
        path = write_rows(
            {"id": "a", "gold": "4", "completion": "4"}, {"id": "b", "gold": "no idea", "completion": "4"}
        )
        with pytest.raises(DataError, match=r"line 2: Gold 'no idea' cannot be read as answer type 'number'"):
            import_run(path, "none", tmp_path / "run", answer_type="number")

    def test_settings_that_differ(self, write_rows: WriteRows, tmp_path: Path) -> None:
        rows = [{"id": i, "gold": "4", "completion": "4", "top_p": p} for i, p in (("a", 1.0), ("b", 0.9))]
        with pytest.raises(DataError, match=r"line 2 was drawn with top_p 0.9, and .*line 1 with 1.0"):
            import_run(write_rows(*rows), "none", tmp_path / "run")

    def test_a_negative_temperature(self, write_rows: WriteRows, tmp_path: Path) -> None:
        row = {"id": "a", "gold": "4", "completion": "4"}
        with pytest.raises(DataError, match="line 1: the temperature must not be negative, and is -1"):
            import_run(write_rows(row | {"temperature": -1}), "none", tmp_path / "run")
        for wrong in (-1, math.nan, math.inf):
            with pytest.raises(
                ConfigError, match=f"temperature must be finite and not negative, and is {wrong}"
            ):
                import_run(write_rows(row), "none", tmp_path / "run", temperature=wrong)
        assert not (tmp_path / "run").exists()


class TestRun:
    def test_examples_without_a_row_leave_the_run_incomplete(self, logs: Logs, tmp_path: Path) -> None:
        report = import_run(logs["lm-eval"], TASK, tmp_path / "run")
        assert (report.examples, report.examples_with_samples, report.complete) == (1000, 8, False)
        assert report.run.info.finished is None
        assert report.run.progress() == {(TASK, "0"): (8, 1000, 8)}
        assert not result_of(report.run).complete

    def test_again_adds_nothing(self, logs: Logs, tmp_path: Path) -> None:
        import_run(logs["lm-eval"], TASK, tmp_path / "run")
        again = import_run(logs["lm-eval"], TASK, tmp_path / "run")
        assert (again.samples, again.new) == (8, 0)
        assert len(list(again.run.parts.iterdir())) == 1

    def test_a_killed_import_goes_on(
        self, logs: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pspo_bench.interop.importing.PART_ROWS", 3)
        whole = import_run(logs["lm-eval sampled"], TASK, tmp_path / "run").run.frame()
        sorted((tmp_path / "run" / "parts").iterdir())[-1].unlink()
        report = import_run(logs["lm-eval sampled"], TASK, tmp_path / "run")
        assert report.new == 3
        assert report.run.frame().equals(whole)

    def test_another_completion_in_its_place(self, write_rows: WriteRows, tmp_path: Path) -> None:
        row = {"id": "a", "gold": "4", "completion": "#### 4"}
        import_run(write_rows(row), "none", tmp_path / "run")
        with pytest.raises(
            StoreError, match="holds another completion of rows, example 'a', temperature 0, sample 0"
        ):
            import_run(write_rows(row | {"completion": "#### 5"}), "none", tmp_path / "run")

    def test_two_tasks_of_one_model(self, logs: Logs, tmp_path: Path) -> None:
        import_run(logs["lm-eval"], "none", tmp_path / "run", name="first")
        import_run(logs["lm-eval"], "none", tmp_path / "run", name="second")
        assert Counter(Run.open(tmp_path / "run").frame()["task"]) == {"first": 8, "second": 8}

    def test_a_given_fingerprint(self, logs: Logs, tmp_path: Path) -> None:
        run = import_run(logs["lm-eval"], TASK, tmp_path / "run", fingerprint="abc").run
        assert set(run.frame()["model_fingerprint"]) == {"abc"}

    def test_an_error_leaves_no_folder(self, logs: Logs, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"16 rows match no example of task 'pocket_svamp' .*and 13 more"):
            import_run(logs["lm-eval"], "pocket_svamp", tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_an_error_of_the_checker_leaves_no_folder(self, write_rows: WriteRows, tmp_path: Path) -> None:
        path = write_rows({"id": "a", "gold": "4", "completion": "4"})
        with pytest.raises(AnswerError, match="workers must be a whole number"):
            import_run(path, "none", tmp_path / "run", workers=0)
        assert not (tmp_path / "run").exists()

    def test_each_temperature_expects_its_own_repeats(self, write_rows: WriteRows, tmp_path: Path) -> None:
        """Greedy decoding may be repeated too: two samples on two of four questions are half of what is expected."""
        known = load_examples(load_task(TASK))[:4]
        rows = [
            {"id": e.id, "completion": "4", "temperature": t, "sample_index": i}
            for e in known[:2]
            for t, n in ((0.0, 2), (0.5, 3))
            for i in range(n)
        ]
        info = import_run(write_rows(*rows), TASK, tmp_path / "run").run.info
        assert info.tasks[TASK].expected_samples == {"0": 2 * 1000, "0.5": 3 * 1000}
        assert (info.settings.temperatures, info.settings.samples) == ((0.0, 0.5), 3)

    def test_a_greedy_log_of_half_the_questions_twice(self, write_rows: WriteRows, tmp_path: Path) -> None:
        """As many samples as there are questions, and yet half of the questions have none."""
        known = load_examples(load_task(TASK))
        rows = [
            {"id": e.id, "completion": "4", "sample_index": i, "temperature": 0}
            for e in known[:500]
            for i in (0, 1)
        ]
        report = import_run(write_rows(*rows), TASK, tmp_path / "run")
        assert (report.samples, report.examples_with_samples, report.examples) == (1000, 500, 1000)
        assert not report.complete
        assert report.run.progress() == {(TASK, "0"): (1000, 2000, 500)}


class TestNames:
    def test_control_characters_of_a_log_are_not_shown(self, write_rows: WriteRows, tmp_path: Path) -> None:
        row = {"id": "a", "gold": "4", "completion": "#### 4", "model": "m\x1b[2J\u202e"}
        report = import_run(write_rows(row), "none", tmp_path / "run")
        assert report.run.info.model == row["model"]  # kept as it was, and shown without
        assert str(report).startswith("1 completions of m [2J  (jsonl)")
        other = row | {"model": "n\x07"}
        with pytest.raises(DataError, match=r"completions of 2 models \(m \[2J, n \); select one") as error:
            import_run(write_rows(row | {"model": "m\x1b[2J"}, other), "none", tmp_path / "two")
        assert str(error.value).isprintable()

    def test_nor_those_of_a_score(self, logs: Logs, tmp_path: Path) -> None:
        log = json.loads(logs["inspect"].read_text())
        for sample in log["samples"]:
            sample["scores"] = {"match\x1b]0;": sample["scores"]["match"]}
        path = tmp_path / "dump.json"
        path.write_text(json.dumps(log))
        report = import_run(path, TASK, tmp_path / "run")
        assert "match ]0;: 50.0 %" in str(report)
        assert str(report.agreements[0]).isprintable()

    @pytest.mark.parametrize("name", ["../escaped", "a/b", "a\0b", "a\nb"])
    def test_a_task_that_cannot_be_called_so(self, write_rows: WriteRows, tmp_path: Path, name: str) -> None:
        path = write_rows({"id": "a", "gold": "4", "completion": "4"})
        with pytest.raises(ConfigError, match=r"A task cannot be called .*; give it another name: name="):
            import_run(path, "none", tmp_path / "run", name=name)
        assert not (tmp_path / "run").exists()

    def test_nor_can_that_of_a_log(self, logs: Logs, tmp_path: Path) -> None:
        log = json.loads(logs["inspect"].read_text())
        log["eval"]["task"] = "a\0b"
        path = tmp_path / "dump.json"
        path.write_text(json.dumps(log))
        with pytest.raises(ConfigError, match=r"called 'a\\x00b'"):
            import_run(path, "none", tmp_path / "run")
        assert import_run(path, "none", tmp_path / "run", name="given").complete
