"""Several processes: the whole weights of a model that is spread over them, and agreement between them.

Under FSDP and DeepSpeed ZeRO-3 a process holds a part of every weight. What needs them whole, saving and generation,
is collective: every process must call it, also those that do nothing with the result.

    with whole_model(trainer) as model, evaluating(model):      # on every process
        HFEngine(replace(loaded, model=model)).generate(...)
    state = whole_state(trainer)             # on every process; the first one writes it
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pspo_bench.errors import PspoBenchError

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")

_WRAPPER = "_checkpoint_wrapped_module."
"""What FSDP's own activation checkpointing puts into the names of weights."""


def agreed(decide: Callable[[], Value]) -> Value:
    """What `decide` returns on the first process, on every process; an error there is raised on every process."""
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    state = PartialState(cpu=not torch.cuda.is_available())
    outcome: list[Any] = [None, None]
    if state.is_main_process:
        try:
            outcome[0] = decide()
        except PspoBenchError as error:
            outcome[1] = error
    broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    value: Value = outcome[0]
    return value


def keep_twin(trainer: Any) -> None:
    """Under FSDP, put aside an unsharded copy of the model, on the CPU, which `whole_model` fills and hands out.

    Call it before the training begins, while the model is still whole.
    """
    if not trainer.is_fsdp_enabled:
        return
    twin = copy.deepcopy(trainer.model).requires_grad_(False).cpu()
    for module in twin.modules():
        module.__dict__.pop("forward", None)  # TRL's replacement, which is bound to the model it was made for
    trainer.twin = twin


@contextmanager
def whole_model(trainer: Any) -> Iterator[Any]:
    """The model with all of its present weights, for generation without gradients. Collective."""
    if _is_fsdp(trainer.model_wrapped):
        try:
            yield _filled(trainer.twin, trainer.model_wrapped, trainer.accelerator.device)
        finally:
            trainer.twin.cpu()
    elif _is_zero3(trainer):
        from trl.models.utils import unwrap_model_for_generation

        checkpointing = trainer.args.gradient_checkpointing_kwargs
        with unwrap_model_for_generation(
            trainer.model_wrapped, trainer.accelerator, gradient_checkpointing_kwargs=checkpointing
        ) as model:
            yield model
    else:
        yield trainer.accelerator.unwrap_model(trainer.model_wrapped)


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """`model` in evaluation mode, and then in the mode that it was in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def whole_state(trainer: Any) -> dict[str, torch.Tensor]:
    """The model's state dict with all weights, at least on the first process. Collective."""
    wrapped = trainer.model_wrapped
    model = trainer.accelerator.unwrap_model(wrapped)
    spread = _is_fsdp(wrapped) or _is_zero3(trainer)
    state = trainer.accelerator.get_state_dict(wrapped) if spread else model.state_dict()
    # gathered, tied weights no longer share memory: once is enough
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    return {name: weight for name, weight in state.items() if name not in tied}


def _is_fsdp(model: Any) -> bool:
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def _is_zero3(trainer: Any) -> bool:
    """Whether the weights are spread by DeepSpeed; before the training begins they are not."""
    return hasattr(trainer.model_wrapped, "zero_optimization_partition_weights") and bool(
        trainer.model_wrapped.zero_optimization_partition_weights()
    )


def _filled(twin: Any, model: Any, device: torch.device) -> Any:
    """`twin` on `device` with the weights of the sharded `model`, gathered one by one."""
    import torch

    twin.to(device)
    targets = dict(twin.named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            whole = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
            targets[name.replace(_WRAPPER, "")].copy_(whole)
    return twin
