"""The part of a completion that is marked: after the hidden reasoning, before the model asks itself the next question.

>>> final_part("<think>20?</think> #### 18\\n\\nQuestion: 2 + 2?\\n#### 4")
' #### 18\\n\\n'
"""

from __future__ import annotations

import re

# Chat tokens that an engine left in the text: <|im_end|>, </s>, <eos>, [/INST], <｜end▁of▁sentence｜>.
_TOKEN = re.compile(
    r"<\|[A-Za-z_0-9]{2,30}\|>|<｜[^｜<>\n]{2,30}｜>|</?s>|<(?:eos|bos|pad|end_of_turn|start_of_turn)>|\[/?INST\]"
)
_ECHO = re.compile(
    r"\s*(?:<\|(?:im_start|begin_of_text|start_header_id|system|user)\|>|<(?:bos|start_of_turn)>|<s>|\[INST\])"
)
_REPLY = re.compile(
    r"<\|im_start\|>assistant|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|assistant\|>"
    r"|<start_of_turn>model|\[/INST\]|<｜Assistant｜>"
)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>|<\|end_of_thought\|>", re.IGNORECASE)
_STATED = re.compile(
    r"####\s*[-$\\(]*\w|\\boxed\s*\{|\b(?:[Aa]nswer|ANSWER)\b(?:\*\*)?\s*(?:is\b|:|=)|^[ \t]*A:|</answer>",
    re.MULTILINE,
)
# A question of its own invention at the start of a line. "Question 2:" may be part of the solution, "Exercise 2" not.
_NEXT = re.compile(
    r"^[ \t]*(?:#{1,5}[ \t]*|\*\*)?(?:(?:Question|Problem|Instruction|Human|User|Input|Q)(?:\*\*)?[ \t]*:"
    r"|(?:Exercise|Problem|Example)[ \t]*[0-9]+(?:\*\*)?[ \t]*(?:[.:]|$)"
    r"|(?<=#)[ \t]*(?:Question|Problem|Instruction|Input|User)[ \t]*$)",
    re.MULTILINE,
)


_NEXT_WORDS = ("uestion", "roblem", "nstruction", "Human", "User", "Input", "Q:", "Q*", "Exercise", "Example")
"""One of these stands in what `_NEXT` matches: looking for them first is ten times as fast."""


_TOKEN_STARTS = ("<|", "</s", "<s", "<e", "<b", "<p", "<｜", "INST]", "_turn>")


def holds_any(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of `words` occurs in `text`."""
    for word in words:  # noqa: SIM110  any(…) takes twice as long, and this runs for every completion
        if word in text:
            return True
    return False


def final_part(completion: str) -> str:
    """`completion` without an echoed chat prompt, hidden reasoning, end tokens, and further questions."""
    text = completion
    if "<" in text or "[" in text:
        if _ECHO.match(text):
            reply = _REPLY.search(text)
            text = text[reply.end() :] if reply else text
        text = _before_token(_behind_thought(text))
    if "[asy]" in text:
        text = _without_drawings(text)
    if holds_any(text, _NEXT_WORDS):
        stated = _STATED.search(text)
        line_end = text.find("\n", stated.end()) if stated else -1
        following = _NEXT.search(text, line_end) if line_end >= 0 else None
        if following:
            return text[: following.start()]
    return text


def _without_drawings(text: str) -> str:
    """`text` without Asymptote figures, which hold coordinates."""
    kept, at = [], 0
    while (start := text.find("[asy]", at)) >= 0:
        kept.append(text[at:start])
        end = text.find("[/asy]", start)
        at = len(text) if end < 0 else end + 6
    return " ".join([*kept, text[at:]])


def _behind_thought(text: str) -> str:
    """What follows the last end of thought; the thoughts themselves where nothing does."""
    ends = list(_THOUGHT_END.finditer(text)) if "</" in text or "end_of_thought" in text else []
    if not ends:
        return text
    last = ends[-1]
    behind = text[last.end() :]
    return behind if any(char.isalnum() for char in _TOKEN.sub("", behind)) else text[: last.start()]


def _before_token(text: str) -> str:
    """The first stretch between chat tokens that says anything."""
    start = 0
    if not holds_any(text, _TOKEN_STARTS):
        return text
    for token in _TOKEN.finditer(text):
        if any(char.isalnum() for char in text[start : token.start()]):
            return text[start : token.start()]
        start = token.end()
    return text[start:]
