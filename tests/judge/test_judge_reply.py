"""What is taken for an opinion, and what never is."""

from __future__ import annotations

import json
import time

import pytest

from pspo_bench.judge.prompts import ARENA, DIMENSIONS, RUBRIC
from pspo_bench.judge.reply import MAX_REPLY_CHARS, InvalidReplyError

FIVES = {"note": "fine", **dict.fromkeys(DIMENSIONS, 5)}
GOOD = json.dumps(FIVES)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}\n```  ",
        f"<think>Is it {{good}}? Yes.</think>\n{GOOD}",
    ],
)
def test_a_reply_may_be_fenced_or_thought_about(text: str) -> None:
    assert RUBRIC.read(text) == dict.fromkeys(DIMENSIONS, 5)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not one JSON object"),
        ("5", "not a JSON object"),
        ("I would give it a 5.", "not one JSON object"),
        (f"Here it is: {GOOD}", "not one JSON object"),
        (f"{GOOD} Hope that helps!", "not one JSON object"),
        (f"{GOOD}\n{GOOD}", "not one JSON object"),
        (f"[{GOOD}]", "not a JSON object"),
        (GOOD.replace('"validity": 5', '"validity": 6'), "validity is not a whole number from 1 to 5"),
        (GOOD.replace('"validity": 5', '"validity": 0'), "validity is not"),
        (GOOD.replace('"validity": 5', '"validity": 4.0'), "validity is not"),
        (GOOD.replace('"validity": 5', '"validity": "4"'), "validity is not"),
        (GOOD.replace('"validity": 5', '"validity": true'), "validity is not"),
        (GOOD.replace('"validity": 5', '"validity": null'), "validity is not"),
        (GOOD.replace('"validity": 5', '"validity": NaN'), "NaN is no JSON"),
        (GOOD.replace('"validity": 5', '"validity": 1, "validity": 5'), "given twice"),
        (GOOD.replace('"validity": 5, ', ""), "the field validity is missing"),
        (GOOD.replace('"note": "fine", ', ""), "the field note is missing"),
        (GOOD.replace("}", ', "extra": 1}'), "a field that was not asked for"),
        (GOOD.replace('"fine"', "7"), "note is not a text"),
        (GOOD.replace("fine", "x" * MAX_REPLY_CHARS), "longer than"),
        ("[" * 10_000, "not one JSON object"),
        (GOOD.replace('"validity": 5', '"validity": ' + "9" * 5000), "not one JSON object"),
        ("<think>" + GOOD, "not one JSON object"),
        ("__import__('os').system('true')", "not one JSON object"),
    ],
    ids=range(24),
)
def test_everything_else_is_invalid(text: str, why: str) -> None:
    with pytest.raises(InvalidReplyError, match=why):
        RUBRIC.read(text)


@pytest.mark.parametrize("winner", ["1", "2", "tie"])
def test_a_winner_is_one_of_three(winner: str) -> None:
    assert ARENA.read(json.dumps({"note": "", "winner": winner})) == winner


@pytest.mark.parametrize("winner", ["3", "both", "Tie", "", 1, None, ["1"], {"1": 2}])
def test_any_other_winner_is_invalid(winner: object) -> None:
    with pytest.raises(InvalidReplyError, match="winner is not one of"):
        ARENA.read(json.dumps({"note": "", "winner": winner}))


def test_a_huge_reply_costs_no_time() -> None:
    started = time.process_time()
    with pytest.raises(InvalidReplyError, match="longer than"):
        ARENA.read('{"note": "' + "\\u0041" * 10_000_000)
    assert time.process_time() - started < 0.5


def test_the_schema_allows_what_the_reader_takes() -> None:
    jsonschema = pytest.importorskip("jsonschema")  # ray brings it
    jsonschema.validate(FIVES, json.loads(RUBRIC.schema))
    jsonschema.validate({"note": "", "winner": "tie"}, json.loads(ARENA.schema))
    for bad in ({**FIVES, "clarity": 6}, {**FIVES, "extra": 1}, {"note": ""}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, json.loads(RUBRIC.schema))


def test_correctness_is_never_asked_about() -> None:
    assert set(DIMENSIONS) == {
        "validity", "faithfulness", "coherence", "informativeness", "clarity", "format",
    }  # fmt: skip
    for prompt in (RUBRIC, ARENA):
        system = prompt.messages({"question": "q"}, "c0ffee")[0]["content"]
        assert "Do not judge whether the final answer is right" in system
    assert all(len(anchors) == 5 for _, anchors in DIMENSIONS.values())
