"""The model card: what was trained and how, its curves, its scores with intervals, where it came from, how to redo it.

Every figure is read from the manifest, the log and the results; what is not known is left out or shown as –.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pspo_bench.errors import ConfigError
from pspo_bench.models import BUILTIN
from pspo_bench.objectives import OBJECTIVES, get_objective
from pspo_bench.publish.checkpoint import Checkpoint
from pspo_bench.publish.curves import CURVES_NAME
from pspo_bench.publish.markdown import code, code_cell, fenced, table, toml
from pspo_bench.publish.scores import Evidence, Score
from pspo_bench.publish.settings import PublishSettings
from pspo_bench.report.text import NONE, escape_markdown, percent

if TYPE_CHECKING:
    from pspo_bench.store import RunInfo

RECIPE_NAME = "recipe.toml"
SFT = "sft"


@dataclass(frozen=True, slots=True)
class Card:
    """What a card is made of. `recipe` is the recipe with the base model as others can find it."""

    repo_id: str
    checkpoint: Checkpoint
    recipe: dict[str, Any]
    base: str | None
    evidence: Evidence
    result_files: tuple[str, ...]
    has_curves: bool
    settings: PublishSettings

    def markdown(self) -> str:
        """The body, without the YAML head."""
        parts = [
            *_introduction(self),
            *_warnings(self),
            *_training(self),
            *_curves(self),
            *_scores(self),
            *_loading(self),
            *_reproducing(self),
            *_provenance(self),
        ]
        return "\n\n".join(parts) + "\n"


def _introduction(card: Card) -> Iterator[str]:
    manifest = card.checkpoint.manifest
    kind = "A PEFT adapter" if card.checkpoint.is_adapter else "A checkpoint"
    base = (
        f"[{escape_markdown(card.base)}](https://huggingface.co/{card.base})"
        if card.base
        else _base_name(card)
    )
    yield f"# {escape_markdown(card.repo_id.rpartition('/')[2])}"
    yield (
        f"{kind} trained by pspo-bench on [TRL](https://github.com/huggingface/trl) with {code(_objective_label(card))}"
        f" on the task {code(manifest.data.get('task', NONE))}. Base model: {base}."
    )
    if not card.settings.weights:
        yield "**The weights are not in this repository**, only how they were made and what they scored."


def _base_name(card: Card) -> str:
    name = card.checkpoint.manifest.base_model
    if name == "pocket":
        return "`pocket`, the small model that ships with pspo-bench"
    return f"{code(name)} (no model of the Hub by that name is known)"


def _objective_label(card: Card) -> str:
    objective = card.checkpoint.manifest.objective
    settings = ", ".join(f"{key}={value:g}" for key, value in sorted(objective.settings.items()))
    return f"{objective.name} ({settings})" if settings else objective.name


def _warnings(card: Card) -> Iterator[str]:
    cautions = card.checkpoint.manifest.warnings
    lines = [f"- {code(one.name)}: {escape_markdown(one.message)}" for one in cautions]
    if any(not score.complete for score in card.evidence.scores):
        lines.append("- **Incomplete evaluation**: rows marked ‡ lack some of their samples.")
    if lines:
        yield "## Warnings"
        yield "What the run says against itself. Read it before the scores."
        yield "\n".join(lines)


def _training(card: Card) -> Iterator[str]:
    manifest = card.checkpoint.manifest
    yield "## Training"
    yield _objective_text(card)
    reward = card.recipe.get("reward")
    figures = [
        ("reward", reward.get("name") if isinstance(reward, dict) else None),
        ("optimiser steps", manifest.optimizer_steps),
        ("tokens generated", manifest.tokens_generated),
        ("seed", manifest.seed),
        ("training rows", manifest.data.get("training_rows")),
        ("rows held out for validation", manifest.data.get("validation_rows")),
        ("wall time in seconds", manifest.wall_time_s),
    ]
    yield table(
        ["", "figure"], [[name, NONE if v is None else escape_markdown(str(v))] for name, v in figures]
    )
    yield f"The recipe, every key ({code(RECIPE_NAME)} is the same):"
    yield fenced(toml(card.recipe), "toml")


def _objective_text(card: Card) -> str:
    """The formula and source of an objective that is known here. One named `module:attr` is not imported to find out:
    a manifest may come from anybody.
    """
    name = card.checkpoint.manifest.objective.name
    if name == SFT:
        return "Objective `sft`: supervised fine-tuning on worked solutions, without a trust region."
    if name not in OBJECTIVES:
        return (
            f"Objective {code(name)}, which is not one of pspo-bench's own; its settings are in the recipe."
        )
    try:
        found = get_objective(name)
        settings = found.resolve(card.checkpoint.manifest.objective.settings)
    except ConfigError as error:
        return f"Objective {code(name)} ({escape_markdown(str(error))})."
    values = ", ".join(code(f"{key} = {value:g}") for key, value in settings.items()) or "none"
    source = found.source if found.source.startswith("https://") else code(found.source)
    return (
        f"Objective {code(name)}: {code(found.summary)}, where r is the importance ratio and A the advantage."
        f" Settings: {values}. Source: {source}."
    )


def _curves(card: Card) -> Iterator[str]:
    if card.has_curves:
        yield "## Learning curves"
        yield f"![Learning curves over optimiser steps]({CURVES_NAME})"
        yield (
            "From `training_log.parquet`, one row per optimiser step. The clip fraction is that of a clip at 0.2,"
            " whatever the objective, so that arms compare."
        )


def _scores(card: Card) -> Iterator[str]:
    scores = card.evidence.scores
    yield "## Scores"
    if not scores:
        yield "No evaluation was published with this checkpoint."
        return
    header = ["task", "T", "questions", "samples", "accuracy", "95 % interval", "cut %"]
    if card.evidence.base:
        header += ["base model", "difference", "its 95 % interval"]
    yield table(header, [_score_cells(score, bool(card.evidence.base)) for score in scores])
    yield (
        "Accuracies and differences in per cent. The intervals are over questions; this is one training seed, so how"
        " much another seed would differ is not in them. Cut: samples that the token limit ended, which count as wrong."
    )
    runs = (*card.evidence.own, *card.evidence.base)
    engines = dict.fromkeys(
        f"- Engine {code(run.info.engine)} ({code(run.info.engine_version)}), {code(run.info.dtype)}."
        for run in runs
    )
    notes = [f"- {escape_markdown(note)}" for note in card.evidence.notes] + list(engines)
    files = ", ".join(f"[{escape_markdown(name)}]({name})" for name in card.result_files)
    yield "\n".join([*notes, f"- Counts per question, without any question or completion text: {files}."])


def _score_cells(score: Score, with_base: bool) -> list[str]:
    interval, gain = score.interval, score.gain
    cells = [
        code_cell(score.task) + ("" if score.complete else " ‡"),
        f"{score.temperature:g}",
        str(score.n_questions),
        str(score.n_samples),
        percent(score.accuracy),
        f"{percent(interval.low)} to {percent(interval.high)}" if interval else NONE,
        percent(score.truncation_rate),
    ]
    if with_base:
        low_high = gain.interval if gain else None
        cells += [
            percent(score.base_accuracy),
            f"{100 * gain.difference:+.1f}" if gain else NONE,
            f"{100 * low_high.low:+.1f} to {100 * low_high.high:+.1f}" if low_high else NONE,
        ]
    return cells


def _loading(card: Card) -> Iterator[str]:
    yield "## Use"
    if card.settings.weights:
        name = "AutoPeftModelForCausalLM" if card.checkpoint.is_adapter else "AutoModelForCausalLM"
        package = "peft" if card.checkpoint.is_adapter else "transformers"
        imports = (
            f"from transformers import AutoTokenizer\nfrom {package} import {name}"
            if package != "transformers"
            else f"from transformers import {name}, AutoTokenizer"
        )
        yield fenced(
            f'{imports}\n\nmodel = {name}.from_pretrained("{card.repo_id}")\n'
            f'tokenizer = AutoTokenizer.from_pretrained("{card.repo_id}")',
            "python",
        )
        yield "Or score it:"
        tasks = ",".join(dict.fromkeys(score.task for score in card.evidence.scores)) or "gsm8k"
        command = ["pspo-bench", "eval", "--model", card.repo_id, "--tasks", tasks, "-o", "runs/it"]
        yield fenced(shlex.join(command), "sh")
    prompt = card.checkpoint.manifest.system_prompt
    if prompt:
        yield "It was trained with this system prompt:"
        yield fenced(prompt, "text")


def _reproducing(card: Card) -> Iterator[str]:
    manifest = card.checkpoint.manifest
    yield "## Reproduce"
    version = manifest.versions.get("pspo-bench")
    where = f"pspo-bench {escape_markdown(version)}" if version else "pspo-bench"
    where += f" (commit {code(manifest.git_commit)})" if manifest.git_commit else ""
    yield f"With {where}, and {code(RECIPE_NAME)} of this repository:"
    if card.base is None and manifest.base_model not in BUILTIN:
        yield f"`model.base` in it, {code(manifest.base_model)}, was a folder: give yours with `model.base=FOLDER`."
    folder = "runs/again"
    commands = [shlex.join(["pspo-bench", "train", RECIPE_NAME, "-o", folder])]
    commands += dict.fromkeys(eval_command(run.info, folder) for run in card.evidence.own)
    yield fenced("\n".join(commands), "sh")


def eval_command(info: RunInfo, model: str) -> str:
    """The command that scores `model` as the run `info` was scored."""
    s = info.settings
    words = ["pspo-bench", "eval", "--model", model, "--tasks", ",".join(info.tasks)]
    words += ["--temperature", ",".join(f"{t:g}" for t in s.temperatures), "--seed", str(s.seed)]
    splits = {task.split for task in info.tasks.values()}
    optional = {
        "--samples": s.samples if s.samples != 1 else None,
        "--top-p": s.top_p if s.top_p != 1 else None,
        "--top-k": s.top_k or None,
        "--min-p": s.min_p or None,
        "--max-tokens": s.max_tokens,
        "--limit": s.limit,
        "--num-fewshot": s.num_fewshot or None,
        "--split": splits.pop() if len(splits) == 1 else None,
        "--engine": info.engine if info.engine != "hf" else None,
        "--dtype": info.dtype if info.dtype in ("float32", "bfloat16", "float16") else None,
    }
    words += [word for flag, value in optional.items() if value is not None for word in (flag, str(value))]
    words += [word for text in s.stop for word in ("--stop", text)]
    words += ["--stop-at-answer-line"] if s.stop_at_answer_line else []
    return shlex.join([*words, "-o", f"{model}-eval"])


def _provenance(card: Card) -> Iterator[str]:
    manifest = card.checkpoint.manifest
    rows = [
        ("weights (hash over all tensors)", manifest.weights_sha256),
        ("base model's weights", manifest.base_fingerprint),
        ("training data", manifest.data.get("training_sha")),
        ("validation data", manifest.data.get("validation_sha")),
        ("commit of pspo-bench", manifest.git_commit),
        ("trained", manifest.created),
        *((f"hardware: {key}", value) for key, value in sorted(manifest.hardware.items())),
        *((f"version: {name}", version) for name, version in sorted(manifest.versions.items())),
    ]
    yield "## Provenance"
    yield table(
        ["", "what"],
        [
            [escape_markdown(name), code_cell(value)]
            for name, value in rows
            if value is not None and value != []
        ],
    )
