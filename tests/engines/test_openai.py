"""The engine `openai` against a real server on loopback that misbehaves on demand."""

from __future__ import annotations

import gc
import logging
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pspo_bench.engines import ENGINES, Engine
from pspo_bench.errors import ConfigError, MissingExtraError, ModelError
from pspo_bench.models import resolve
from pspo_bench.records import Completion, Request, Sampling

sys.path.insert(0, str(Path(__file__).parent))

from openai_server import Body, Fault, OpenAIServer, prompt_of

GREEDY = Sampling(max_tokens=32)
BUSY = Fault("status", 503, body={"error": {"message": "too busy"}})
REFUSED = Fault("status", 400, body={"error": {"message": "maximum context length is 9 tokens"}})


def open_engine(server: OpenAIServer, **options: Any) -> Any:
    quick = {"base_url": server.url, "backoff_s": 0.01, "timeout_s": 10.0}
    return ENGINES.get("openai")("m", **{**quick, **options})


def asked(engine: Engine, count: int, sampling: Sampling = GREEDY) -> list[Request]:
    return [
        Request(engine.render([{"role": "user", "content": f"question {i}"}]), sampling, seed=1000 + i)
        for i in range(count)
    ]


def answers(engine: Engine, requests: list[Request]) -> list[Completion]:
    """Every completion in the requests' order. Fails where one is missing or came twice."""
    found = list(engine.generate(requests))
    assert sorted(index for index, _ in found) == list(range(len(requests)))
    return [completion for _, completion in sorted(found, key=lambda item: item[0])]


def echoed(index: int, temperature: str = "0") -> str:
    return f"question {index} | seed {1000 + index} | temperature {temperature}"


def first(faults: dict[int, Fault] | list[Fault]) -> Any:
    """A plan in which the n-th POST has the n-th fault."""
    table = dict(enumerate(faults)) if isinstance(faults, list) else faults
    return lambda number, body: table.get(number)


def engine_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "openai-engine"]


@pytest.fixture(autouse=True)
def no_key_no_leak(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment says nothing of servers and keys, and no thread of an engine outlives its test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield
    gc.collect()
    assert engine_threads() == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_every_prompt_gets_its_own_answer(endpoint: str, stream: bool) -> None:
    with OpenAIServer() as server:
        engine = open_engine(server, endpoint=endpoint, stream=stream)
        assert isinstance(engine, Engine)
        made = answers(engine, asked(engine, 20))
        tail = "\n" if endpoint == "completions" else ""  # a plain prompt ends with a newline
        assert [c.text for c in made] == [echoed(i).replace(" |", f"{tail} |", 1) for i in range(20)]
        # "question 3" are 2 words; the echo has 2, and "| seed 1003 | temperature 0" 6 more
        assert {(c.finish_reason, c.prompt_tokens, c.completion_tokens) for c in made} == {("stop", 2, 8)}
        assert set(server.paths) == {"/v1/chat/completions" if endpoint == "chat" else "/v1/completions"}
        assert len(server.bodies) == 20


def test_an_engine_can_generate_again_and_generate_nothing() -> None:
    with OpenAIServer() as server:
        engine = open_engine(server)
        assert answers(engine, []) == []
        assert answers(engine, asked(engine, 3)) == answers(engine, asked(engine, 3))
        engine.close()
        with pytest.raises(ModelError, match="was closed"):
            list(engine.generate(asked(engine, 1)))


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 500, body={"error": {"message": "oops"}}),
        Fault("status", 502, body=b"<html>bad gateway</html>"),
        Fault("status", 408),
        Fault("reset"),
        Fault("cut"),
        Fault("malformed"),
        Fault("hang"),
        Fault("raw", body=b"[" * 200_000),
        Fault("raw", body=b"[]"),
        Fault("raw", body={"choices": []}),
        Fault("raw", body={"error": {"message": "an error that says 200"}}),
        Fault("raw", body={"choices": [{"message": {"content": "half an ans"}, "finish_reason": None}]}),
        Fault("raw", body={"choices": [{"message": {"content": "half an ans"}, "finish_reason": "abort"}]}),
        Fault("raw", body={"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]}),
        Fault("raw", body=b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),)),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{str(fault.body)[:40]}",
)
def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    with OpenAIServer(plan=first([fault, fault])) as server:
        engine = open_engine(server, timeout_s=0.5 if fault.kind == "hang" else 10.0)
        assert [c.text for c in answers(engine, asked(engine, 4))] == [echoed(i) for i in range(4)]
        assert len(server.bodies) == 4 + 2


