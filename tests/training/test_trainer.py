"""The adapter against TRL itself: the same tensors must give the same loss and the same gradient.

TRL's own loss is the oracle for clip and unclipped; for PSPO the identity grad = (1 - alpha) grad(unclipped) is.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from pspo_bench.errors import TrainingError
from pspo_bench.objectives import get_objective
from pspo_bench.pocket import base_path
from pspo_bench.training.trainer import TrustRegionTrainer

ROWS, PROMPT, LENGTH = 4, 3, 6
AGGREGATIONS = ("grpo", "bnpo", "dapo", "dr_grpo")


def no_reward(completions: list[Any], **_: Any) -> list[float]:
    return [0.0] * len(completions)


def build(
    kind: type, folder: Path, work_dir: Path, accumulation: int = 1, minibatches: int = 1, **options: Any
) -> Any:
    settings = {name: options.pop(name) for name in ("objective", "aggregation") if name in options}
    args = GRPOConfig(
        output_dir=str(work_dir),
        per_device_train_batch_size=ROWS,
        num_generations=2,
        gradient_accumulation_steps=accumulation,
        steps_per_generation=accumulation * minibatches,
        max_completion_length=LENGTH,
        bf16=False,
        activation_checkpointing=False,
        report_to="none",
        **options,
    )
    trainer = kind(
        model=str(folder),
        args=args,
        processing_class=AutoTokenizer.from_pretrained(base_path()),
        train_dataset=Dataset.from_list([{"prompt": "1 + 1"}] * 8),
        reward_funcs=[no_reward],
        **settings,
    )
    trainer.current_gradient_accumulation_steps = accumulation
    trainer.model.train()
    return trainer


def inputs(*, off_policy: bool, with_reference: bool = False) -> dict[str, Any]:
    """Four completions of 6, 4, 2 and 1 tokens, padded with a token the loss must not see."""
    generator = torch.Generator().manual_seed(7)
    lengths = torch.tensor([6, 4, 2, 1])
    mask = (torch.arange(LENGTH) < lengths.unsqueeze(1)).long()
    tokens = torch.randint(20, 200, (ROWS, PROMPT + LENGTH), generator=generator)
    made: dict[str, Any] = {
        "prompt_ids": tokens[:, :PROMPT],
        "prompt_mask": torch.tensor([[1, 1, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]]),
        "completion_ids": tokens[:, PROMPT:].where(mask.bool(), torch.tensor(0)),
        "completion_mask": mask,
        "advantages": torch.tensor([1.0, -1.0, 0.5, -0.3]),
        "num_items_in_batch": torch.tensor(29.0),
    }
    if off_policy:
        # about -log(vocabulary) with a spread that puts many ratios outside [0.8, 1.2]
        made["old_per_token_logps"] = -6.2 + 0.4 * torch.randn(ROWS, LENGTH, generator=generator)
    if with_reference:
        made["ref_per_token_logps"] = -6.2 + 0.3 * torch.randn(ROWS, LENGTH, generator=generator)
    return made


def loss_and_gradient(trainer: Any, batch: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    trainer.model.zero_grad()
    loss = trainer._compute_loss(trainer.model, batch)
    loss.backward()
    gradients = [p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]
    return loss.detach(), torch.cat(gradients)


def ours(
    name: str, aggregation: str, folder: Path, work_dir: Path, settings: dict[str, float], **options: Any
) -> Any:
    objective = get_objective(name)
    function = partial(objective.function, **objective.resolve(settings))
    return build(TrustRegionTrainer, folder, work_dir, objective=function, aggregation=aggregation, **options)


CASES = [
    ("clip", {"epsilon": 0.2}, {"epsilon": 0.2}),
    ("clip", {"epsilon_low": 0.1, "epsilon_high": 0.28}, {"epsilon": 0.1, "epsilon_high": 0.28}),
    ("clip", {"epsilon": 0.0}, {"epsilon": 0.0}),
    ("unclipped", {}, {"epsilon": float("inf")}),
]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize(
    ("name", "settings", "trl_settings"), CASES, ids=["clip", "asymmetric", "zero", "unclipped"]
)
@pytest.mark.parametrize("off_policy", [False, True], ids=["mu1", "mu2"])
def test_loss_and_gradient_equal_trls(
    tiny_folder: Path,
    tmp_path: Path,
    name: str,
    settings: Any,
    trl_settings: Any,
    aggregation: str,
    off_policy: bool,
) -> None:
    stock = build(GRPOTrainer, tiny_folder, tmp_path, loss_type=aggregation, **trl_settings)
    adapter = ours(name, aggregation, tiny_folder, tmp_path, settings)
    assert_equal_to_trl(stock, adapter, both_sides() if off_policy else inputs(off_policy=False))


SEQUENCE_LEVEL = {"importance_sampling_level": "sequence"}
# TRL ties some losses to one aggregation: its loss_type names both.
RIVALS = [
    *(
        ("dual-clip", {"cap": 1.3}, how, {"loss_type": how, "epsilon": 0.2, "delta": 1.3})
        for how in AGGREGATIONS
    ),
    *(
        ("gspo", {"epsilon_low": low, "epsilon_high": high}, how,
         {"loss_type": how, "epsilon": low, "epsilon_high": high, **SEQUENCE_LEVEL})
        for how in AGGREGATIONS
        for low, high in [(3e-4, 4e-4), (0.05, 0.1)]
    ),
    ("sapo", {}, "grpo", {"loss_type": "sapo"}),
    ("sapo", {"tau_pos": 4.0, "tau_neg": 6.0}, "grpo",
     {"loss_type": "sapo", "sapo_temperature_pos": 4.0, "sapo_temperature_neg": 6.0}),
    ("cispo", {}, "dapo", {"loss_type": "cispo", "epsilon_high": 5.0}),
    ("cispo", {"cap": 1.1}, "dapo", {"loss_type": "cispo", "epsilon_high": 1.1}),
    ("vespo", {}, "dapo", {"loss_type": "vespo"}),
    ("vespo", {"k_pos": 1.0, "lambda_pos": 0.5, "k_neg": 0.5, "lambda_neg": 1.0}, "dapo",
     {"loss_type": "vespo", "vespo_k_pos": 1.0, "vespo_lambda_pos": 0.5, "vespo_k_neg": 0.5, "vespo_lambda_neg": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "aggregation", "trl_settings"), RIVALS)
def test_rivals_equal_trls(
    tiny_folder: Path, tmp_path: Path, name: str, settings: Any, aggregation: str, trl_settings: Any
) -> None:
    stock = build(GRPOTrainer, tiny_folder, tmp_path, **trl_settings)
    adapter = ours(name, aggregation, tiny_folder, tmp_path, settings)
    assert_equal_to_trl(stock, adapter, both_sides())
    figures: dict[str, float] = {}
    adapter.log(figures)
    assert_equal_to_trl(stock, adapter, inputs(off_policy=False))
    assert figures["ratio_p05"] < 0.8
    assert figures["ratio_max"] > 1.5  # beyond every clip and cap above, but the 5 of CISPO


def both_sides() -> dict[str, Any]:
    """Sequence ratios of about 1.3, 0.75, 0.9 and 1.5 with A of 1, -1, 0.5 and -0.3: clipped, clipped, not, not."""
    batch = inputs(off_policy=True)
    batch["old_per_token_logps"] -= torch.tensor([[0.5], [0.2], [0.1], [0.6]])
    return batch


def test_gspo_summed_over_tokens_is_luspo(tiny_folder: Path, tmp_path: Path) -> None:
    """LUSPO is the mean over sequences of length times loss; dr_grpo divides that by the token limit."""
    epsilons = {"epsilon": 0.05, "epsilon_high": 0.1}
    stock = build(GRPOTrainer, tiny_folder, tmp_path, loss_type="luspo", **epsilons, **SEQUENCE_LEVEL)
    adapter = ours("gspo", "dr_grpo", tiny_folder, tmp_path, {"epsilon_low": 0.05, "epsilon_high": 0.1})
    batch = both_sides()
    expected_loss, expected = loss_and_gradient(stock, dict(batch))
    loss, gradient = loss_and_gradient(adapter, dict(batch))
    assert torch.allclose(loss * LENGTH, expected_loss, rtol=0, atol=1e-6)
    assert torch.allclose(gradient * LENGTH, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_accumulation_minibatches_and_kl_equal_trls(
    tiny_folder: Path, tmp_path: Path, aggregation: str
) -> None:
    options: dict[str, Any] = {"accumulation": 2, "minibatches": 2, "beta": 0.1}
    stock = build(GRPOTrainer, tiny_folder, tmp_path, loss_type=aggregation, epsilon=0.2, **options)
    adapter = ours("clip", aggregation, tiny_folder, tmp_path, {"epsilon": 0.2}, **options)
    assert_equal_to_trl(stock, adapter, inputs(off_policy=True, with_reference=True))


SAMPLING_RATIOS = {
    # of a token of TRL's *_truncate and *_mask: between the bounds, or 0; one whose probability vLLM did not know has 1
    "token": torch.tensor([0.5, 1.3, 0.0, 3.0, 1.0, 0.9]).expand(ROWS, LENGTH)
    * torch.tensor([[1.0], [0.5], [1.1], [2.0]]),
    "sequence": torch.tensor([[0.4], [2.5], [0.0], [1.2]]),
}


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("level", SAMPLING_RATIOS)
def test_the_correction_for_vllm_equals_trls(
    tiny_folder: Path, tmp_path: Path, aggregation: str, level: str
) -> None:
    """It weighs the policy's loss and not the KL term, with old log-probabilities or without."""
    options: dict[str, Any] = {"accumulation": 2, "minibatches": 2, "beta": 0.1}
    stock = build(GRPOTrainer, tiny_folder, tmp_path, loss_type=aggregation, epsilon=0.2, **options)
    stock.use_vllm = stock.vllm_importance_sampling_correction = True  # as TRL has it once vLLM is there
    adapter = ours("clip", aggregation, tiny_folder, tmp_path, {"epsilon": 0.2}, **options)
    for off_policy in (True, False):
        batch = inputs(off_policy=off_policy, with_reference=True)
        assert_equal_to_trl(stock, adapter, batch | {"importance_sampling_ratio": SAMPLING_RATIOS[level]})
    without = loss_and_gradient(adapter, batch)[1]
    with_it = loss_and_gradient(adapter, batch | {"importance_sampling_ratio": SAMPLING_RATIOS[level]})[1]
    assert (without - with_it).norm() > 1e-3


