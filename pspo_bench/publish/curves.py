"""training_log.parquet → the learning curves as one PNG: a panel for each figure that the log holds.

The same log gives the same bytes, so that pushing twice changes nothing.
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pspo_bench.errors import MissingExtraError, PublishError

if TYPE_CHECKING:
    import pandas as pd

CURVES_NAME = "learning_curves.png"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its title, and the columns of the log that are drawn in it with what they are called."""

    title: str
    columns: tuple[tuple[str, str], ...]


PANELS = (
    Panel("reward (mean over completions)", (("reward", "reward"),)),
    Panel("accuracy on held-out training rows", (("validation_accuracy", "greedy"),)),
    Panel("KL in nats per token", (("kl_old_new", "old → new"), ("kl_to_reference", "new → reference"))),
    Panel("entropy in nats per token", (("entropy", "policy"),)),
    Panel("share of tokens that a clip at 0.2 would stop", (("clip_fraction", "would-be clip"),)),
    Panel(
        "length in tokens",
        (("length_tokens", "rollouts"), ("validation_length_tokens", "validation")),
    ),
)
LOSS = Panel("loss", (("loss", "loss"),))
"""For supervised training, which has no rewards; a trust region's loss says nothing by its height."""


def draw_curves(log: Path) -> bytes | None:
    """The PNG, or None if the log holds none of the figures.

    Raises MissingExtraError without matplotlib, PublishError for a log that cannot be read.
    """
    frame = _read(log)
    rewarded = "reward" in frame and frame["reward"].count()
    panels = [
        Panel(panel.title, shown)
        for panel in (PANELS if rewarded else (LOSS, *PANELS))
        if (shown := tuple(pair for pair in panel.columns if pair[0] in frame and frame[pair[0]].count()))
    ]
    if not panels:
        return None
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("report", "drawing the learning curves of a model card")
    return _png(frame, panels)


def _read(log: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        frame = pd.read_parquet(log)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise PublishError(
            f"{log} cannot be read ({error}); restore it, or remove it to go without curves"
        ) from error
    if "step" not in frame:
        raise PublishError(f"{log} has no column 'step'; restore it, or remove it to go without curves")
    numbers: pd.DataFrame = frame.apply(pd.to_numeric, errors="coerce")
    return numbers.dropna(subset=["step"]).sort_values("step").set_index("step")


def _png(frame: pd.DataFrame, panels: list[Panel]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    last = max(1.0, float(frame.index.max()))
    columns = 2 if len(panels) > 1 else 1
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.2 * columns, 2.6 * rows))  # not pyplot: no display, no global state
    FigureCanvasAgg(figure)
    edge = 0.5 / (2.6 * rows)
    # by hand: a layout engine would draw everything twice
    figure.subplots_adjust(left=0.08, right=0.98, bottom=edge, top=1 - 0.7 * edge, hspace=0.45, wspace=0.18)
    for number, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, number)
        for column, label in panel.columns:
            points = frame[column].dropna()
            mark = "o" if len(points) < 30 else ""
            axes.plot(points.index, points.to_numpy(), marker=mark, markersize=3, linewidth=1.2, label=label)
        axes.set_title(panel.title, fontsize=9)
        axes.set_xlabel("optimiser step", fontsize=8)
        axes.set_xlim(-0.02 * last, 1.02 * last)  # one range for all: a panel may hold few of the steps
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        if len(panel.columns) > 1:
            axes.legend(fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120, metadata={"Software": None})
    return out.getvalue()