@pytest.mark.parametrize("kind", ["cut", "unfinished"])
def test_half_a_stream_is_never_taken_for_an_answer(kind: str) -> None:
    with OpenAIServer(plan=first([Fault(kind)] * 3)) as server:
        engine = open_engine(server, stream=True)
        assert [c.text for c in answers(engine, asked(engine, 4))] == [echoed(i) for i in range(4)]
        assert len(server.bodies) == 4 + 3


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_stops_every_worker(form: str) -> None:
    arrivals: list[float] = []

    def plan(number: int, body: Body) -> Fault | None:
        arrivals.append(time.monotonic())
        # A date has whole seconds, so the pause that it asks for is between 1 and 2.
        value = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
        return Fault("status", 429, (("Retry-After", value),), {"error": "slow"}) if number == 0 else None

    with OpenAIServer(plan=plan, delay_s=0.1) as server:
        engine = open_engine(server, concurrency=4)
        assert len(answers(engine, asked(engine, 12))) == 12
    # The first four are under way together; the 429 is the answer to the first of them.
    later = [moment - arrivals[0] for moment in arrivals[4:]]
    assert len(arrivals) == 13
    assert min(later) >= 0.95


def test_no_server_can_make_us_wait_longer_than_we_said() -> None:
    fault = Fault("status", 429, (("Retry-After", "86400"),), {"error": "slow"})
    with OpenAIServer(plan=first([fault])) as server:
        engine = open_engine(server, max_retry_after_s=0.2)
        started = time.monotonic()
        assert len(answers(engine, asked(engine, 3))) == 3
        assert 0.15 < time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault("status", 401, body={"error": {"message": "no such key"}}), "401: no such key; check the key"),
        (Fault("status", 403, body={"detail": "not yours"}), "403: not yours; check that the key in OPENAI_API"),
        (Fault("status", 404, body={"error": "no model"}), "404: no model; check the model's name .served_model"),
        (Fault("status", 307, (("Location", "https://else.example/v2?t=1"),)), "redirects .* https://else.example;"),
        (Fault("status", 429, body={"error": {"code": "insufficient_quota"}}), "quota is spent"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Fault) else "",
)  # fmt: skip
def test_a_mistake_of_the_whole_run_stops_it_at_once(fault: Fault, told: str) -> None:
    with OpenAIServer(plan=lambda number, body: fault) as server:
        engine = open_engine(server, concurrency=4)
        with pytest.raises(ModelError, match=told) as raised:
            answers(engine, asked(engine, 50))
        assert server.url in str(raised.value)
        assert len(server.bodies) <= 8


def test_a_prompt_that_is_refused_is_one_error_and_the_others_go_on() -> None:
    def plan(number: int, body: Body) -> Fault | None:
        return REFUSED if prompt_of(body) in ("question 0", "question 7") else None

    with OpenAIServer(plan=plan) as server:
        engine = open_engine(server, concurrency=1)
        made = answers(engine, asked(engine, 10))
        failed = [index for index, c in enumerate(made) if c.finish_reason == "error"]
        assert failed == [0, 7]
        told = "the server refused the request: HTTP 400: maximum context length is 9 tokens"
        assert made[0] == Completion("", "error", None, None, told)
        # Nothing was answered before the first refusal, so one harmless request asked whose fault it was.
        assert Counter(map(prompt_of, server.bodies))["Hi"] == 1
        assert len(server.bodies) == 11


