"""Checkpoint and results → the files of a repository, and the folder that holds them.

    README.md               the card
    recipe.toml             the recipe; `train recipe.toml` does it again
    manifest.json, training_log.parquet, learning_curves.png
    config.json, model.safetensors, tokenizer.json, ...
    results/*.json          counts per question, of the checkpoint and of its base model

Folders of the machine that trained are cut from what goes up: `/home/me/models/mine` becomes `mine`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pspo_bench.errors import PublishError
from pspo_bench.interop.names import distinct, safe_name
from pspo_bench.publish.card import RECIPE_NAME, Card
from pspo_bench.publish.checkpoint import ADAPTER_CONFIG, LOG_NAME, MANIFEST_NAME, Checkpoint, open_checkpoint
from pspo_bench.publish.curves import CURVES_NAME, draw_curves
from pspo_bench.publish.markdown import one_line, toml
from pspo_bench.publish.metadata import card_data, hub_base
from pspo_bench.publish.scores import Evidence, read_evidence
from pspo_bench.publish.settings import PublishSettings
from pspo_bench.results import Result, dump_result, portable
from pspo_bench.store import write_error

CARD_NAME = "README.md"
RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Assembled:
    """The files by their path in the repository, each its bytes or the file that holds them, and what a user should be
    told: `notes`. `title` says in a few words what was trained.
    """

    files: Mapping[str, bytes | Path]
    notes: tuple[str, ...]
    title: str

    @property
    def results(self) -> dict[str, bytes | Path]:
        """The result files alone, by their names without a folder."""
        start = f"{RESULTS}/"
        return {name.removeprefix(start): data for name, data in self.files.items() if name.startswith(start)}

    def sizes(self) -> dict[str, int]:
        """The size of every file in bytes, by its path in the repository."""
        return {
            name: len(data) if isinstance(data, bytes) else data.stat().st_size
            for name, data in sorted(self.files.items())
        }


def assemble(
    path: Path, repo_id: str, runs: Sequence[Path] = (), settings: PublishSettings | None = None
) -> Assembled:
    """Everything that would go up for the checkpoint at `path`, with the runs and result files that scored it.

    Raises PublishError, StoreError, ModelError, ConfigError or MissingExtraError, each saying what to mend.
    """
    settings = settings or PublishSettings()
    checkpoint = open_checkpoint(path)
    evidence = read_evidence(runs, checkpoint.manifest, allow_incomplete=settings.allow_incomplete)
    base = hub_base(checkpoint, settings)
    public = _public(checkpoint.raw, base)
    curves = draw_curves(checkpoint.log) if checkpoint.log else None
    results = _result_files(evidence, base)
    card = Card(
        repo_id=repo_id,
        checkpoint=replace(checkpoint, manifest=checkpoint.manifest.model_validate(public)),
        recipe=public["recipe"],
        base=base,
        evidence=evidence,
        result_files=tuple(results),
        has_curves=curves is not None,
        settings=settings,
    )
    head = card_data(card.checkpoint, repo_id, evidence.scores, settings).to_yaml(line_break="\n")
    files: dict[str, bytes | Path] = {
        CARD_NAME: f"---\n{head}\n---\n\n{card.markdown()}".encode("utf-8", "replace"),
        RECIPE_NAME: (toml(card.recipe) + "\n").encode("utf-8", "replace"),
        MANIFEST_NAME: _json(public) if public != checkpoint.raw else path / MANIFEST_NAME,
        **_model_files(checkpoint, settings, base),
        **({LOG_NAME: checkpoint.log} if checkpoint.log else {}),
        **({CURVES_NAME: curves} if curves else {}),
        **results,
    }
    return Assembled(files, _notes(checkpoint, settings, base, evidence), _title(card))


def _title(card: Card) -> str:
    manifest = card.checkpoint.manifest
    return one_line(f"{manifest.name}: {manifest.objective.name}, {manifest.optimizer_steps} optimiser steps")


def _public(raw: dict[str, Any], base: str | None) -> dict[str, Any]:
    """The manifest with the base model as others can find it: its Hub id, else its name without folders."""
    public = json.loads(json.dumps(raw))
    found = str(public.get("base_model", ""))
    # `smollm2` stays: its weights are another file's than those of the Hub, and its name is known everywhere
    name = base if base is not None and found != "smollm2" else portable(found)
    public["base_model"] = name
    model = public.get("recipe", {}).get("model")
    if isinstance(model, dict) and model.get("base") == found:
        model["base"] = name
    return dict(public)


def _model_files(
    checkpoint: Checkpoint, settings: PublishSettings, base: str | None
) -> dict[str, bytes | Path]:
    files: dict[str, bytes | Path] = {file.name: file for file in checkpoint.model_files}
    if settings.weights:
        files |= {file.name: file for file in checkpoint.weights}
    if checkpoint.is_adapter:
        config = json.loads((checkpoint.path / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        named = str(config.get("base_model_name_or_path"))
        wanted = base or portable(named)
        if wanted != named:
            files[ADAPTER_CONFIG] = _json({**config, "base_model_name_or_path": wanted})
    return files


def _result_files(evidence: Evidence, base: str | None) -> dict[str, bytes]:
    files: dict[Path, bytes] = {}
    for result in (*evidence.own, *evidence.base):
        source = result.source
        stem = source.stem if source.suffix == ".json" else source.name
        name = distinct(Path(RESULTS) / f"{safe_name(stem)}.json", files)
        files[name] = dump_result(_public_result(result, base).to_dict()).encode("utf-8", "replace")
    return {name.as_posix(): data for name, data in files.items()}


def _public_result(result: Result, base: str | None) -> Result:
    info = result.info
    manifest = None if info.manifest is None else _public(info.manifest, base)
    return replace(
        result,
        info=replace(
            info, model=portable(info.model), base_model=portable(info.base_model), manifest=manifest
        ),
    )


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def _notes(
    checkpoint: Checkpoint, settings: PublishSettings, base: str | None, evidence: Evidence
) -> tuple[str, ...]:
    notes = []
    if settings.license is None:
        notes.append("no license is set; give --license (the base model's terms may bind you)")
    if base is None:
        notes.append(
            f"the base model '{checkpoint.manifest.base_model}' is not known on the Hub, so the metadata names none;"
            " give --base-model USER/NAME if it is there"
        )
    elif settings.base_model is None:
        notes.append(f"the base model is named as '{base}' of the Hub; if it is another, give --base-model")
    if not evidence.own:
        notes.append("no scores are published with it; give --runs RUN")
    elif not evidence.base:
        notes.append("no differences to the base model; add its run to --runs")
    if checkpoint.log is None:
        notes.append(f"no learning curves: the checkpoint has no {LOG_NAME}")
    if checkpoint.left_out:
        notes.append(f"left out: {', '.join(checkpoint.left_out)}")
    return tuple(notes)


def write_folder(files: Mapping[str, bytes | Path], folder: Path, *, link: bool = False) -> None:
    """The files in a new or empty `folder`; `link` makes links of large ones, for a folder that is soon gone again.

    Raises PublishError if there is something in the folder, StoreError if it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PublishError(f"{folder} is not an empty folder; choose another, or remove it")
    try:
        for name, data in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(data, bytes):
                target.write_bytes(data)
            elif link:
                os.symlink(data.resolve(), target)
            else:
                shutil.copyfile(data, target)
    except OSError as error:
        raise write_error(folder, error) from error
