"""The card of a checkpoint that was trained for real: what it says, and that nothing in it can bite."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard

from pspo_bench.config import load_recipe
from pspo_bench.errors import ConfigError, PublishError
from pspo_bench.models import fingerprint
from pspo_bench.publish import Assembled, PublishSettings, assemble, write_folder
from pspo_bench.results import dump_result, export_result
from pspo_bench.store import Run

if TYPE_CHECKING:
    from conftest import Trained


def text(made: Assembled, name: str = "README.md") -> str:
    data = made.files[name]
    assert isinstance(data, bytes)
    return data.decode()


def card(made: Assembled) -> ModelCard:
    return ModelCard(text(made))


def edit(checkpoint: Path, **changes: Any) -> None:
    file = checkpoint / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_the_files_are_the_model_its_papers_and_nothing_of_the_trainer(
    trained: Trained, tmp_path: Path
) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    for name in (
        "optimizer.pt",
        "scheduler.pt",
        "rng_state.pth",
        "trainer_state.json",
        "training_args.bin",
        "diary.txt",
    ):
        (checkpoint / name).write_bytes(b"x")
    (checkpoint / "trainer" / "checkpoint-2").mkdir(parents=True)
    (checkpoint / "modeling_mine.py").write_text("x = 1")
    (checkpoint / "training_log.parquet").write_bytes(trained.log.read_bytes())
    made = assemble(checkpoint, "me/it", [trained.run, trained.base])
    assert sorted(made.files) == [
        "README.md",
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "learning_curves.png",
        "manifest.json",
        "model.safetensors",
        "recipe.toml",
        "results/base-run.json",
        "results/pspo-run.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_log.parquet",
    ]
    (left_out,) = [note for note in made.notes if note.startswith("left out")]
    for name in (
        "optimizer.pt",
        "training_args.bin",
        "diary.txt",
        "trainer",
        "checkpoint-2",
        "modeling_mine.py",
    ):
        assert name in left_out
    without = assemble(checkpoint, "me/it", [trained.run], PublishSettings(weights=False))
    assert set(made.files) - set(without.files) == {"model.safetensors", "results/base-run.json"}
    assert "weights are not in this repository" in text(without)


def test_no_question_and_no_completion_goes_up(trained: Trained, tmp_path: Path) -> None:
    write_folder(assemble(trained.checkpoint, "me/it", [trained.run, trained.base]).files, tmp_path / "out")
    rows = pd.concat([Run.open(run).frame() for run in (trained.run, trained.base)])
    everything = b"".join(file.read_bytes() for file in (tmp_path / "out").rglob("*") if file.is_file())
    for column in ("question", "completion"):
        for told in rows[column].unique():
            assert told.encode() not in everything
            assert json.dumps(told)[1:-1].encode() not in everything


def test_the_head_says_what_is_known_and_no_more(trained: Trained) -> None:
    data = card(assemble(trained.checkpoint, "me/it", [trained.run])).data.to_dict()
    assert data["library_name"] == "transformers"
    assert data["tags"] == ["pspo-bench", "trl", "grpo", "pspo"]
    assert data.keys().isdisjoint({"license", "base_model", "datasets"}), "pocket is not of the Hub"
    ((index),) = data["model-index"]
    assert index["name"] == "it"
    gsm = index["results"][0]
    assert (gsm["dataset"]["type"], gsm["dataset"]["split"]) == ("pocket_gsm", "test")
    (metric,) = gsm["metrics"]
    frame = Run.open(trained.run).frame()
    correct = (frame[frame["task"] == "pocket_gsm"]["status"] == "correct").sum()
    assert metric["value"] == pytest.approx(correct / 8)
    assert metric["args"]["questions"] == 8
    assert 0 < metric["args"]["low"] < metric["args"]["high"] <= 1
    assert metric["args"]["low"] <= metric["value"] <= metric["args"]["high"]


def test_the_head_takes_what_is_given(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    settings = PublishSettings(
        license="other", license_name="mine", license_link="LICENSE", base_model="Qwen/Qwen2.5-0.5B"
    )
    edit(checkpoint, data={"task": "gsm8k"})
    made = assemble(checkpoint, "me/it", (), settings)
    data = card(made).data.to_dict()
    assert (data["license"], data["license_name"], data["license_link"]) == ("other", "mine", "LICENSE")
    assert (data["base_model"], data["datasets"]) == ("Qwen/Qwen2.5-0.5B", ["openai/gsm8k"])
    assert tomllib.loads(text(made, "recipe.toml"))["model"]["base"] == "Qwen/Qwen2.5-0.5B"
    assert json.loads(text(made, "manifest.json"))["base_model"] == "Qwen/Qwen2.5-0.5B"
    assert not [note for note in made.notes if "license" in note or "base model" in note]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PublishSettings(license="Apache 2"), "--license 'Apache 2' is no identifier of the Hub"),
        (PublishSettings(license_name="mine"), "need --license other"),
        (PublishSettings(base_model="../x"), "--base-model '../x' is no Hub id"),
    ],
)
def test_metadata_that_the_hub_could_not_know_is_refused(
    trained: Trained, settings: PublishSettings, message: str
) -> None:
    with pytest.raises(PublishError, match=message):
        assemble(trained.checkpoint, "me/it", (), settings)


def test_the_recipe_of_the_card_trains_the_same(trained: Trained, tmp_path: Path) -> None:
    made = assemble(trained.checkpoint, "me/it")
    manifest = json.loads((trained.checkpoint / "manifest.json").read_text())
    (tmp_path / "recipe.toml").write_text(text(made, "recipe.toml"))
    assert load_recipe(tmp_path / "recipe.toml").model_dump(mode="json") == manifest["recipe"]
    assert text(made, "recipe.toml").strip() in text(made)
    assert "pspo-bench train recipe.toml -o runs/again" in text(made)


def test_the_eval_command_asks_for_the_same_samples(trained: Trained, tmp_path: Path) -> None:
    from pspo_bench.cli.parser import build_parser
    from pspo_bench.publish.card import eval_command

    info = Run.open(trained.run).info
    settings = replace(
        info.settings,
        temperatures=(0.0, 0.7),
        samples=4,
        top_p=0.9,
        top_k=5,
        stop=("a b", "\n"),
        num_fewshot=2,
    )
    import shlex

    words = shlex.split(eval_command(replace(info, settings=settings), "runs/x y"))
    asked = build_parser("eval").parse_args(words[1:])
    assert (asked.model, asked.tasks, asked.temperature) == (
        ["runs/x y"],
        ["pocket_gsm", "pocket_svamp"],
        (0.0, 0.7),
    )
    assert (asked.samples, asked.top_p, asked.top_k, asked.limit) == (4, 0.9, 5, 8)
    assert (asked.stop, asked.num_fewshot, asked.seed, asked.split) == (["a b", "\n"], 2, 0, "test")


def test_scores_have_intervals_and_paired_differences(trained: Trained) -> None:
    from pspo_bench.publish.checkpoint import open_checkpoint
    from pspo_bench.publish.scores import read_evidence

    manifest = open_checkpoint(trained.checkpoint).manifest
    evidence = read_evidence([trained.run, trained.base], manifest, allow_incomplete=False)
    gsm, svamp = evidence.scores
    right = [
        dict(zip(frame["example_id"], frame["status"] == "correct", strict=True))
        for frame in (
            run.frame().query("task == 'pocket_gsm'") for run in map(Run.open, (trained.run, trained.base))
        )
    ]
    won = sum(right[0][i] and not right[1][i] for i in right[0])
    lost = sum(right[1][i] and not right[0][i] for i in right[0])
    assert gsm.gain is not None
    assert gsm.gain.difference == pytest.approx((won - lost) / 8)
    assert gsm.base_accuracy == sum(right[1].values()) / 8
    assert gsm.interval is not None
    assert gsm.interval.method == "wilson"
    assert svamp.gain is None, "the base was not asked"
    made = text(assemble(trained.checkpoint, "me/it", [trained.run, trained.base]))
    assert f"| `pocket_gsm` | 0 | 8 | 8 | {100 * gsm.accuracy:.1f} |" in made
    assert f"| {100 * gsm.gain.difference:+.1f} |" in made


def test_result_files_serve_as_runs_do(trained: Trained, tmp_path: Path) -> None:
    files = []
    for run in (trained.run, trained.base):
        files.append(tmp_path / f"{run.name}.json")
        files[-1].write_text(dump_result(export_result(Run.open(run))))
    by_files = assemble(trained.checkpoint, "me/it", files)
    by_runs = assemble(trained.checkpoint, "me/it", [trained.run, trained.base])
    assert by_files.files == by_runs.files


def test_the_same_checkpoint_gives_the_same_bytes(trained: Trained) -> None:
    first, again = (assemble(trained.checkpoint, "me/it", [trained.run]) for _ in range(2))
    assert first.files == again.files


def test_the_objective_comes_with_its_formula_and_source(trained: Trained, tmp_path: Path) -> None:
    made = text(assemble(trained.checkpoint, "me/it"))
    assert "[(1 - alpha) r + alpha] A" in made
    assert "https://arxiv.org/abs/2509.21282" in made
    assert "| reward | correctness |" in made
    assert "`alpha = 0.1`" in made, "the default that was in force"
    for name, told in (("sft", "without a trust region"), ("os.path:join", "not one of pspo-bench's own")):
        checkpoint = trained.copy(tmp_path / name)
        edit(checkpoint, objective={"name": name, "settings": {}})
        assert told in text(assemble(checkpoint, "me/it"))


def test_an_objective_of_a_manifest_is_not_imported(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    checkpoint = trained.copy(tmp_path / "checkpoint")
    edit(checkpoint, objective={"name": "evil:objective"})
    assert "`evil:objective`" in text(assemble(checkpoint, "me/it"))


def test_warnings_of_the_run_stand_before_the_scores(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    edit(checkpoint, warnings=[{"name": "clip_idle", "message": "the clip fraction was about 0"}])
    made = text(assemble(checkpoint, "me/it", [trained.run]))
    assert "- `clip_idle`: the clip fraction was about 0" in made
    assert made.index("## Warnings") < made.index("## Scores")


def test_curves_are_drawn_of_what_the_log_holds(trained: Trained, tmp_path: Path) -> None:
    made = assemble(trained.checkpoint, "me/it")
    png = made.files["learning_curves.png"]
    assert isinstance(png, bytes)
    assert png.startswith(b"\x89PNG\r\n")
    checkpoint = trained.copy(tmp_path / "checkpoint")
    pd.DataFrame({"step": [1], "other": [1.0]}).to_parquet(checkpoint / "training_log.parquet")
    without = assemble(checkpoint, "me/it")
    assert "learning_curves.png" not in without.files
    assert "Learning curves" not in text(without)
    (checkpoint / "training_log.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(PublishError, match="training_log.parquet cannot be read"):
        assemble(checkpoint, "me/it")
    (checkpoint / "training_log.parquet").unlink()
    assert any("no learning curves" in note for note in assemble(checkpoint, "me/it").notes)


# What is refused


def test_an_unfinished_run_and_other_folders_are_refused(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    (checkpoint / "manifest.json").unlink()
    with pytest.raises(
        PublishError, match="is an unfinished training run: .* the same train command and --resume"
    ):
        assemble(checkpoint, "me/it")
    (checkpoint / "recipe.json").unlink()
    with pytest.raises(PublishError, match=r"holds no manifest\.json, so it is no checkpoint of train"):
        assemble(checkpoint, "me/it")
    with pytest.raises(PublishError, match="is not a folder"):
        assemble(tmp_path / "none", "me/it")


def test_a_manifest_that_does_not_fit_is_named(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    edit(checkpoint, optimizer_steps="many")
    with pytest.raises(ConfigError, match=r"manifest\.json: optimizer_steps: .*integer"):
        assemble(checkpoint, "me/it")
    (checkpoint / "manifest.json").write_text("{")
    with pytest.raises(PublishError, match=r"manifest\.json cannot be read as JSON"):
        assemble(checkpoint, "me/it")


def test_weights_that_were_changed_after_training_are_refused(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    weights = checkpoint / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(PublishError, match="The weights in .* are not those of its manifest.json"):
        assemble(checkpoint, "me/it")


def test_scores_of_other_weights_are_refused(trained: Trained, tmp_path: Path) -> None:
    result = export_result(Run.open(trained.run))
    result["run"]["fingerprint"] = "f" * 32
    (tmp_path / "other.json").write_text(dump_result(result))
    with pytest.raises(PublishError, match=r"other\.json was scored with other weights \(f{32}\)"):
        assemble(trained.checkpoint, "me/it", [tmp_path / "other.json"])


def test_an_incomplete_run_is_refused_or_marked(trained: Trained, tmp_path: Path) -> None:
    result = export_result(Run.open(trained.run))
    result["complete"] = False
    (tmp_path / "half.json").write_text(dump_result(result))
    with pytest.raises(PublishError, match=r"half\.json is incomplete; .* or pass --allow-incomplete"):
        assemble(trained.checkpoint, "me/it", [tmp_path / "half.json"])
    made = text(
        assemble(
            trained.checkpoint, "me/it", [tmp_path / "half.json"], PublishSettings(allow_incomplete=True)
        )
    )
    assert "**Incomplete evaluation**" in made
    assert "| `pocket_gsm` ‡ | 0 |" in made


def test_a_base_run_with_another_limit_gives_no_difference(trained: Trained, tmp_path: Path) -> None:
    result = export_result(Run.open(trained.base))
    result["run"]["tasks"]["pocket_gsm"]["max_tokens"] = 9
    (tmp_path / "base.json").write_text(dump_result(result))
    made = text(assemble(trained.checkpoint, "me/it", [trained.run, tmp_path / "base.json"]))
    assert (
        "No difference to the base model on pocket\\_gsm: its run had another token limit (9, not 64)."
        in made
    )


# Folders of this machine, and hostile text


def test_folders_of_this_machine_do_not_go_up(trained: Trained, tmp_path: Path) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    manifest["recipe"]["model"]["base"] = manifest["base_model"] = "/home/ann/models/mine"
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    result = export_result(Run.open(trained.run))
    result["run"]["manifest"] = manifest
    (tmp_path / "run.json").write_text(dump_result(result))
    made = assemble(checkpoint, "me/it", [tmp_path / "run.json"])
    for name, data in made.files.items():
        if isinstance(data, bytes):
            assert b"/home/ann" not in data, name
            assert str(tmp_path).encode() not in data, name
    assert "`model.base` in it, `mine`, was a folder" in text(made)


HOSTILE = [
    "a | b `c` ``` d",
    "<script>alert(1)</script> <!-- ",
    "x\n---\nlicense: mit\n# Heading\n\n| t |\n",
    "[click](javascript:alert(1)) ![](https://example.org/pixel.png)",
    "\u202eevil\x1b[31m\x00\u2028\u0085end",
    "key: {a: b}, [c] & *anchor !!python/object:os.system 'q' \"q\"",
    "```\n</details>\n```",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_inert_in_the_card(trained: Trained, tmp_path: Path, hostile: str) -> None:
    checkpoint = trained.copy(tmp_path / "checkpoint")
    manifest = json.loads((checkpoint / "manifest.json").read_text())
    recipe = manifest["recipe"] | {"name": hostile, hostile: {hostile: [hostile, {hostile: hostile}]}}
    edit(
        checkpoint,
        name=hostile,
        method=hostile,
        objective={"name": hostile, "settings": {hostile: 0.5}},
        recipe=recipe,
        system_prompt=hostile,
        base_model=hostile,
        data={"task": hostile, "training_sha": hostile},
        versions={hostile: hostile, "pspo-bench": hostile},
        hardware={hostile: [hostile]},
        git_commit=hostile,
        warnings=[{"name": hostile, "message": hostile}],
    )
    result = export_result(Run.open(trained.run))
    result["run"]["tasks"][hostile] = result["run"]["tasks"].pop("pocket_svamp") | {"split": hostile}
    result["scores"][1]["task"] = hostile
    (tmp_path / "a b](javascript:x).json").write_text(dump_result(result))
    made = assemble(checkpoint, "me/it", [tmp_path / "a b](javascript:x).json"])
    body = text(made)
    _head_is_ours(body)
    _body_is_ours(ModelCard(body).text)
    assert tomllib.loads(text(made, "recipe.toml"))["name"] == hostile, "as it was, though inert"


def _head_is_ours(body: str) -> None:
    head = body.split("\n---\n")[0].removeprefix("---\n")
    data = yaml.safe_load(head)
    assert set(data) == {"library_name", "pipeline_tag", "tags", "model-index"}
    assert data == ModelCard(body).data.to_dict()


def _body_is_ours(body: str) -> None:
    """Read as CommonMark with tables, the card has no HTML, and no link or heading but those it always has."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    inline = [child for token in tokens for child in token.children or ()]
    assert [token.type for token in (*tokens, *inline) if token.type.startswith("html")] == []
    allowed = ("https://github.com/huggingface/trl", "results/a_b_javascript_x_.json")
    targets = [t.attrs.get("href") or t.attrs.get("src") for t in inline if t.type in ("link_open", "image")]
    assert set(targets) <= set(allowed)
    headings = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]
    assert headings == [
        "it",
        "Warnings",
        "Training",
        "Scores",
        "Use",
        "Reproduce",
        "Provenance",
    ]
    columns = [
        line.count("|") for line in body.replace("\\|", "").split("\n") if line.startswith("| `pocket_gsm`")
    ]
    assert columns == [8]  # seven columns
    assert all(c == "\n" or c.isprintable() for c in body)


# Adapters


def test_an_adapter_goes_up_with_its_base_named(tmp_path: Path, trained: Trained) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from pspo_bench.models import resolve
    from pspo_bench.pocket import base_path

    model = AutoModelForCausalLM.from_pretrained(base_path())
    folder = tmp_path / "adapter"
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(folder)
    manifest = json.loads((trained.checkpoint / "manifest.json").read_text())
    found = resolve(str(folder))
    manifest |= {"weights_sha256": found.fingerprint, "base_fingerprint": fingerprint(base_path())}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    made = assemble(folder, "me/lora", (), PublishSettings(base_model="me/pocket"))
    assert {"adapter_model.safetensors", "adapter_config.json"} <= set(made.files)
    assert json.loads(text(made, "adapter_config.json"))["base_model_name_or_path"] == "me/pocket"
    data = card(made).data
    assert (data.library_name, data.base_model) == ("peft", "me/pocket")
    assert "AutoPeftModelForCausalLM.from_pretrained" in text(made)
    assert str(base_path()) not in "".join(d.decode() for d in made.files.values() if isinstance(d, bytes))
    del manifest["base_fingerprint"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PublishError, match="no base_fingerprint: it cannot be checked"):
        assemble(folder, "me/lora")