def test_settings_that_the_server_always_refuses_do_not_fill_the_run_with_errors() -> None:
    unknown = Fault("status", 422, body={"error": {"message": "top_p: unsupported\x1b[31m\nparameter"}})
    with OpenAIServer(plan=lambda number, body: unknown if body["temperature"] else None) as server:
        engine = open_engine(server, concurrency=4)
        hot = asked(engine, 30, Sampling(temperature=0.7))
        got = []
        with pytest.raises(
            ModelError, match=r"refuses every request .* top_p: unsupported\?\[31m parameter; mend"
        ):
            got.extend(engine.generate([*asked(engine, 10), *hot]))
        assert all(completion.finish_reason == "stop" for _, completion in got)


def test_an_answer_that_was_withheld_is_an_error_and_an_unknown_ending_stops_the_run() -> None:
    with OpenAIServer() as server:
        engine = open_engine(server)
        answers(engine, asked(engine, 1))
        server.finish_reason = "content_filter"
        [withheld] = answers(engine, asked(engine, 1))
        assert (withheld.finish_reason, withheld.text) == ("error", "")
        assert "content filter" in str(withheld.error)
    with (
        OpenAIServer(finish_reason="melted") as server,
        pytest.raises(ModelError, match="not known .*'melted'"),
    ):
        answers(engine := open_engine(server), asked(engine, 5))


def test_a_server_that_stays_down_stops_the_run_and_fills_nothing_with_errors() -> None:
    with OpenAIServer(plan=lambda number, body: BUSY if number >= 10 else None) as server:
        engine = open_engine(server, max_retries=3, concurrency=2)
        got = []
        with pytest.raises(
            ModelError, match=r"Request \d+ of 30 \(.*question .* in 4 attempts.*503: too busy"
        ):
            got.extend(engine.generate(asked(engine, 30)))
        # What was answered was handed over before the error, and only that.
        assert sorted(completion.text for _, completion in got) == sorted(echoed(index) for index, _ in got)
        assert len(got) == 10


# Prompts on which the server fails


def fails_on(*prompts: str, fault: Fault = BUSY) -> Any:
    return lambda number, body: fault if prompt_of(body) in prompts else None


def prompts_of(server: OpenAIServer) -> list[str]:
    return [prompt_of(body) for body in server.bodies]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (BUSY, "HTTP 503: too busy"),
        (Fault("reset"), "Server disconnected"),
        (Fault("hang"), "no whole answer in 0.3 s"),
    ],
)
def test_a_prompt_on_which_the_server_always_fails_is_one_error_and_the_others_go_on(
    fault: Fault, told: str
) -> None:
    with OpenAIServer(plan=fails_on("question 1", fault=fault)) as server:
        engine = open_engine(server, max_retries=2, concurrency=2, backoff_s=0.0, timeout_s=0.3)
        made = answers(engine, asked(engine, 40))
        assert [c.text for c in made] == ["" if i == 1 else echoed(i) for i in range(40)]
        assert [i for i, c in enumerate(made) if c.finish_reason == "error"] == [1]
        assert (made[1].prompt_tokens, made[1].completion_tokens) == (None, None)
        assert "the server failed on this prompt alone, at least 6 times; the last time: " in str(
            made[1].error
        )
        assert told in str(made[1].error)
        # Rounds of three; those in which others were answered do not count, and Hi was asked after the other two.
        tries = Counter(prompts_of(server))
        assert tries["question 1"] % 3 == 0
        assert tries["question 1"] >= 6
        assert tries["Hi"] == 2


@pytest.mark.parametrize(("max_retries", "rounds"), [(0, 6), (1, 3), (2, 2), (4, 2)])
def test_a_prompt_is_tried_six_times_and_twice_over_before_it_is_blamed(
    max_retries: int, rounds: int
) -> None:
    with OpenAIServer(plan=fails_on("question 0")) as server:
        engine = open_engine(server, max_retries=max_retries, backoff_s=0.0)
        [failed] = answers(engine, asked(engine, 1))  # as in a run of which this alone is left
        assert failed.finish_reason == "error"
        assert prompts_of(server) == [*["question 0"] * (max_retries + 1), "Hi"] * rounds


