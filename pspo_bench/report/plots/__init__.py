"""Figures of results, comparisons and learning curves, as matplotlib Figures that pyplot does not know.

    figure = learning_curves(pd.read_csv("results/measured/pocket-controls/curves.csv"))
    figure.savefig("curves.pdf")
    svg = to_svg(figure)             # to stand inside an HTML page, in its colours

A function returns None where there is nothing to draw, such as pass@k of one sample a question. Names come
from others and are drawn as they are. matplotlib is the extra `report`; without it MissingExtraError says how
to install it.
"""

from pspo_bench.report.plots.defects import defects
from pspo_bench.report.plots.forest import differences, length_changes
from pspo_bench.report.plots.heat import heat_map
from pspo_bench.report.plots.learning import learning_curves
from pspo_bench.report.plots.lengths import lengths
from pspo_bench.report.plots.scores import accuracy_by_temperature, pass_at_k
from pspo_bench.report.plots.svg import to_svg

__all__ = [
    "accuracy_by_temperature",
    "defects",
    "differences",
    "heat_map",
    "learning_curves",
    "length_changes",
    "lengths",
    "pass_at_k",
    "to_svg",
]
