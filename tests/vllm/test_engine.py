"""The engine vllm against the engine hf, and its own promises."""

from __future__ import annotations

from typing import Any

import pytest

from pspo_bench.engines import Engine, Swapping
from pspo_bench.engines.vllm import engine as module
from pspo_bench.errors import ConfigError
from pspo_bench.models import resolve
from pspo_bench.records import Request, Sampling


def test_greedy_equals_hf_token_for_token(engine: Any, hf: Any, run: Any, pocket_requests: Any) -> None:
    # Measured: 64 of 64. Two near-ties may fall otherwise on another processor, whose sums round otherwise.
    requests = pocket_requests(engine, 64)
    assert requests == pocket_requests(hf, 64)  # prompts and seeds
    ours, theirs = run(engine, requests), run(hf, requests)
    assert sum(one == other for one, other in zip(ours, theirs, strict=True)) >= 62
    assert [c.prompt_tokens for c in ours] == [c.prompt_tokens for c in theirs]
    assert {c.finish_reason for c in ours} <= {"stop", "length"}


def test_it_says_what_it_is(engine: Any, hf: Any) -> None:
    assert isinstance(engine, Engine)
    assert isinstance(engine, Swapping)
    assert engine.fingerprint == resolve("pocket").fingerprint == hf.fingerprint
    assert engine.chat_template_hash == hf.chat_template_hash != ""
    assert engine.manifest == hf.manifest
    assert (engine.name, engine.dtype) == ("vllm", "float32")
    assert "vllm " in engine.version
    assert "torch " in engine.version
    assert engine._backend._engine.vllm_config.scheduler_config.max_num_seqs == 16  # batch_size


def test_a_seed_fixes_the_draw_and_others_differ(engine: Any, run: Any, pocket_requests: Any) -> None:
    (first,) = pocket_requests(engine, 1, temperature=1.0)
    requests = [Request(first.prompt, first.sampling, seed) for seed in [*range(16), *range(16)]]
    texts = [completion.text for completion in run(engine, requests)]
    assert texts[:16] == texts[16:]
    assert len(set(texts[:16])) >= 4, "16 draws at temperature 1"


def test_temperatures_samples_and_settings_in_one_submit(engine: Any, run: Any, pocket_requests: Any) -> None:
    greedy, free = Sampling(max_tokens=48), Sampling(1.0, max_tokens=48)
    top_1 = Sampling(1.0, max_tokens=48, top_k=1)
    min_1 = Sampling(1.0, max_tokens=48, min_p=1.0)
    nucleus_0 = Sampling(1.0, top_p=1e-6, max_tokens=48)
    prompts = [request.prompt for request in pocket_requests(engine, 6)]
    grid = [greedy, top_1, min_1, nucleus_0, free]
    made = run(engine, [Request(p, s, seed) for seed, p in enumerate(prompts) for s in grid])
    for start in range(0, len(made), len(grid)):
        texts = [completion.text for completion in made[start : start + len(grid)]]
        assert texts[0] == texts[1] == texts[2] == texts[3], "one candidate left is the most probable one"
    free_texts = [completion.text for completion in made[4::5]]
    assert free_texts != [completion.text for completion in made[::5]]


def test_short_requests_come_back_before_long_ones(engine: Any, pocket_requests: Any) -> None:
    prompts = [request.prompt for request in pocket_requests(engine, 4)]
    requests = [Request(p, Sampling(max_tokens=n), 0) for p in prompts for n in (12, 6, 1)]
    order = [index for index, _ in engine.generate(requests)]
    assert sorted(order) == list(range(12))
    assert [index % 3 for index in order] == [2] * 4 + [1] * 4 + [0] * 4


def test_a_bounded_queue_loses_nothing(
    engine: Any, run: Any, pocket_requests: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = pocket_requests(engine, 20)
    expected = run(engine, requests)
    monkeypatch.setattr(module, "MAX_QUEUED", 3)
    assert run(engine, requests) == expected


@pytest.mark.parametrize(
    "settings", [{"stop": ("=",)}, {"stop": ("\n", " 2")}, {"stop_at_answer_line": True}, {"max_tokens": 7}]
)
def test_it_ends_where_hf_ends(
    engine: Any, hf: Any, run: Any, pocket_requests: Any, settings: dict[str, Any]
) -> None:
    requests = pocket_requests(engine, 16, **settings)
    ours, theirs = run(engine, requests), run(hf, requests)
    assert ours == theirs
    reasons = {completion.finish_reason for completion in ours}
    assert ("length" if "max_tokens" in settings else "stop-string") in reasons or "stop" in reasons
    for string in settings.get("stop", ()):
        assert all(string not in completion.text for completion in ours)
    if "stop" in settings:
        assert "stop-string" in reasons


def test_a_prompt_that_does_not_fit_is_one_error(engine: Any, run: Any, pocket_requests: Any) -> None:
    fine = pocket_requests(engine, 3)
    context = engine._backend.max_model_len
    long = Request("1 " * (2 * context), Sampling(), 0)
    empty = Request("", Sampling(), 0)
    made = run(engine, [fine[0], long, fine[1], empty, fine[2]])
    assert [made[0], made[2], made[4]] == run(engine, fine)
    assert (made[1].text, made[1].finish_reason, made[1].completion_tokens) == ("", "error", 0)
    assert made[1].prompt_tokens > context
    assert "max_model_len" in made[1].error
    assert (made[3].finish_reason, made[3].error) == ("error", "the prompt is empty")


def test_max_tokens_is_cut_to_the_context(engine: Any, run: Any) -> None:
    ids = engine._checkpoint.tokenizer("1 + ", add_special_tokens=False)["input_ids"]
    prompt = "1 + " * ((engine._backend.max_model_len - 4) // len(ids))
    (made,) = run(engine, [Request(prompt, Sampling(max_tokens=500), 0)])
    assert made.prompt_tokens + made.completion_tokens <= engine._backend.max_model_len
    assert made.error is None


def test_closing_the_iterator_aborts_what_is_left(engine: Any, run: Any, pocket_requests: Any) -> None:
    requests = pocket_requests(engine, 40)
    expected = run(engine, requests)
    stream = engine.generate(requests)
    next(stream)
    with pytest.raises(ConfigError, match="is generating"):
        next(engine.generate(requests))
    assert engine._backend.busy
    stream.close()
    assert not engine._backend.busy
    assert run(engine, requests) == expected


def test_settings_that_vllm_does_not_take(engine: Any, run: Any, pocket_requests: Any) -> None:
    fine = pocket_requests(engine, 2)
    for sampling, reason in [(Sampling(0.001), "temperature 0.001"), (Sampling(1.0, top_p=2.0), "top_p")]:
        with pytest.raises(ConfigError, match=reason):
            run(engine, [*fine, Request(fine[0].prompt, sampling, 0)])
    assert not engine._backend.busy
    assert run(engine, []) == []