def test_a_prompt_that_is_answered_in_the_end_is_no_error() -> None:
    # Round one is tries 0 to 2, then Hi (3); of round two the last try (6) succeeds.
    with OpenAIServer(plan=first(dict.fromkeys((0, 1, 2, 4, 5), BUSY))) as server:
        engine = open_engine(server, max_retries=2, backoff_s=0.0)
        assert [c.text for c in answers(engine, asked(engine, 1))] == [echoed(0)]
        assert prompts_of(server) == [*["question 0"] * 3, "Hi", *["question 0"] * 3]


@pytest.mark.parametrize("fault", [Fault("reset"), REFUSED])
def test_no_prompt_is_blamed_by_a_server_that_does_not_answer_a_harmless_one_too(fault: Fault) -> None:
    # Hi is answered after the first round (3) and not after the second (7).
    plan = lambda number, body: fault if number == 7 else BUSY if number != 3 else None  # noqa: E731
    with OpenAIServer(plan=plan) as server:
        engine = open_engine(server, max_retries=2, backoff_s=0.0)
        with pytest.raises(ModelError, match=r"in 3 attempts.* too busy; then a harmless request: .*kept"):
            assert not list(engine.generate(asked(engine, 1)))
        assert len(server.bodies) == 8


def test_an_unreliable_server_makes_no_errors() -> None:
    rng = random.Random(5)
    failing = [rng.random() < 0.5 for _ in range(5000)]
    with OpenAIServer(plan=lambda number, body: BUSY if failing[number] else None) as server:
        engine = open_engine(server, max_retries=1, concurrency=8, backoff_s=0.0)
        todo, made, starts, told = asked(engine, 200), {}, 0, []
        while len(made) < 200:  # a run that is started again with what is left
            left = [index for index in range(200) if index not in made]
            starts += 1
            try:
                for place, completion in engine.generate([todo[index] for index in left]):
                    made[left[place]] = completion
            except ModelError as error:
                told.append(str(error))
            assert starts < 100
        assert all("then a harmless request: HTTP 503" in message for message in told)
        assert [made[index].text for index in range(200)] == [echoed(index) for index in range(200)]


def test_a_server_that_only_answers_harmless_requests_does_not_fill_the_run_with_errors() -> None:
    with OpenAIServer(plan=lambda number, body: None if prompt_of(body) == "Hi" else BUSY) as server:
        engine = open_engine(server, max_retries=1, concurrency=4, backoff_s=0.0)
        got = []
        with pytest.raises(
            ModelError, match="no answer from .* as 4 others, though it answered 0 and all harmless"
        ):
            got.extend(engine.generate(asked(engine, 50)))
        assert [completion.finish_reason for _, completion in got] == ["error"] * 4
        # Three rounds of two tries and Hi for each of the five, and what the other workers did meanwhile.
        assert 5 * 3 * (2 + 1) <= len(server.bodies) <= 8 * 3 * (2 + 1)


@pytest.mark.parametrize(("good", "told"), [(50, None), (49, "as 8 others, though it answered 49")])
def test_some_prompts_may_fail_where_many_are_answered(good: int, told: str | None) -> None:
    bad = range(good, good + 9)  # besides 50 that are answered 4 + 5 may fail, besides 49 only 4 + 4
    with OpenAIServer(plan=fails_on(*(f"question {index}" for index in bad))) as server:
        engine = open_engine(server, max_retries=1, concurrency=4, backoff_s=0.0)
        made: dict[int, Completion] = {}
        with pytest.raises(ModelError, match=told) if told else nullcontext():
            made.update(engine.generate(asked(engine, good + 9)))
            assert sorted(i for i, c in made.items() if c.finish_reason == "error") == list(bad)


