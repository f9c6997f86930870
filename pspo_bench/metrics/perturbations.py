"""Known damage to a right solution, and the metrics that must notice it: construct validity without labels.

    damaged = PERTURBATIONS["wrong_result"].make(question, "2 + 3 = 5\\n#### 5", other, random.Random(0))
    # "2 + 3 = 6\\n#### 5"

The idea of scoring metrics on perturbed reasoning: ROSCOE (arXiv 2212.07919, section 5). A perturbation that has
nothing to
change in a solution gives None. Calculator notes are to be taken out of GSM8K's golds first (`without_notes`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from pspo_bench.metrics.arithmetic import Operand, State, Statement, read_statements
from pspo_bench.metrics.reasoning.solution import Solution
from pspo_bench.metrics.registry import METRICS, SolutionMetric

ANSWER_MARK = "####"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """`make(solution, other, rng)` damages a solution; `other` solves another question. `noticed_by`: what must
    worsen."""

    name: str
    make: Callable[[str, str, random.Random], str | None]
    noticed_by: tuple[str, ...]


def without_notes(text: str) -> str:
    """`text` without calculator notes <<48/2=24>>."""
    return re.sub(r"<<[^<>\n]*>>", "", text)


def _parts(solution: str) -> tuple[list[str], list[str]]:
    """The lines of working, and the answer line with what follows it."""
    lines = [line for line in solution.split("\n") if line.strip()]
    at = next((i for i, line in enumerate(lines) if line.startswith(ANSWER_MARK)), len(lines))
    return lines[:at], lines[at:]


def _joined(working: Iterable[str], answer: Iterable[str]) -> str:
    return "\n".join((*working, *answer))


def _worked(text: str) -> list[Statement]:
    """The plain right statements `... = figure`."""
    return [s for s in read_statements(text) if s.status is State.EXACT and s.result and s.operands]


def _replaced(text: str, figure: Operand, value: Fraction) -> str:
    return f"{text[: figure.start]}{_written(value)}{text[figure.end :]}"


def _written(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}"


def wrong_result(solution: str, other: str, rng: random.Random) -> str | None:
    """One result is off by 1 to 9."""
    worked = _worked(solution)
    if not worked:
        return None
    result = rng.choice(worked).result
    assert result is not None
    return _replaced(solution, result, result.value + rng.randint(1, 9))


def wrong_operand(solution: str, other: str, rng: random.Random) -> str | None:
    """One operand is off by 1 to 9, the result stays."""
    operands = [o for s in _worked(solution) for o in s.operands if o.value not in (0, 1)]
    if not operands:
        return None
    operand = rng.choice(operands)
    return _replaced(solution, operand, operand.value + rng.randint(1, 9))


def dropped_step(solution: str, other: str, rng: random.Random) -> str | None:
    """A line of working whose result a later line takes up is left out."""
    working, answer = _parts(solution)
    used = [at for at in range(len(working) - 1) if _is_taken_up(working[at], working[at + 1 :])]
    if not used:
        return None
    at = rng.choice(used)
    return _joined(working[:at] + working[at + 1 :], answer)


def _is_taken_up(line: str, later: list[str]) -> bool:
    results = {s.result.value for s in _worked(line) if s.result}
    return any(o.value in results for text in later for s in _worked(text) for o in s.operands)


def dropped_last_step(solution: str, other: str, rng: random.Random) -> str | None:
    """The last line of working is left out, the answer stays."""
    working, answer = _parts(solution)
    return _joined(working[:-1], answer) if len(working) > 1 and answer and _worked(working[-1]) else None


def duplicated_step(solution: str, other: str, rng: random.Random) -> str | None:
    """A line of working is said twice."""
    working, answer = _parts(solution)
    lines = [at for at, line in enumerate(working) if _worked(line)]
    if not lines:
        return None
    at = rng.choice(lines)
    return _joined([*working[: at + 1], working[at], *working[at + 1 :]], answer)


def distractor(solution: str, other: str, rng: random.Random) -> str | None:
    """A calculation that has nothing to do with the question is put in."""
    working, answer = _parts(solution)
    if not working:
        return None
    left, right = rng.randint(211, 499), rng.randint(13, 19)
    at = rng.randrange(len(working))
    return _joined([*working[:at], f"{left} * {right} = {left * right}", *working[at:]], answer)


def wrong_answer(solution: str, other: str, rng: random.Random) -> str | None:
    """The final answer is another number than what was worked out."""
    working, answer = _parts(solution)
    value = Solution.of(solution).answer_value
    if not answer or value is None:
        return None
    return _joined(working, [f"{ANSWER_MARK} {_written(value + rng.randint(3, 900))}"])


def other_question(solution: str, other: str, rng: random.Random) -> str | None:
    """The solution of another question."""
    return other


def swapped_steps(solution: str, other: str, rng: random.Random) -> str | None:
    """A line changes places with the next, which takes its result up."""
    working, answer = _parts(solution)
    pairs = [at for at in range(len(working) - 1) if _is_taken_up(working[at], working[at + 1 : at + 2])]
    if not pairs:
        return None
    at = rng.choice(pairs)
    return _joined([*working[:at], working[at + 1], working[at], *working[at + 2 :]], answer)


def looped_end(solution: str, other: str, rng: random.Random) -> str | None:
    """The last line of working is said again and again, without end."""
    working, _ = _parts(solution)
    return _joined([*working, *working[-1:] * 12], []) if working else None


PERTURBATIONS = {
    found.name: found
    for found in (
        Perturbation("wrong_result", wrong_result, ("arith_wrong", "arith_valid")),
        Perturbation("wrong_operand", wrong_operand, ("arith_wrong", "arith_valid")),
        Perturbation("dropped_step", dropped_step, ("ungrounded", "provenance")),
        Perturbation("dropped_last_step", dropped_last_step, ("answer_grounded",)),
        Perturbation("duplicated_step", duplicated_step, ("dup_step", "dup_equation")),
        Perturbation("distractor", distractor, ("unused", "ungrounded")),
        Perturbation("wrong_answer", wrong_answer, ("answer_grounded",)),
        Perturbation("other_question", other_question, ("ungrounded", "question_coverage")),
        Perturbation("swapped_steps", swapped_steps, ("ungrounded", "provenance")),
        Perturbation("looped_end", looped_end, ("loop_tail", "dup_step", "format")),
    )
}


@dataclass(frozen=True, slots=True)
class Noticed:
    """How many of `tried` damaged solutions a metric finds worse than the whole ones; those count to which it applies
    before and after."""

    perturbation: str
    metric: str
    worse: int
    tried: int

    @property
    def share(self) -> float | None:
        return self.worse / self.tried if self.tried else None


def noticed(rows: list[tuple[str, str]], rng: random.Random) -> list[Noticed]:
    """Every perturbation of every solution (question, text), by perturbation and metric."""
    found = []
    for perturbation in PERTURBATIONS.values():
        pairs = []
        for at, (question, text) in enumerate(rows):
            damaged = perturbation.make(text, rows[(at + 1) % len(rows)][1], rng)
            if damaged is not None and damaged != text:
                pairs.append((Solution.of(text, question=question), Solution.of(damaged, question=question)))
        for name in perturbation.noticed_by:
            metric = METRICS.get(name)
            assert isinstance(metric, SolutionMetric)
            outcomes = [is_worse(metric, whole, damaged) for whole, damaged in pairs]
            known = [outcome for outcome in outcomes if outcome is not None]
            found.append(Noticed(perturbation.name, name, sum(known), len(known)))
    return found


def is_worse(metric: SolutionMetric, whole: Solution, damaged: Solution) -> bool | None:
    """Whether the metric finds the damaged solution worse; None where it does not apply to both."""
    before, after = metric(whole), metric(damaged)
    if before is None or after is None:
        return None
    return after < before if metric.direction == "higher" else after > before
