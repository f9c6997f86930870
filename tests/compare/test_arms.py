"""Comparisons of small real runs, with the numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.compare import Comparison, compare, compare_arms, contest
from pspo_bench.errors import ConfigError
from pspo_bench.results import Measured, Result, dump_result, export_result, result_of
from pspo_bench.store import Run

MakeRun = Callable[..., Run]
MakeSample = Callable[..., Any]

BASE = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
AFTER = [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]  # three won, one lost


@pytest.fixture
def solved(make_run: MakeRun, make_sample: MakeSample) -> Callable[..., Run]:
    """solved("base", {"a": 100, "b": -50}): the tokens of the answer to each question, negative for a wrong one."""

    def make(name: str, tokens: dict[str, int], *, task: str = "t", **options: Any) -> Run:
        run = make_run(name, {task: []}, **options)
        weights = run.info.fingerprint
        run.append(
            [
                make_sample(task, example, 0, n > 0, completion_tokens=abs(n), model_fingerprint=weights)
                for example, n in tokens.items()
            ]
        )
        return run

    return make


def of(*runs: Run) -> list[Result]:
    return [result_of(run) for run in runs]


def of_two(base: Run, candidate: Run) -> Comparison:
    return compare_arms(of(base), of(candidate))


class TestScores:
    def test_one_task_by_hand(self, make_run: MakeRun) -> None:
        found = of_two(make_run("base", {"a": BASE}), make_run("clip-s0", {"a": AFTER}, objective="clip"))
        (task,) = found.tasks
        assert (found.base, found.candidate) == ("base", "clip")
        assert (task.n_questions, task.n_seeds, task.won, task.lost) == (10, 1, 3, 1)
        accuracy = task.accuracy
        assert (accuracy.base, accuracy.candidate) == (pytest.approx(0.4), pytest.approx(0.6))
        assert accuracy.difference == pytest.approx(0.2)
        # four flips, one or none of them lost, and as much on the other side: 2 (C(4,0) + C(4,1)) / 16
        assert (accuracy.test, accuracy.p_value) == ("mcnemar", pytest.approx(10 / 16))
        # Agresti & Min: half a question more in each cell, (3 - 1) / 12 ± 1.959964 sqrt(3 + 1 + 1 - 4 / 12) / 12
        half = 1.959964 * math.sqrt(5 - 4 / 12) / 12
        assert accuracy.interval is not None
        assert accuracy.interval.low == pytest.approx(2 / 12 - half, abs=1e-6)
        assert accuracy.interval.high == pytest.approx(2 / 12 + half, abs=1e-6)
        assert found.mismatches == ()
        assert any("not the variance of training" in note for note in found.notes)

    def test_macro_is_the_mean_over_tasks(self, make_run: MakeRun) -> None:
        base = make_run("base", {"a": BASE, "b": [1, 0]})
        found = of_two(base, make_run("clip-s0", {"a": AFTER, "b": [0, 0]}, objective="clip"))
        assert found.macro is not None
        # a gains 0.2 of ten questions, b loses 0.5 of two
        assert found.macro.difference == pytest.approx((0.2 - 0.5) / 2)
        assert found.macro.n_questions == 12

    def test_holm_is_over_all_tasks_of_all_comparisons(self, make_run: MakeRun) -> None:
        runs = [
            make_run("base", {"a": [0] * 8, "b": [0] * 8}),
            make_run("x-s0", {"a": [1] * 8, "b": [1] * 6 + [0] * 2}, objective="x"),
            make_run("y-s0", {"a": [1] * 7 + [0], "b": [1] + [0] * 7}, objective="y"),
        ]
        first, second = compare([run.path for run in runs])
        p = [task.accuracy.p_value for one in (first, second) for task in one.tasks]
        # n flips to one side: 2 / 2^n
        assert p == pytest.approx([2 / 256, 2 / 64, 2 / 128, 1.0])
        adjusted = [task.accuracy.p_adjusted for one in (first, second) for task in one.tasks]
        assert adjusted == pytest.approx([4 * 2 / 256, 2 * 2 / 64, 3 * 2 / 128, 1.0])
        assert compare_arms(of(runs[0]), of(runs[1])).tasks[0].accuracy.p_adjusted == pytest.approx(
            2 * 2 / 256
        )

    def test_questions_of_one_side_alone_are_left_out_and_counted(self, make_run: MakeRun) -> None:
        found = of_two(make_run("base", {"a": [1, 0, 0, 1]}), make_run("c-s0", {"a": [1, 1]}, objective="c"))
        assert (found.tasks[0].n_questions, found.tasks[0].won) == (2, 1)
        assert "a: questions that not all runs were asked, left out: 2" in found.notes

    def test_several_samples_count_by_majority(self, make_run: MakeRun, make_sample: MakeSample) -> None:
        base, after = make_run("base", {"a": [0, 1]}), make_run("c-s0", {"a": [1, 1]}, objective="c")
        for run, more in ((base, [1, 1]), (after, [0, 1])):
            weights = run.info.fingerprint
            rows = [
                make_sample("a", str(i), 1, bool(ok), model_fingerprint=weights) for i, ok in enumerate(more)
            ]
            run.append(rows)
        (task,) = of_two(base, after).tasks
        # question 0: one of two right on either side, which is no majority; question 1: all right on both
        assert (task.won, task.lost) == (0, 0)
        assert task.accuracy.difference == 0


class TestSeeds:
    def test_a_base_model_is_held_against_every_seed(self, make_run: MakeRun) -> None:
        base = make_run("base", {"a": [0, 0, 1, 1]})
        seeds = [
            make_run(f"c-s{seed}", {"a": right}, objective="c", seed=seed)
            for seed, right in enumerate([[1, 1, 1, 1], [1, 0, 1, 0]])
        ]
        found = compare_arms(of(base), of(*seeds))
        (task,) = found.tasks
        assert (task.n_seeds, task.won, task.lost) == (2, 3, 1)
        # 0.5 better in one seed, as good in the other
        assert task.accuracy.difference == pytest.approx(0.25)
        assert task.accuracy.test == "t"
        assert not any("training" in note for note in found.notes)

    def test_seeds_that_both_have_are_paired(self, make_run: MakeRun) -> None:
        scores = {0: [1, 1, 0, 0], 1: [1, 0, 0, 0], 2: [0, 0, 0, 0]}
        base = [make_run(f"x-s{s}", {"a": scores[s]}, objective="x", seed=s) for s in (0, 1, 2)]
        after = [make_run(f"y-s{s}", {"a": scores[s]}, objective="y", seed=s) for s in (2, 1)]
        found = compare_arms(of(*base), of(*after))
        assert found.tasks[0].n_seeds == 2
        assert found.tasks[0].accuracy.difference == 0  # seed 0 of the base would make it a loss
        assert "Seeds of the base without a counterpart, left out: 0" in found.notes

    def test_where_none_is_shared_they_are_paired_in_order(self, make_run: MakeRun) -> None:
        base = [make_run(f"x-s{s}", {"a": [0, 0, 1]}, objective="x", seed=s) for s in (0, 1)]
        after = [make_run(f"y-s{s}", {"a": [1, 0, 1]}, objective="y", seed=s) for s in (7, 8)]
        found = compare_arms(of(*base), of(*after))
        assert (found.tasks[0].n_seeds, found.tasks[0].won) == (2, 2)
        assert any("share no seed" in note for note in found.notes)


class TestLength:
    def test_it_is_about_what_both_solve(self, solved: Callable[..., Run]) -> None:
        base = solved("base", {"a": 100, "b": 50, "c": 10, "d": -10, "e": 8})
        after = solved("c-s0", {"a": 50, "b": 100, "c": -10, "d": 2, "e": 2}, objective="c")
        length = of_two(base, after).tasks[0].length
        assert length is not None
        # a halves, b doubles, e is a quarter: (-1 + 1 - 2) log 2 / 3; c and d are not solved by both
        assert length.n_questions == 3
        assert length.difference == pytest.approx(-2 / 3 * math.log(2))
        assert length.base == pytest.approx((100 * 50 * 8) ** (1 / 3))
        assert length.candidate == pytest.approx((50 * 100 * 2) ** (1 / 3))
        # deviations (-1, 5, -4) / 3 log 2: variance 42 / 9 / 2, of the mean a third; Student's t with 2 degrees, 4.303
        error = math.sqrt(42 / 9 / 2 / 3)
        assert length.interval is not None
        assert length.interval.half == pytest.approx(4.302653 * error * math.log(2), rel=1e-5)
        # its two-sided tail has a closed form: 1 - |t| / sqrt(2 + t²)
        t = 2 / 3 / error
        assert length.p_value == pytest.approx(1 - t / math.sqrt(2 + t * t))

    def test_seeds_are_crossed(self, solved: Callable[..., Run]) -> None:
        base = solved("base", {"a": 8, "b": 8})
        seeds = [
            solved("c-s0", {"a": 16, "b": 16}, objective="c", seed=0),
            solved("c-s1", {"a": 32, "b": -8}, objective="c", seed=1),
        ]
        length = compare_arms(of(base), of(*seeds)).tasks[0].length
        assert length is not None
        # (1, 1) log 2 in the first seed, 2 log 2 and nothing in the second
        assert length.difference == pytest.approx(4 / 3 * math.log(2))
        assert length.n_questions == 2

    def test_macro_weighs_tasks_alike(self, solved: Callable[..., Run]) -> None:
        base = of(
            solved("base", {"a": 100, "b": 50, "e": 8}),
            solved("base-2", {"a": 1, "b": 1}, task="u", fingerprint="weights-of-base"),
        )
        after = of(
            solved("c-s0", {"a": 50, "b": 100, "e": 2}, objective="c"),
            solved("c2-s0", {"a": 2, "b": 8}, task="u", objective="c", fingerprint="weights-of-c-s0"),
        )
        length = compare_arms(base, after).macro_length
        assert length is not None
        # t: -2/3 log 2 as above; u: (1 + 3) / 2 log 2
        assert length.difference == pytest.approx((2 - 2 / 3) / 2 * math.log(2))
        # deviations (-1, 5, -4) / 3 weigh 1/6, (-1, 1) weigh 1/4: 42/9/36 + 2/16, times 5/4; t with 4 degrees 2.776445
        half = 2.776445 * math.sqrt((42 / 9 / 36 + 2 / 16) * 5 / 4) * math.log(2)
        assert length.interval is not None
        assert length.interval.half == pytest.approx(half, rel=1e-5)

    def test_what_cannot_be_had_is_none(self, solved: Callable[..., Run]) -> None:
        apart = of_two(solved("base", {"a": 4, "b": -4}), solved("c-s0", {"a": -4, "b": 4}, objective="c"))
        assert apart.tasks[0].length is None
        one = of_two(solved("base-1", {"a": 4}), solved("d-s0", {"a": 8}, objective="d")).tasks[0].length
        assert one is not None
        assert (one.difference, one.interval, one.p_value) == (pytest.approx(math.log(2)), None, None)
        alike = of_two(solved("base-2", {"a": 4, "b": 6}), solved("e-s0", {"a": 4, "b": 6}, objective="e"))
        assert alike.tasks[0].length is not None
        assert (alike.tasks[0].length.difference, alike.tasks[0].length.interval) == (0, None)


class TestDefectsAndSlices:
    def test_defects_are_paired_where_both_apply(self, make_run: MakeRun) -> None:
        def with_measure(run: Run, n: list[int], total: list[float]) -> list[Result]:
            result = result_of(run)
            return [replace(result, scores=(replace(result.scores[0], measures={"m": Measured(n, total)}),))]

        base = with_measure(make_run("base", {"a": [1, 1, 1, 1]}), [1, 2, 0, 1], [1.0, 1.0, 0.0, 0.0])
        after = with_measure(
            make_run("c-s0", {"a": [1, 1, 1, 1]}, objective="c"), [1, 1, 1, 0], [0.0, 1.0, 1.0, 0.0]
        )
        defect = compare_arms(base, after).tasks[0].defects["m"]
        # 1 → 0 and ½ → 1; the others have it on one side alone
        assert (defect.base, defect.candidate, defect.difference, defect.n_questions) == (0.75, 0.5, -0.25, 2)
        # deviations ∓0.75: variance of the mean 2 · 2 · 0.75² / 4 = 0.75²; Student's t with one degree 12.7062
        assert defect.interval is not None
        assert defect.interval.low == pytest.approx(-0.25 - 12.7062 * 0.75, rel=1e-5)

    def test_by_category(self, make_run: MakeRun, make_sample: MakeSample) -> None:
        rows = {
            "base": [("x", 0), ("x", 0), ("y", 1), (None, 1)],
            "c-s0": [("x", 1), ("x", 0), ("y", 0), (None, 0)],
        }
        runs = []
        for name, answers in rows.items():
            run = make_run(name, {"a": []}, objective=None if name == "base" else "c")
            run.append(
                [
                    make_sample(
                        "a", str(i), 0, bool(ok), category=category, model_fingerprint=f"weights-of-{name}"
                    )
                    for i, (category, ok) in enumerate(answers)
                ]
            )
            runs.append(run)
        slices = of_two(*runs).tasks[0].slices
        assert [(one.kind, one.value, one.n_questions) for one in slices] == [
            ("category", "x", 2),
            ("category", "y", 1),
        ]
        assert [one.accuracy.difference for one in slices] == [0.5, -1.0]


class TestArms:
    def test_the_base_is_the_first_or_the_one_named(self, make_run: MakeRun) -> None:
        paths = [
            make_run("c-s0", {"a": [1]}, objective="clip", settings={"epsilon": 0.2}).path,
            make_run("base", {"a": [0]}).path,
            make_run("d-s0", {"a": [1]}, objective="pspo").path,
        ]
        assert contest(paths).base[0] == "clip (epsilon=0.2)"
        assert [one.base for one in compare(paths, base="base")] == ["base", "base"]
        assert contest(paths, base="clip").base[0] == "clip (epsilon=0.2)"
        with pytest.raises(ConfigError, match=r"Unknown base 'psop' \(did you mean 'pspo'\?\)"):
            contest(paths, base="psop")

    def test_two_seeds_or_the_same_weights_can_be_compared(self, make_run: MakeRun) -> None:
        seeds = [make_run(f"c-s{s}", {"a": [s, 1]}, objective="clip", seed=s) for s in (0, 1)]
        (found,) = compare([run.path for run in seeds])
        assert found.tasks[0].accuracy.difference == pytest.approx(0.5)
        (itself,) = compare([seeds[0].path, seeds[0].path])
        assert itself.tasks[0].accuracy.difference == 0

    def test_one_arm_is_too_few(self, make_run: MakeRun) -> None:
        run = make_run("base", {"a": [1]})
        with pytest.raises(ConfigError, match="a comparison needs two"):
            compare([run.path])
        with pytest.raises(ConfigError, match=r"0 arm with samples at T=0\.3"):
            compare([run.path, run.path], temperature=0.3)

    def test_a_side_of_results_is_one_arm(self, make_run: MakeRun) -> None:
        x, y = (make_run(f"{name}-s0", {"a": [1]}, objective=name) for name in "xy")
        with pytest.raises(ConfigError, match="The candidate must be one arm, and 2 results are 2: x, y"):
            compare_arms(of(x), of(x, y))

    def test_nothing_shared(self, make_run: MakeRun) -> None:
        with pytest.raises(ConfigError, match=r"share no question \(they were asked a and b\)"):
            of_two(make_run("base", {"a": [1]}), make_run("c-s0", {"b": [1]}, objective="c"))

    def test_result_files_say_the_same(self, make_run: MakeRun, tmp_path: Path) -> None:
        runs = make_run("base", {"a": BASE}), make_run("c-s0", {"a": AFTER}, objective="c")
        files = []
        for run in runs:
            files.append(tmp_path / f"{run.path.name}.json")
            files[-1].write_text(dump_result(export_result(run)))
        assert compare(files)[0].tasks == of_two(*runs).tasks


class TestOverSeeds:
    def test_by_hand(self, make_run: MakeRun) -> None:
        """Scores of the seeds: x 1/4 and 2/4, y 2/4 and 3/4; of their four pairs y wins three and ties one."""
        x = [make_run(f"x-s{seed}", {"a": right}, objective="x", seed=seed)
             for seed, right in enumerate(([1, 0, 0, 0], [1, 1, 0, 0]))]  # fmt: skip
        y = [make_run(f"y-s{seed}", {"a": right}, objective="y", seed=seed)
             for seed, right in enumerate(([1, 1, 0, 0], [1, 1, 1, 0]))]  # fmt: skip
        found = compare_arms(of(*x), of(*y)).over_seeds
        assert found is not None
        assert (found.base_iqm[0], found.candidate_iqm[0]) == (0.375, 0.625)
        assert found.improvement[0] == 0.875
        assert found.improvement[1] is not None

    def test_what_has_no_seeds(self, make_run: MakeRun) -> None:
        base = make_run("base", {"a": [1, 0]})
        seeds = [make_run(f"x-s{seed}", {"a": [1, 1]}, objective="x", seed=seed) for seed in (0, 1)]
        assert compare_arms(of(base), of(*seeds)).over_seeds is None
        assert compare_arms(of(seeds[0]), of(seeds[1])).over_seeds is None, "one seed a side"
