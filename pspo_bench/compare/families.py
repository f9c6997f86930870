"""Which tests are one family, and Holm's adjustment over each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pspo_bench.compare.records import SLICES, Comparison, Difference, TaskComparison
from pspo_bench.stats import holm


def adjusted(found: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with Holm's adjusted p-values in `p_adjusted`.

    The tests of one kind that are shown together are one family, over all comparisons: accuracy by task;
    accuracy by category; by difficulty; truncation by task; length by task; defects by task and metric; and
    apart from these, as they summarise the same data, each of the four macro figures: accuracy, truncation,
    length, defects by metric.
    """
    adjusted_p: dict[int, float | None] = {}
    for family in _families(found):
        known = [difference for difference in family if difference is not None]
        p_values = holm([difference.p_value for difference in known])
        adjusted_p.update({id(d): p for d, p in zip(known, p_values, strict=True)})

    def put(difference: Difference) -> Difference:
        return replace(difference, p_adjusted=adjusted_p[id(difference)])

    def maybe(difference: Difference | None) -> Difference | None:
        return None if difference is None else put(difference)

    def task(one: TaskComparison) -> TaskComparison:
        return replace(
            one,
            accuracy=put(one.accuracy),
            truncation=put(one.truncation),
            length=maybe(one.length),
            defects={name: put(difference) for name, difference in one.defects.items()},
            slices=tuple(replace(each, accuracy=put(each.accuracy)) for each in one.slices),
        )

    return [
        replace(
            one,
            tasks=tuple(map(task, one.tasks)),
            macro=maybe(one.macro),
            macro_truncation=maybe(one.macro_truncation),
            macro_length=maybe(one.macro_length),
            macro_defects={name: put(difference) for name, difference in one.macro_defects.items()},
        )
        for one in found
    ]


def _families(found: Sequence[Comparison]) -> list[Sequence[Difference | None]]:
    tasks = [task for one in found for task in one.tasks]
    slices = [each for task in tasks for each in task.slices]
    return [
        [task.accuracy for task in tasks],
        *([each.accuracy for each in slices if each.kind == kind] for kind in SLICES),
        [task.truncation for task in tasks],
        [task.length for task in tasks],
        [difference for task in tasks for difference in task.defects.values()],
        [one.macro for one in found],
        [one.macro_truncation for one in found],
        [one.macro_length for one in found],
        [difference for one in found for difference in one.macro_defects.values()],
    ]