def test_a_ratio_that_is_nan_at_padding_reaches_neither_loss_nor_gradient(
    tiny_folder: Path, tmp_path: Path
) -> None:
    trainer = ours("pspo", "dapo", tiny_folder, tmp_path, {})
    batch = inputs(off_policy=True)
    ratio = SAMPLING_RATIOS["token"]
    clean = loss_and_gradient(trainer, batch | {"importance_sampling_ratio": ratio})
    dirty = ratio.masked_fill(batch["completion_mask"] == 0, torch.nan)
    found = loss_and_gradient(trainer, batch | {"importance_sampling_ratio": dirty})
    assert all(torch.equal(*pair) for pair in zip(clean, found, strict=True))


def assert_equal_to_trl(stock: Any, adapter: Any, batch: dict[str, Any]) -> None:
    expected_loss, expected = loss_and_gradient(stock, dict(batch))
    loss, gradient = loss_and_gradient(adapter, dict(batch))
    assert expected.norm() > 1e-3
    assert torch.allclose(loss, expected_loss, rtol=0, atol=1e-6)
    assert torch.allclose(gradient, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("off_policy", [False, True], ids=["mu1", "mu2"])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.5, 0.9])
def test_pspo_gradient_is_unclipped_scaled(
    tiny_folder: Path, tmp_path: Path, alpha: float, off_policy: bool
) -> None:
    batch = inputs(off_policy=off_policy)
    _, unclipped = loss_and_gradient(ours("unclipped", "dapo", tiny_folder, tmp_path, {}), dict(batch))
    _, pspo = loss_and_gradient(ours("pspo", "dapo", tiny_folder, tmp_path, {"alpha": alpha}), dict(batch))
    assert torch.allclose(pspo, (1 - alpha) * unclipped, rtol=0, atol=1e-6)


