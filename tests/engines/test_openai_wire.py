"""What the engine `openai` sends and how it reads what comes back, without a network."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pspo_bench.engines.openai.failures import Refused, Transient, failure, one_line, retry_after_s
from pspo_bench.engines.openai.options import Address, find_address, read_options
from pspo_bench.engines.openai.pacing import Backoff, Budget
from pspo_bench.engines.openai.sse import StreamedAnswer
from pspo_bench.engines.openai.wire import Answer, Wire, body, completion, read_answer, render_messages
from pspo_bench.errors import ConfigError, ModelError
from pspo_bench.records import Completion, Request, Sampling

ASKED = render_messages(
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Is "é" é?'}]
)
GREEDY = Sampling()
HERE = Address("http://127.0.0.1:1/v1")


def made(text: str, reason: str, sampling: Sampling = GREEDY, *, told: bool = False) -> tuple[str, str]:
    found = completion(Answer(text, reason, told, 3, 5, None), sampling)
    assert found.prompt_tokens == 3
    assert found.completion_tokens in (5, None)
    return found.text, found.finish_reason


# Requests


def test_a_plain_request_holds_standard_fields_alone() -> None:
    found = body(Request(ASKED, Sampling(max_tokens=9), seed=5), Wire("m"))
    assert found == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Is "é" é?'}],
        "temperature": 0.0,
        "top_p": 1.0,
        "max_tokens": 9,
        "seed": 5,
    }


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        (Wire("m"), {"response_format": {"type": "json_schema", "json_schema": {
            "name": "reply", "strict": True, "schema": {"type": "object"}}}}),
        (Wire("m", dialect="sglang"), {"response_format": {"type": "json_schema", "json_schema": {
            "name": "reply", "strict": True, "schema": {"type": "object"}}}}),
        (Wire("m", dialect="vllm"), {"structured_outputs": {"json": {"type": "object"}}}),
        (Wire("m", dialect="vllm", endpoint="completions"), {"structured_outputs": {"json": {"type": "object"}}}),
        (Wire("m", dialect="llamacpp"), {"response_format": {"type": "json_object", "schema": {"type": "object"}}}),
        (Wire("m", endpoint="completions"), {}),
    ],
    ids=range(6),
)  # fmt: skip
def test_a_schema_is_told_in_the_servers_own_form(wire: Wire, field: dict[str, Any]) -> None:
    held = body(Request(ASKED, Sampling(json_schema='{"type": "object"}'), seed=1), wire)
    free = body(Request(ASKED, Sampling(), seed=1), wire)
    assert {name: value for name, value in held.items() if name not in free} == field


def test_every_setting_reaches_the_server() -> None:
    drawn = Sampling(0.7, 0.9, 64, ("Q:", "\n\n"), top_k=20, min_p=0.1)
    wire = Wire("m", stream=True, max_tokens_field="max_completion_tokens", extra_body={"user": "x"})
    found = body(Request(ASKED, drawn, seed=1), wire)
    del found["messages"]
    assert found == {
        "model": "m", "temperature": 0.7, "top_p": 0.9, "top_k": 20, "min_p": 0.1, "seed": 1, "user": "x",
        "max_completion_tokens": 64, "stop": ["Q:", "\n\n"],
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "neutral"),
    [
        ("standard", {}),
        ("vllm", {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}),
        ("sglang", {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}),
        ("llamacpp", {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}),
    ],
)
def test_servers_with_defaults_of_their_own_are_told_to_have_none(
    dialect: str, neutral: dict[str, float]
) -> None:
    names = {"top_k", "min_p", "repetition_penalty", "repeat_penalty"}
    found = body(Request(ASKED, Sampling(), seed=1), Wire("m", dialect=dialect))
    assert {name: found[name] for name in names & found.keys()} == neutral
    assert body(Request(ASKED, Sampling(top_k=5), seed=1), Wire("m", dialect=dialect))["top_k"] == 5


def test_a_templated_prompt_gets_no_second_beginning_of_sequence() -> None:
    request = Request("<s>Hi", Sampling(), seed=1)
    rendered = Wire("m", "completions", "vllm", "max_completion_tokens", templated=True)
    assert body(request, rendered)["add_special_tokens"] is False
    assert body(request, rendered)["max_tokens"] == 512
    assert "add_special_tokens" not in body(request, Wire("m", "completions", "vllm"))
    assert "add_special_tokens" not in body(request, Wire("m", "completions", templated=True))


@given(st.integers(0, 2**63 - 1))
def test_seeds_fit_every_server(seed: int) -> None:
    sent = body(Request(ASKED, Sampling(), seed), Wire("m"))["seed"]
    assert 0 <= sent < 2**31
    assert sent == seed % 2**31
    assert "seed" not in body(Request(ASKED, Sampling(), seed), Wire("m", send_seed=False))


@given(st.lists(st.fixed_dictionaries({"role": st.text(), "content": st.text()})))
def test_a_rendered_conversation_comes_back_whole(messages: list[dict[str, str]]) -> None:
    assert body(Request(render_messages(messages), Sampling(), 0), Wire("m"))["messages"] == messages


@pytest.mark.parametrize("prompt", ["What is 2 + 2?", "3", '{"role": "user"}', "[1]", "[" * 100_000])
def test_a_prompt_that_is_no_conversation_is_named(prompt: str) -> None:
    with pytest.raises(ConfigError, match="is not a conversation rendered by the engine openai"):
        body(Request(prompt, Sampling(), 0), Wire("m"))


# Answers


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "4"}, "4"),
        ({"content": None}, ""),
        ({"content": None, "reasoning_content": "Let me think"}, ""),
        ({"content": "4", "reasoning": "2 + 2 is ...", "reasoning_content": "hm"}, "4"),
        ({"content": [{"type": "text", "text": "4"}, {"type": "image"}, 3, {"text": " apples"}]}, "4 apples"),
        ({}, ""),
    ],
)
def test_the_text_is_the_content(message: dict[str, Any], text: str) -> None:
    data = {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"prompt_tokens": True}}
    assert read_answer(data) == Answer(text, "length", False, None, None, None)


@pytest.mark.parametrize(
    ("reason", "told", "sampling", "expected"),
    [
        ("stop", False, Sampling(), "stop"),
        ("stop", True, Sampling(), "stop"),  # no stop string was asked for, whatever the server says
        ("stop", True, Sampling(stop=("Q:",)), "stop-string"),
        ("stop", False, Sampling(stop=("Q:",)), "stop"),
        ("length", True, Sampling(stop=("Q:",)), "length"),
        ("tool_calls", False, Sampling(), "stop"),
        ("eos", False, Sampling(), "stop"),
        ("max_tokens", False, Sampling(), "length"),
        ("stop_sequence", False, Sampling(), "stop-string"),
    ],
)
def test_finish_reasons(reason: str, told: bool, sampling: Sampling, expected: str) -> None:
    assert made("a = 4", reason, sampling, told=told) == ("a = 4", expected)


def test_text_is_cut_where_the_other_engines_end_it() -> None:
    line = Sampling(stop_at_answer_line=True)
    assert made("2 + 2\n#### 4\nMore, more", "length", line) == ("2 + 2\n#### 4\n", "stop-string")
    assert made("2 + 2\n#### 4", "stop", line) == ("2 + 2\n#### 4", "stop")
    assert made("4 Q: what", "stop", Sampling(stop=("Q:",))) == ("4 ", "stop-string")
    cut = completion(Answer("#### 4\nmore", "stop", False, 3, 5, None), line)
    assert cut == Completion("#### 4\n", "stop-string", 3, None)


@pytest.mark.parametrize("reason", ["content_filter", "melted"])
def test_an_answer_withheld_or_of_unknown_ending_is_no_completion(reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        made("4", reason)


NAMES = st.sampled_from(["choices", "message", "content", "text", "usage", "finish_reason"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner)))
def test_any_json_is_an_answer_or_a_failed_attempt(data: Any) -> None:
    try:
        found = read_answer(data)
    except Transient:
        return
    assert isinstance(found.text, str)
    assert found.finish_reason


# Streams


def chunks(*events: object) -> bytes:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def delta(text: str, reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}


@given(st.integers(0, 2**32))
def test_a_stream_reads_the_same_however_it_is_cut_into_pieces(seed: int) -> None:
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 2}, "choices": [], "system_fingerprint": "fp"}
    head = b": hello\nevent: x\r\ndata:{\"choices\": [{\"delta\": {\"role\": \"assistant\"}}]}\r\n\r\n"  # fmt: skip
    sent = head + chunks(delta("2 é"), delta("\n#### 4"), delta("", "stop"), usage, "[DONE]", delta("late"))
    rng, stream, start = random.Random(seed), StreamedAnswer(), 0
    while start < len(sent):
        end = start + rng.randint(1, 40)
        stream.feed(sent[start:end])
        start = end
    assert stream.done
    assert stream.answer() == Answer("2 é\n#### 4", "stop", False, 3, 2, "fp")


def test_a_stream_may_leave_out_done_but_not_how_the_answer_ended() -> None:
    whole, half, unsaid = StreamedAnswer(), StreamedAnswer(), StreamedAnswer()
    whole.feed(chunks(delta("4"), delta("", "length")))
    assert whole.answer().finish_reason == "length"
    half.feed(chunks(delta("4"), delta("", "stop"))[:-30])
    unsaid.feed(chunks(delta("4"), "[DONE]"))
    for stream in (half, unsaid, StreamedAnswer()):
        with pytest.raises(Transient, match="ended before the answer did"):
            stream.answer()


@pytest.mark.parametrize("event", ["{", "[" * 100_000, "3", '{"error": {"message": "out of memory"}}'])
def test_a_stream_that_holds_something_else_failed(event: str) -> None:
    with pytest.raises(Transient, match="event that is not JSON|holds an error"):
        StreamedAnswer().feed(chunks(event))


# Failures


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3.0),
        ("0.25", 0.25),
        ("-7", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),  # at 10 s after the epoch, 100 s are 90 s away
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:01:40", 90.0),
        ("Thu, 99 Jan 1970 00:01:40 GMT", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    assert retry_after_s({"retry-after": value}, now=10.0) == expected


@pytest.mark.parametrize(
    ("status", "kind", "free"),
    [
        *((status, ModelError, None) for status in (301, 307, 401, 402, 403, 404, 405)),
        *((status, Transient, True) for status in (409, 425, 429, 500, 503, 529)),
        *((status, Transient, False) for status in (408, 502, 504, 524)),
        *((status, Refused, None) for status in (400, 413, 418, 422)),
    ],
)
def test_what_a_status_means(status: int, kind: type[Exception], free: bool | None) -> None:
    found = failure(status, {}, b'{"error": {"message": "m"}}', HERE, key_env="KEY", now=0.0)
    assert type(found) is kind
    assert f"HTTP {status}: m" in str(found)
    assert getattr(found, "free", None) == free


def test_one_line_hides_secrets_before_it_cuts() -> None:
    address = Address("http://h/v1", {}, ("sk-secret",))
    assert one_line("a\n\t b sk-secret\x07", address) == "a b [key]?"
    shown = one_line("x" * 298 + "sk-secret" + "y" * 400, address)
    assert shown == "x" * 298 + "[k" + "..."


def test_pauses_double_up_to_a_minute_and_are_drawn_from_the_whole_range() -> None:
    backoff = Backoff(0.5, random.Random(3))
    for attempt, most in ((0, 0.5), (1, 1.0), (3, 4.0), (9, 60.0), (10**6, 60.0)):
        drawn = [backoff.pause_s(attempt) for _ in range(300)]
        assert 0 <= min(drawn) < 0.05 * most
        assert 0.95 * most < max(drawn) <= most


@given(st.integers(1, 300), st.lists(st.tuples(st.integers(1, 80), st.floats(0, 1) | st.none()), max_size=60))
def test_a_budget_is_never_exceeded_and_never_waits_for_nobody(
    most: int, costs: list[tuple[int, float | None]]
) -> None:
    budget, under_way, spent = Budget(None, most), [], 0
    for tokens, share in costs:
        while True:
            try:
                settle = budget.reserve(tokens)
            except ModelError:
                assert not under_way
                assert spent + tokens > most
                return
            if settle is not None:
                break
            earlier, reserved, used = under_way.pop(0)  # it waits, so somebody is under way
            earlier(used)
            spent += reserved if used is None else used
        under_way.append((settle, tokens, None if share is None else int(share * tokens)))
        assert spent + sum(reserved for _, reserved, _ in under_way) <= most


# Options


def test_a_key_is_no_option_and_a_wrong_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match="'api_key' is not an option.*OPENAI_API_KEY") as refused:
        read_options({"api_key": "sk-very-secret"})
    assert "secret" not in str(refused.value)
    with pytest.raises(ConfigError, match="Unknown option 'concurency' .*did you mean 'concurrency'"):
        read_options({"concurency": 3})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoint": "responses"}, "endpoint .* must be one of chat, completions, not 'responses'"),
        ({"concurrency": 0}, "concurrency .* whole number of at least 1, not 0"),
        ({"concurrency": 2.5}, "concurrency .* not 2.5"),
        ({"max_retries": True}, "max_retries .* not True"),
        ({"max_requests": 0}, "max_requests .* at least 1"),
        ({"timeout_s": 0}, "timeout_s .* seconds above 0, not 0"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"backoff_s": -1}, "backoff_s .* of at least 0"),
        ({"timeout_s": "long"}, "timeout_s .* not 'long'"),
        ({"stream": "yes"}, "stream .* true or false, not 'yes'"),
        ({"tokenizer": "pocket"}, "leave tokenizer out, or use endpoint=completions"),
        ({"extra_body": "{"}, "extra_body .* must be a JSON object, not '{'"),
        ({"extra_body": {"a": float("inf")}}, "extra_body .* must be a JSON object"),
        ({"extra_body": '{"temperature": 1, "n": 2}'}, "may not hold n, temperature"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_options(options)


def test_options_come_as_the_command_line_parses_them() -> None:
    found = read_options({"served_model": 7, "timeout_s": 5, "extra_body": '{"reasoning_effort": "low"}'})
    assert (found.served_model, found.timeout_s) == ("7", 5)
    assert found.extra_body == {"reasoning_effort": "low"}


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        (" HTTP://Host:80/v1 ", "http://host:80/v1"),
        ("https://[::1]:8000", "https://[::1]:8000"),
    ],
)
def test_addresses(given: str, url: str) -> None:
    assert find_address(read_options({"base_url": given}), {}).url == url
    assert find_address(read_options({}), {"OPENAI_BASE_URL": given}).url == url


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000",
        "ftp://h/v1",
        "http://",
        "http://h:99999/v1",
        "http://h:x@y:z/v1",
        "http://h?key=hunter2",
    ],
)
def test_what_is_no_address_is_said_without_showing_secrets(given: str) -> None:
    with pytest.raises(ConfigError) as refused:
        find_address(read_options({"base_url": given}), {})
    assert "base" in str(refused.value)
    assert "h:x@" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_an_address_and_its_key() -> None:
    with pytest.raises(ConfigError, match="give base_url=http://HOST:PORT/v1 .*or set OPENAI_BASE_URL"):
        find_address(read_options({}), {"OPENAI_API_KEY": "k"})
    options = read_options({"base_url": "http://h/v1"})
    assert find_address(options, {}).headers == {}
    keyed = find_address(options, {"OPENAI_API_KEY": "sk-secret\n"})
    assert keyed.headers == {"Authorization": "Bearer sk-secret"}
    assert "secret" not in repr(keyed)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY holds characters") as refused:
        find_address(options, {"OPENAI_API_KEY": "sk-secret\r\nX: y"})
    assert "secret" not in str(refused.value)


def test_the_engine_needs_no_library_to_be_listed() -> None:
    text = Path(read_options.__code__.co_filename).parent
    heads = [line for file in text.glob("*.py") for line in file.read_text().splitlines()]
    assert not [line for line in heads if line.startswith(("import httpx2", "from httpx2"))]
