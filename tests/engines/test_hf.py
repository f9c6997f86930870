"""The hf engine against transformers' own generate, and under pressure."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from transformers import Qwen2ForCausalLM

from pspo_bench.engines import ENGINES, Engine
from pspo_bench.engines.hf import HFEngine
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.models import LoadedModel
from pspo_bench.records import Completion, Request, Sampling

SHARED = "Answer the question that follows, step by step. "
PROMPTS = [
    *(f"{SHARED}{'Why? ' * n}{n}" for n in (3, 17, 8, 1, 25, 8)),
    f"{SHARED}{'Why? ' * 8}8",  # twice the same prompt, which is then read once
]
LENGTHS = [5, 40, 33, 21, 60, 48, 12]


@pytest.fixture
def show_ids(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a tokenizer decode to its ids, so that completions can be compared token for token."""

    def show(tokenizer: Any) -> None:
        monkeypatch.setattr(tokenizer, "decode", lambda ids, **_: " ".join(map(str, ids)))

    return show


def run(engine: HFEngine, requests: list[Request]) -> list[Completion]:
    answers = list(engine.generate(requests))
    assert sorted(index for index, _ in answers) == list(range(len(requests)))  # each once
    return [completion for _, completion in sorted(answers)]


def greedy_requests(prompts: list[str], lengths: list[int]) -> list[Request]:
    return [Request(p, Sampling(max_tokens=n), seed=0) for p, n in zip(prompts, lengths, strict=True)]


def greedy_reference(loaded: LoadedModel, prompt: str, length: int) -> list[int]:
    """The new tokens of transformers' generate for one prompt alone, without the end-of-sequence token."""
    ids = loaded.tokenizer(prompt, return_tensors="pt", add_special_tokens=False)["input_ids"]
    mask = torch.ones_like(ids)
    output = loaded.model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=length)
    new: list[int] = output[0, ids.shape[1] :].tolist()
    return new[:-1] if new[-1] == loaded.tokenizer.eos_token_id else new


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, "auto"])
def test_greedy_equals_generate_token_for_token(tiny: LoadedModel, show_ids: Any, batch_size: Any) -> None:
    expected = [greedy_reference(tiny, p, n) for p, n in zip(PROMPTS, LENGTHS, strict=True)]
    show_ids(tiny.tokenizer)
    got = run(HFEngine(tiny, batch_size=batch_size), greedy_requests(PROMPTS, LENGTHS))
    assert [completion.text for completion in got] == [" ".join(map(str, ids)) for ids in expected]
    assert [completion.completion_tokens for completion in got] == [len(ids) for ids in expected]
    assert [completion.finish_reason == "length" for completion in got] == [
        len(ids) == n for ids, n in zip(expected, LENGTHS, strict=True)
    ]
    assert [completion.prompt_tokens for completion in got] == [
        len(p.encode()) for p in PROMPTS
    ]  # a byte a token