@pytest.mark.parametrize("budget", range(1, 8))
def test_finding_out_about_a_prompt_keeps_to_the_budget(budget: int) -> None:
    with OpenAIServer(plan=fails_on("question 0")) as server:
        engine = open_engine(server, max_retries=2, backoff_s=0.0, max_requests=budget)
        with pytest.raises(ModelError, match=f"max_requests={budget} is used up"):
            assert not list(engine.generate(asked(engine, 1)))
        assert len(server.bodies) == budget  # all of it takes 8


def test_nobody_there_is_said_quickly() -> None:
    with OpenAIServer() as server:
        gone = server.url
    started = time.monotonic()
    with pytest.raises(
        ModelError, match=f"No server answers at {gone}: ConnectError.*start it, or check base_url"
    ):
        ENGINES.get("openai")("m", base_url=gone)
    assert time.monotonic() - started < 10


def test_a_model_that_is_not_served_is_named_with_those_that_are() -> None:
    with OpenAIServer(models={"data": [{"id": "qwen-0.5b"}, {"id": "other"}]}) as server:
        with pytest.raises(
            ModelError, match="does not list the model 'm'; it lists qwen-0.5b, other: give one"
        ):
            open_engine(server)
        engine = open_engine(server, served_model="other")
        answers(engine, asked(engine, 1))
        assert server.bodies[0]["model"] == "other"
        assert open_engine(server, check_model=False).name == "openai"


@pytest.mark.parametrize("listing", [b"<html>", [], {"data": None}, {"data": [{"id": 3}, 4]}, {"data": []}])
def test_a_server_need_not_list_its_models(listing: Any) -> None:
    with OpenAIServer(models=listing) as server:
        engine = open_engine(server)
        assert len(answers(engine, asked(engine, 2))) == 2


def test_a_server_whose_listing_is_broken_is_used_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with OpenAIServer(pages={"/v1/models": (500, b"Internal Server Error")}) as server:
        engine = open_engine(server)
        assert f"{server.url} cannot list its models (HTTP 500: Internal Server Error)" in caplog.text
        assert len(answers(engine, asked(engine, 2))) == 2


# Budgets and bounds


@pytest.mark.parametrize("faulty", [False, True])
def test_the_server_never_sees_more_requests_than_the_budget(faulty: bool) -> None:
    plan = (lambda number, body: BUSY if number % 3 == 0 else None) if faulty else (lambda number, body: None)
    with OpenAIServer(plan=plan) as server:
        engine = open_engine(server, max_requests=25, concurrency=8)
        got = []
        with pytest.raises(ModelError, match="max_requests=25 is used up: 25 requests"):
            got.extend(engine.generate(asked(engine, 100)))
        assert len(server.bodies) == 25
        # Of requests 0 ... 24 those with 0, 3, ..., 24 fail: 9. What was answered was handed over.
        assert len(got) == (25 - 9 if faulty else 25)


@pytest.mark.parametrize("usage", [True, False])
def test_the_server_never_reports_more_tokens_than_the_budget(usage: bool) -> None:
    with OpenAIServer(delay_s=0.002, usage=usage) as server:
        engine = open_engine(server, max_total_tokens=2000, concurrency=8)
        got = []
        with pytest.raises(ModelError, match="max_total_tokens=2000 is used up") as raised:
            got.extend(engine.generate(asked(engine, 500)))
        assert server.reported <= 2000
        # A request may cost its prompt's 41 bytes, 256 for the template and 32 new tokens: about 330. It does cost
        # 10, so requests go out until less than 330 are left; where the server does not say, 330 are charged each.
        assert len(got) == pytest.approx((2000 - 330) / 10 if usage else 2000 / 330, abs=2)
        assert "the next request may need" in str(raised.value)