def test_what_lies_at_padding_does_not_matter(tiny_folder: Path, tmp_path: Path) -> None:
    trainer = ours("pspo", "dapo", tiny_folder, tmp_path, {})
    batch = inputs(off_policy=True)
    _, clean = loss_and_gradient(trainer, dict(batch))
    batch["old_per_token_logps"] = batch["old_per_token_logps"].masked_fill(
        batch["completion_mask"] == 0, torch.nan
    )
    loss, dirty = loss_and_gradient(trainer, dict(batch))
    assert loss.isfinite()
    assert torch.equal(dirty, clean)


def test_two_micro_batches_add_up_to_the_whole(tiny_folder: Path, tmp_path: Path) -> None:
    """dapo: sum of token losses over the tokens of the step, so halves of accumulation 2 sum to the whole."""
    batch = inputs(off_policy=True)
    _, whole = loss_and_gradient(ours("pspo", "dapo", tiny_folder, tmp_path, {}), dict(batch))
    halves = ours("pspo", "dapo", tiny_folder, tmp_path, {}, accumulation=2)
    total = torch.zeros_like(whole)
    for rows in (slice(0, 2), slice(2, 4)):
        part = {key: value[rows] if value.dim() else value for key, value in batch.items()}
        total += loss_and_gradient(halves, part)[1]
    assert torch.allclose(total, whole, rtol=0, atol=1e-6)


