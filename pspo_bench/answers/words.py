"""Number words of English: cardinals, ordinals, simple fractions, dozens.

>>> number_in_words("two and a half")
Fraction(5, 2)
"""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
    **{f"{word}th": value for value, word in enumerate(_ONES) if value in (4, 6, 7, 10, 11, *range(13, 20))},
    **{f"{word[:-1]}ieth": 20 + 10 * index for index, word in enumerate(_TENS)},
}  # fmt: skip
SMALL = {
    **{word: value for value, word in enumerate(_ONES)},
    **{word: 20 + 10 * i for i, word in enumerate(_TENS)},
}
SCALES = {
    "hundred": 100,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
_PARTS = {
    "half": 2,
    "halves": 2,
    "quarter": 4,
    "quarters": 4,
    **{word: n for word, n in _ORDINALS.items() if n > 2},
}
_PARTS |= {f"{word}s": n for word, n in _PARTS.items() if n > 2 and not word.endswith("s")}
_WORD = re.compile(r"[a-z]+")

NUMBER_WORDS = {*SMALL, *SCALES, *_PARTS, *_ORDINALS} - {"second", "seconds", "quarter", "quarters"}
"""Words that by themselves say a number; "second" and "quarter" are also units and coins."""


def number_in_words(text: str) -> Fraction | None:
    """The number that the whole of `text` says, or None."""
    words = _WORD.findall(text.lower().replace("-", " "))
    if not words or re.sub(r"[a-z\s,-]", "", text.lower()):
        return None
    negative = words[0] in ("minus", "negative")
    value = _with_fraction(words[negative:]) if words[negative:] else None
    return None if value is None else -value if negative else value


def ordinal_in_words(text: str) -> int | None:
    """The number of an ordinal: 6th, sixth, twenty-first."""
    found = re.fullmatch(r"([0-9]{1,9})\s*\^?\s*\{?\s*(?:st|nd|rd|th)\s*\}?", text.strip().lower())
    if found:
        return int(found.group(1))
    words = text.lower().replace("-", " ").split()
    if not words or words[-1] not in _ORDINALS or len(words) > 2:
        return None
    tens = SMALL.get(words[0], 0) if len(words) == 2 else 0
    return tens + _ORDINALS[words[-1]] if len(words) == 1 or tens >= 20 else None


def _with_fraction(words: list[str]) -> Fraction | None:
    """ "two and a half", "three quarters", "half", or a whole number."""
    if words[0] == "half" and words[-1] in SCALES and set(words[1:-1]) <= {"a"}:
        return Fraction(SCALES[words[-1]], 2)
    if words[:1] == ["a"] and words[1:2] and (words[1] in _PARTS or words[1] in SCALES):
        words = ["one", *words[1:]]
    if words and words[-1] in _PARTS:
        head, parts = words[:-1], _PARTS[words[-1]]
        if not head or head[-1] in ("a", "and") or head[-2:] == ["and", "one"]:
            whole = [
                word
                for word in (head[:-1] if head[-2:] == ["and", "one"] else head)
                if word not in ("a", "and")
            ]
            base = _whole(whole) if whole else 0
            return None if base is None else base + Fraction(1, parts)
        top = _whole(head)
        return None if top is None else Fraction(top, parts)
    whole_value = _whole(words)
    return None if whole_value is None else Fraction(whole_value)


def _whole(words: list[str]) -> int | None:
    total, group, last = 0, 0, ""
    for word in words:
        if word == "and" and last in SCALES:
            continue
        if word in SMALL:
            if last in SMALL and not (SMALL[last] >= 20 and 0 < SMALL[word] < 10):
                return None
            group += SMALL[word]
        elif word in SCALES and (group or last in SCALES):
            group, total = (
                (group * 100, total) if word == "hundred" else (0, total + (group or 1) * SCALES[word])
            )
        else:
            return None
        last = word
    return total + group if last else None
