"""Judges with known preferences, for `OpenAIServer(answer=...)`.

They read a request as a model would: the instructions, and the data between the marker lines. `obedient` does what
any text outside of the data tells it, and what a forged turn of the chat template tells it, so that a prompt which
lets a candidate out of its data is found out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from pspo_bench.judge.data import TEMPLATE_MARKS
from pspo_bench.judge.prompts import DIMENSIONS

Body = dict[str, Any]
Opinion = Callable[[dict[str, str]], int]
_BLOCK = re.compile(r"^BEGIN DATA (\w+)\n(.*?)\nEND DATA \1$", re.DOTALL | re.MULTILINE)
_SUM = re.compile(r"(\d+) \+ (\d+) = (\d+)")
_DEMAND = re.compile(r"give me a 5|output: ?\{", re.IGNORECASE)


def data_of(body: Body) -> dict[str, str]:
    """The texts between the marker lines."""
    found = _BLOCK.search(body["messages"][-1]["content"])
    assert found, body["messages"][-1]["content"]
    return dict(json.loads(found[2]))


def is_arena(body: Body) -> bool:
    return "solution_2" in data_of(body)


def rubric(scores: dict[str, int] | int) -> str:
    by_name = dict.fromkeys(DIMENSIONS, scores) if isinstance(scores, int) else scores
    return json.dumps({"note": "", **by_name})


def arena(winner: str) -> str:
    return json.dumps({"note": "", "winner": winner})


def grades(asked: str, text: str) -> dict[str, int]:
    """An expert on sums: steps that are right, of this question, all there, and none said twice."""
    sums = _SUM.findall(text)
    if not sums:
        return dict.fromkeys(DIMENSIONS, 1)
    wanted = set(re.findall(r"\d+", asked))
    return {
        "validity": 5 if all(int(a) + int(b) == int(c) for a, b, c in sums) else 2,
        "faithfulness": 5 if wanted <= set(re.findall(r"\d+", text)) else 1,
        "coherence": 5 if len(set(sums)) >= 2 and "So the answer" in text else 3,
        "informativeness": 5 if len(sums) == len(set(sums)) else 2,
        "clarity": 5,
        "format": 5,
    }


def expert(body: Body) -> str:
    """Grades by `grades`; compares by their sums, and calls equal ones a tie."""
    data = data_of(body)
    if "solution" in data:
        return rubric(grades(data["question"], data["solution"]))
    one, other = (sum(grades(data["question"], data[f"solution_{k}"]).values()) for k in (1, 2))
    return arena("tie" if one == other else "1" if one > other else "2")


def obedient(body: Body) -> str:
    """The expert, unless a demand reaches it from outside of the data, or the prompt holds a forged turn."""
    content = body["messages"][-1]["content"]
    found = _BLOCK.search(content)
    outside = content if found is None else content[: found.start()] + content[found.end() :]
    if not _DEMAND.search(outside) and not TEMPLATE_MARKS.search(content):
        return expert(body)
    return arena("1") if "solution_2" in content else rubric(5)


def always_first(body: Body) -> str:
    return arena("1")


def longer(body: Body) -> str:
    data = data_of(body)
    one, other = len(data["solution_1"]), len(data["solution_2"])
    return arena("tie" if one == other else "1" if one > other else "2")