def test_greedy_equals_generate_without_a_common_start_and_with_a_sliding_window(
    make_model: Any, loaded_model: Any, show_ids: Any
) -> None:
    # Layer 1 sees 16 tokens; prompts are longer and differ from their first character on.
    model = make_model(3, use_sliding_window=True, sliding_window=16, max_window_layers=1)
    assert model.config.layer_types == ["full_attention", "sliding_attention"]
    loaded = loaded_model(model)
    for prompts in ([f"{n}{'x' * 9 * n}" for n in (1, 5, 3, 2)], PROMPTS[:4]):
        expected = [" ".join(map(str, greedy_reference(loaded, p, 30))) for p in prompts]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loaded.tokenizer, "decode", lambda ids, **_: " ".join(map(str, ids)))
            got = run(HFEngine(loaded, batch_size=2), greedy_requests(prompts, [30] * 4))
        assert [completion.text for completion in got] == expected


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2", "gpt_neox"])
def test_greedy_equals_generate_for_other_decoders(
    architecture: str, loaded_model: Any, show_ids: Any
) -> None:
    # Learned positions; alternating windows with capped logits (eager attention); parallel residual.
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
        "gemma2": {
            "head_dim": 8,
            "num_key_value_heads": 2,
            "sliding_window": 24,
            "attn_implementation": "eager",
        },
        "gpt_neox": {"max_position_embeddings": 256},
    }[architecture]
    if architecture != "gpt2":
        sizes |= {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
        }
    special = {"eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
    config = AutoConfig.for_model(architecture, vocab_size=259, initializer_range=0.4, **special, **sizes)
    torch.manual_seed(1)
    loaded = loaded_model(AutoModelForCausalLM.from_config(config).eval())
    expected = [greedy_reference(loaded, p, 25) for p in PROMPTS]
    show_ids(loaded.tokenizer)
    got = run(HFEngine(loaded, batch_size=3), greedy_requests(PROMPTS, [25] * len(PROMPTS)))
    assert [completion.text for completion in got] == [" ".join(map(str, ids)) for ids in expected]


def sampled_requests(seeds: range) -> list[Request]:
    grid = [Sampling(1.0, 1.0, 24), Sampling(0.7, 0.9, 30), Sampling(0.0, 1.0, 16)]
    return [Request(PROMPTS[seed % 5], grid[seed % 3], seed) for seed in seeds]


def test_draws_depend_on_the_seed_and_not_on_company_or_order(tiny: LoadedModel, show_ids: Any) -> None:
    show_ids(tiny.tokenizer)
    requests = sampled_requests(range(20))
    together = run(HFEngine(tiny, batch_size=20), requests)
    backwards = run(HFEngine(tiny, batch_size=3), requests[::-1])[::-1]
    alone = [run(HFEngine(tiny, batch_size=1), [request])[0] for request in requests]
    assert together == backwards == alone
    other = run(HFEngine(tiny), [Request(r.prompt, r.sampling, r.seed + 1000) for r in requests])
    changed = [a.text != b.text for a, b in zip(together, other, strict=True)]
    assert changed == [request.sampling.temperature > 0 for request in requests]


def test_first_tokens_follow_the_model_s_distribution(tiny: LoadedModel, show_ids: Any) -> None:
    prompt, count = PROMPTS[0], 3000
    ids = tiny.tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = torch.softmax(tiny.model(ids).logits[0, -1].double() / 1.5, -1) * count
    show_ids(tiny.tokenizer)
    requests = [Request(prompt, Sampling(1.5, 1.0, 1), seed) for seed in range(count)]
    got = run(HFEngine(tiny, batch_size=500), requests)
    # An end-of-sequence drawn first leaves no token: 2 is its id.
    tokens = torch.tensor([int(completion.text or 2) for completion in got])
    observed = tokens.bincount(minlength=259)
    large = expected >= 5
    cells = [*observed[large].tolist(), int(observed[~large].sum())]
    wanted = [*expected[large].tolist(), float(expected[~large].sum())]
    assert len(cells) > 5
    assert chisquare(cells, wanted).pvalue > 0.001


def test_stop_string_and_length(tiny: LoadedModel) -> None:
    full = run(HFEngine(tiny), [Request(PROMPTS[1], Sampling(max_tokens=40), 0)])[0]
    assert (full.finish_reason, full.completion_tokens) == ("length", 40)
    place = next(i for i in range(8, 30) if full.text[i : i + 2].isprintable() and full.text[i] != "\ufffd")
    stop = full.text[place : place + 2]
    cut = run(HFEngine(tiny), [Request(PROMPTS[1], Sampling(max_tokens=40, stop=(stop,)), 0)])[0]
    assert cut.text == full.text[: full.text.find(stop)]
    assert cut.finish_reason == "stop-string"
    assert cut.completion_tokens < 40


class Reciting(Qwen2ForCausalLM):
    """The real model and cache, with logits that spell a text after the last prompt token, "@"."""

    text = "17 * 3 = 51\n#### 51\nand more"

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = super().forward(*args, **kwargs)
        if not hasattr(self, "ids"):
            return output
        ids, positions = kwargs["input_ids"], kwargs["position_ids"]
        output.logits[:] = 0
        for row in range(len(ids)):
            step = int(positions[row, -1]) - self.at
            output.logits[row, -1, self.ids[min(step, len(self.ids) - 1)]] = 9.0
        return output


def test_stop_at_answer_line(make_model: Any, loaded_model: Any) -> None:
    loaded = loaded_model(make_model(cls=Reciting))
    loaded.model.ids = [*loaded.tokenizer(Reciting.text)["input_ids"], loaded.tokenizer.eos_token_id]
    loaded.model.at = len("What is 17 * 3?\n") - 1
    request = Request("What is 17 * 3?\n", Sampling(max_tokens=64), 0)
    line = Request(request.prompt, Sampling(max_tokens=64, stop_at_answer_line=True), 0)
    stopped = run(HFEngine(loaded), [line])[0]
    assert stopped == Completion("17 * 3 = 51\n#### 51\n", "stop-string", 16, 20)
    assert run(HFEngine(loaded), [request])[0] == Completion(Reciting.text, "stop", 16, len(Reciting.text))


class Cramped(Qwen2ForCausalLM):
    """The real model on a machine with room for `room` tokens in the cache and the step together."""

    room = 10**9
    failures = 0
    message: str | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        mask = kwargs["attention_mask"]
        if mask.numel() > self.room:
            self.failures += 1
            if self.message:
                raise RuntimeError(self.message)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().forward(*args, **kwargs)


@pytest.mark.parametrize(
    "message", [None, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes"]
)
def test_out_of_memory_halves_the_batch_and_loses_nothing(
    make_model: Any, loaded_model: Any, show_ids: Any, caplog: pytest.LogCaptureFixture, message: str | None
) -> None:
    loaded = loaded_model(make_model(cls=Cramped))
    show_ids(loaded.tokenizer)
    requests = sampled_requests(range(16))
    expected = run(HFEngine(loaded, batch_size=16), requests)
    # Prompts have 55 to 175 tokens: 16 rows do not fit, some fit until they have grown, 2 always do.
    loaded.model.room, loaded.model.message = 700, message
    assert run(HFEngine(loaded, batch_size=16), requests) == expected
    assert loaded.model.failures >= 2
    assert "out of memory with 16 rows; going on with 8" in caplog.text


def test_out_of_memory_with_one_row_is_an_error(make_model: Any, loaded_model: Any) -> None:
    loaded = loaded_model(make_model(cls=Cramped))
    loaded.model.room = 20
    # The longest prompt: 48 characters of SHARED, 25 times "Why? ", and "25".
    with pytest.raises(ModelError, match="Out of memory with a single row .*175 tokens.* --max-tokens"):
        run(HFEngine(loaded, batch_size=4), greedy_requests(PROMPTS[:5], [5] * 5))


def test_other_errors_are_not_taken_for_out_of_memory(make_model: Any, loaded_model: Any) -> None:
    loaded = loaded_model(make_model(cls=Cramped))
    loaded.model.room, loaded.model.message = 20, "shape mismatch"
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(HFEngine(loaded, batch_size=4), greedy_requests(PROMPTS[:2], [5, 5]))


def test_finished_rows_are_replaced_by_waiting_ones(make_model: Any, loaded_model: Any) -> None:
    # Of 40 requests 39 want 2 tokens and one wants 60: in fixed batches of 4 its three neighbours' places would
    # stay empty for 58 steps, and nine more batches would follow.
    class Counting(Qwen2ForCausalLM):
        rows = 0
        steps = 0

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs["input_ids"].shape[1] == 1:
                self.steps += 1
                self.rows += len(kwargs["input_ids"])
            return super().forward(*args, **kwargs)

    loaded = loaded_model(make_model(1, cls=Counting))
    requests = greedy_requests([f"{SHARED}{n:02d}" for n in range(40)], [60] + [2] * 39)
    engine = HFEngine(loaded, batch_size=4)
    engine._eos = frozenset()
    got = run(engine, requests)
    assert [completion.completion_tokens for completion in got] == [60] + [2] * 39
    # Prefill gives the first token, so steps give 59 + 39 tokens: one row each, none computed for nothing.
    assert loaded.model.rows == 59 + 39
    assert loaded.model.steps == 59


def test_one_prompt_for_many_samples_is_read_once(make_model: Any, loaded_model: Any) -> None:
    class Counting(Qwen2ForCausalLM):
        prefilled = 0

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs["input_ids"].shape[1] > 1:
                self.prefilled += kwargs["input_ids"].numel()
            return super().forward(*args, **kwargs)

    loaded = loaded_model(make_model(cls=Counting))
    prompts = [f"{SHARED}question {n}" for n in (1, 2)]
    requests = [Request(prompt, Sampling(1.0, 1.0, 3), seed) for prompt in prompts for seed in range(8)]
    run(HFEngine(loaded, batch_size=16), requests)
    # SHARED has 48 tokens, "question " 9 more: 57 in common, computed once. Of each prompt one token is left,
    # and so narrow a prefill is not counted above.
    assert loaded.model.prefilled == 57


def test_what_the_context_leaves(tiny: LoadedModel) -> None:
    # The context is 256 tokens, and a character is a token here.
    requests = greedy_requests(["x" * 250, "x" * 256, "x" * 300, ""], [50, 5, 5, 5])
    engine = HFEngine(tiny)
    engine._eos = frozenset()
    clamped, full, over, empty = run(engine, requests)
    assert (clamped.finish_reason, clamped.completion_tokens) == ("length", 6)
    for completion, tokens in ((full, 256), (over, 300), (empty, 0)):
        assert completion == Completion("", "error", tokens, 0)
    assert run(engine, []) == []


def test_a_diverged_model_ends_in_errors_not_in_text(make_model: Any, loaded_model: Any) -> None:
    model = make_model()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    for temperature in (0.0, 1.0):
        got = run(HFEngine(loaded_model(model)), [Request("Hi", Sampling(temperature, 1.0, 5), 0)])
        assert got == [Completion("", "error", 2, 0)]


def test_rendering_and_what_identifies_the_engine(
    tiny: LoadedModel, tiny_folder: Any, loaded_model: Any
) -> None:
    engine = ENGINES.get("hf")(str(tiny_folder), device="cpu", batch_size="4")
    assert isinstance(engine, Engine)
    assert (engine.name, engine.dtype, engine.device) == ("hf", "float32", "cpu")
    assert engine.fingerprint == tiny.fingerprint
    assert engine.manifest is None
    assert f"torch {torch.__version__}" in engine.version
    messages = [{"role": "user", "content": "Hi"}]
    assert engine.render(messages) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    plain = HFEngine(loaded_model(tiny.model, chat=False))
    assert (plain.render(messages), plain.chat_template_hash) == ("Hi\n", "")
    engine.close()


@pytest.mark.parametrize("batch_size", [0, -3, "many"])
def test_a_batch_size_that_is_none_is_refused(tiny: LoadedModel, batch_size: Any) -> None:
    with pytest.raises(ConfigError, match=f"Batch size '{batch_size}'"):
        HFEngine(tiny, batch_size=batch_size)


def test_recurrent_and_encoder_decoder_models_are_refused(loaded_model: Any) -> None:
    from transformers import MambaConfig, MambaForCausalLM

    model = MambaForCausalLM(MambaConfig(vocab_size=259, hidden_size=8, num_hidden_layers=1, state_size=4))
    with pytest.raises(ModelError, match="'tiny' has .*use --engine vllm"):
        HFEngine(loaded_model(model))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_smollm2_greedy_equals_generate_in_float32() -> None:
    from pspo_bench.models import load

    loaded = load("smollm2", dtype="float32", device="cpu")
    engine = HFEngine(loaded, batch_size=3)
    questions = [
        "What is the capital of France?",
        "What is 2 + 3?",
        "Tom has 5 apples and eats 2. How many are left?",
        "Hi",
    ]
    prompts = [engine.render([{"role": "user", "content": question}]) for question in questions]
    expected = [greedy_reference(loaded, prompt, 24) for prompt in prompts]
    got = run(engine, greedy_requests(prompts, [24] * 4))
    assert [completion.text for completion in got] == [loaded.tokenizer.decode(ids) for ids in expected]
    assert "Paris" in got[0].text


def test_an_adapter_in_the_model_changes_nothing_while_it_is_zero(tiny: LoadedModel) -> None:
    """PEFT's wrapper names other arguments than the model; positions must get through it all the same."""
    import copy
    from dataclasses import replace

    from peft import LoraConfig, get_peft_model

    requests = greedy_requests(PROMPTS, LENGTHS)
    expected = [completion.text for completion in run(HFEngine(tiny, batch_size=3), requests)]
    config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = replace(tiny, model=get_peft_model(copy.deepcopy(tiny.model), config).eval())
    assert [completion.text for completion in run(HFEngine(wrapped, batch_size=3), requests)] == expected