def test_concurrency_is_reached_and_never_exceeded() -> None:
    with OpenAIServer(delay_s=0.05) as server:
        engine = open_engine(server, concurrency=7)
        answers(engine, asked(engine, 60))
        assert server.most_in_flight == 7


def test_a_slow_reader_bounds_what_is_made_ahead() -> None:
    with OpenAIServer() as server:
        engine = open_engine(server, concurrency=2)
        stream = engine.generate(asked(engine, 100))
        next(stream)
        time.sleep(0.5)
        # 1 was read, 4 * 2 wait to be read, and two workers hold one more each.
        assert len(server.bodies) == 1 + 8 + 2
        assert len(list(stream)) == 99


def test_a_huge_response_is_refused() -> None:
    with OpenAIServer(plan=lambda number, body: Fault("huge", size=1 << 24)) as server:
        engine = open_engine(server, max_response_bytes=1 << 20)
        with pytest.raises(
            ModelError, match="more than 1048576 bytes; if that is meant, raise max_response_bytes"
        ):
            answers(engine, asked(engine, 1))


def test_leaving_early_ends_the_thread_and_the_connections() -> None:
    hang = lambda number, body: Fault("hang") if number >= 5 else None  # noqa: E731
    with OpenAIServer(plan=hang) as server:
        engine = open_engine(server, concurrency=8)
        stream = engine.generate(asked(engine, 50))
        next(stream)
        assert len(engine_threads()) == 1
        stream.close()
        assert engine_threads() == []
        deadline = time.monotonic() + 5
        while server.open_connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.open_connections == server.in_flight == 0
        # close() of the engine does the same for an iterator that somebody still holds.
        stream = engine.generate(asked(engine, 50))
        server.plan = lambda number, body: Fault("hang") if prompt_of(body) != "question 0" else None
        next(stream)
        engine.close()
        assert engine_threads() == []
        with pytest.raises(ModelError, match="closed while requests were under way"):
            list(stream)


def test_an_error_in_the_loop_that_reads_leaves_nothing_behind() -> None:
    with OpenAIServer() as server:
        engine = open_engine(server)

        def read() -> None:
            for _ in engine.generate(asked(engine, 200)):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            read()
        gc.collect()
        assert engine_threads() == []


# Everything at once

FAULTS = [
    *(BUSY, Fault("status", 500), Fault("reset"), Fault("cut"), Fault("malformed"), Fault("unfinished")),
    *(Fault("hang"), Fault("raw", body={"choices": []}), Fault("status", 409), Fault("status", 425)),
    Fault("status", 429, (("Retry-After", "0.02"),), {"error": "slow"}),
]


@pytest.mark.parametrize("stream", [False, True])
def test_a_random_mix_of_all_faults_loses_and_doubles_nothing(stream: bool) -> None:
    rng = random.Random(4)
    failing = [rng.choice(FAULTS) if rng.random() < 0.4 else None for _ in range(5000)]
    with OpenAIServer(plan=lambda number, body: failing[number], delay_s=0.001) as server:
        engine = open_engine(
            server, timeout_s=1.0, concurrency=24, max_retries=30, max_retry_after_s=0.05, stream=stream
        )
        requests = asked(engine, 300, Sampling(temperature=0.5))
        assert [c.text for c in answers(engine, requests)] == [echoed(i, "0.5") for i in range(300)]
        assert len(server.bodies) == 300 + sum(fault is not None for fault in failing[: len(server.bodies)])
        assert server.most_in_flight <= 24


# Identity and secrets


def test_the_fingerprint_names_the_endpoint_or_the_weights_that_the_user_vouches_for() -> None:
    with OpenAIServer(models={"data": [{"id": "m", "root": "/w/a", "created": 1}, {"id": "n"}]}) as server:
        one = open_engine(server)
        assert one.fingerprint.startswith("endpoint-")
        assert len(one.fingerprint) == len("endpoint-") + 24
        assert one.manifest is None
        server.models["data"][0]["created"] = 2
        assert open_engine(server, base_url=server.url + "/").fingerprint == one.fingerprint
        server.models["data"][0]["root"] = "/w/b"
        others = {open_engine(server).fingerprint, open_engine(server, served_model="n").fingerprint}
        assert len(others | {one.fingerprint}) == 3
        vouched = open_engine(server, weights="pocket")
        assert (vouched.fingerprint, vouched.manifest) == (
            resolve("pocket").fingerprint,
            resolve("pocket").manifest,
        )


