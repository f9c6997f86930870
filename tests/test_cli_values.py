"""`--model-args` and `--gen-kwargs`."""

from __future__ import annotations

from typing import Any

import pytest

from pspo_bench.cli import main
from pspo_bench.cli.values import key_values, sampling_flags


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("concurrency=32,stream=true,x=None", {"concurrency": 32, "stream": True, "x": None}),
        ("gpu-memory-utilization=0.85", {"gpu_memory_utilization": 0.85}),
        ("base_url=http://127.0.0.1:8000/v1?a=b", {"base_url": "http://127.0.0.1:8000/v1?a=b"}),
        ("names=a,b,next=1", {"names": "a,b", "next": 1}),  # a comma inside a value
        ('chat={"enable_thinking": false},n=2', {"chat": {"enable_thinking": False}, "n": 2}),
        ("revision=1e400", {"revision": "1e400"}),  # not a finite number: text
    ],
)
def test_key_values(text: str, found: dict[str, Any]) -> None:
    assert key_values(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [("abc", "'abc' is not key=value"), ("a=1,a=2", "a is given twice"), ("1a=3", "'1a=3' is not key=value")],
)
def test_what_is_not_a_pair_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        key_values(text)


def test_sampling_flags_as_lm_eval_writes_them() -> None:
    given = "do_sample=true,temperature=0.7,top_p=0.9,max_gen_toks=64,until=Q:"
    assert sampling_flags(given) == {"temperature": (0.7,), "top_p": 0.9, "max_tokens": 64, "stop": ["Q:"]}
    assert sampling_flags("do_sample=false,temperature=0.7") == {"temperature": (0.0,)}
    assert sampling_flags('until=["Q:","\\n\\n"]') == {"stop": ["Q:", "\n\n"]}
    assert sampling_flags("do_sample=true") == {"temperature": (1.0,)}  # as transformers has it
    with pytest.raises(ValueError, match="max_tokens is given under two names"):
        sampling_flags("max_gen_toks=9,max_tokens=11")
    with pytest.raises(ValueError, match="do_sample must be true or false, not 3"):
        sampling_flags("do_sample=3")
    with pytest.raises(ValueError, match="unknown key 'beams'; known: temperature"):
        sampling_flags("beams=4")


def test_a_bad_pair_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["eval", "--model", "pocket", "--tasks", "pocket_gsm", "-o", "x"]
    with pytest.raises(SystemExit):
        main([*command, "--gen_kwargs", "beams=4"])
    assert "argument --gen-kwargs: unknown key 'beams'" in capsys.readouterr().err
    assert main([*command, "--max-tokens", "7", "--gen-kwargs", "max_gen_toks=9"]) == 2
    assert "--max-tokens is given by itself and in --gen-kwargs" in capsys.readouterr().err
    assert main([*command, "--gen-kwargs", "seed=hello", "--dry-run"]) == 2
    assert "seed must be a whole number" in capsys.readouterr().err
    assert main([*command, "--engine", "nosuch", "--dry-run"]) == 2
    assert "Unknown engine 'nosuch'" in capsys.readouterr().err
    assert main([*command, "--executor", "ray", "--workers", "0", "--dry-run"]) == 2
    assert "workers must be at least 1, not 0" in capsys.readouterr().err
    assert main([*command, "--model-args", "pretrained=x"]) == 2
    assert "the model is --model" in capsys.readouterr().err
    assert main([*command, "--model-args", "wings=2"]) == 2
    assert "Engine 'hf' cannot be used with these options: " in capsys.readouterr().err