def test_the_log_tells_how_far_the_policy_moved(tiny_folder: Path, tmp_path: Path) -> None:
    trainer = ours("unclipped", "dapo", tiny_folder, tmp_path, {})
    trainer._compute_loss(trainer.model, inputs(off_policy=False))
    on_policy: dict[str, float] = {}
    trainer.log(on_policy)
    assert on_policy["clip_fraction"] == 0
    assert on_policy["kl_old_new"] == pytest.approx(0, abs=1e-9)
    assert on_policy["ess"] == pytest.approx(1)
    trainer._compute_loss(trainer.model, inputs(off_policy=True))
    off_policy: dict[str, float] = {}
    trainer.log(off_policy)
    assert 0 < off_policy["clip_fraction"] <= off_policy["outside_band_fraction"] <= 1
    assert off_policy["ess"] < 1
    assert off_policy["ratio_p05"] < off_policy["ratio_p50"] < off_policy["ratio_p95"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("off_policy_mask_threshold", 0.5), ("top_entropy_quantile", 0.8), ("importance_sampling_level", "sequence"),
     ("entropy_coef", 0.01)],
)  # fmt: skip
def test_what_the_adapter_cannot_do_is_refused(
    tiny_folder: Path, tmp_path: Path, option: str, value: Any
) -> None:
    with pytest.raises(TrainingError, match=option):
        ours("clip", "dapo", tiny_folder, tmp_path, {}, **{option: value})


def test_images_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    trainer = ours("clip", "dapo", tiny_folder, tmp_path, {})
    with pytest.raises(TrainingError, match="Only text can be trained on; the batch holds pixel_values"):
        trainer._compute_loss(trainer.model, {**inputs(off_policy=False), "pixel_values": torch.zeros(1)})