@pytest.mark.parametrize(
    ("page", "ending"),
    [
        ((200, {"version": "0.32.0"}), ", vllm 0.32.0"),
        ((200, {"version": "1\n\x1b[0m"}), ""),
        ((200, b"hello"), ""),
        ((500, {"version": "1"}), ""),
    ],
)
def test_the_version_is_the_servers_if_it_tells_a_decent_one(page: Any, ending: str) -> None:
    import httpx2

    models = {"data": [{"id": "m", "owned_by": "vllm"}]}
    with OpenAIServer(models=models, pages={"/version": page}) as server:
        assert open_engine(server).version == f"openai-compatible, httpx2 {httpx2.__version__}{ending}"


def test_another_system_fingerprint_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with OpenAIServer(extra={"system_fingerprint": "fp_1"}) as server:
        engine = open_engine(server, concurrency=1)
        with caplog.at_level(logging.WARNING):
            for index, _ in engine.generate(asked(engine, 40)):
                server.extra = {"system_fingerprint": "fp_2" if index % 2 else "fp_3"}
    warned = [record.getMessage() for record in caplog.records if "system_fingerprint" in record.getMessage()]
    assert len(warned) == 1
    assert "from 'fp_1' to 'fp_" in warned[0]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 401, body={"error": {"message": "bad key sk-very-secret in " + "\n" * 3000}}),
        Fault("status", 400, body={"error": {"message": "x" * 295 + "sk-very-secret"}}),
        Fault("status", 500, body=b"sk-very-secret " * 100),
        Fault("raw", body={"error": "who is sk-very-secret?"}),
        Fault("raw", body={"choices": [{"text": "", "finish_reason": "sk-very-secret"}]}),
    ],
    ids=lambda fault: str(fault.status),
)
def test_a_server_that_repeats_the_key_does_not_get_it_into_a_message(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", " sk-very-secret\n")
    with OpenAIServer(plan=lambda number, body: fault) as server, caplog.at_level(logging.DEBUG):
        engine = open_engine(server, api_key_env="MY_KEY", max_retries=1)
        with pytest.raises(ModelError) as raised:
            answers(engine, asked(engine, 2))
        assert server.headers[0]["authorization"] == "Bearer sk-very-secret"
    chain: BaseException | None = raised.value
    assert "sk-ver" not in str(chain) + repr(vars(engine)) + caplog.text
    assert len(str(chain)) < 1000
    assert "\n" not in str(chain)


def test_a_login_in_the_url_is_used_but_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer(plan=first({1: Fault("status", 404, body=b"hunter2")})) as server:
        with_login = server.url.replace("//", "//me:hunter2@")
        with pytest.raises(ConfigError, match="written into the run; set it as OPENAI_BASE_URL") as refused:
            open_engine(server, base_url=with_login)
        plain = open_engine(server)
        monkeypatch.setenv("OPENAI_BASE_URL", with_login)
        engine = open_engine(server, base_url=None)
        assert engine.fingerprint == plain.fingerprint
        answers(engine, asked(engine, 1))
        assert server.headers[0]["authorization"] == "Basic bWU6aHVudGVyMg=="  # base64 of me:hunter2
        with pytest.raises(ModelError, match="404") as raised:
            answers(engine, asked(engine, 1))
        assert "hunter2" not in str(refused.value) + str(raised.value)
        assert server.url in str(raised.value)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(MissingExtraError, match="the engine openai needs the extra 'openai'"):
        ENGINES.get("openai")("m", base_url="http://127.0.0.1:9/v1")
