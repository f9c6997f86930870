"""What stands behind an operand: a percent sign, and words as far as they can be its unit."""

from __future__ import annotations

from pspo_bench.answers.units import is_unit
from pspo_bench.metrics.arithmetic.cursor import Cursor, says_number

MAX_UNIT_WORDS = 8
_COMPARING = set("more less fewer than times plus minus twice remainder".split())
"""Words that may make of a number something else than a count: 5 more than ..."""
_CLOCK = {"am", "pm", "o'clock"}
PROSE = set(
    "because so since then if which when while that where who therefore thus hence but or making leaving giving "
    "meaning we he she they it i you get gets got from to by need needs".split()
)
"""Words that a unit does not hold."""


class UnitCursor(Cursor):
    """A cursor that reads percent signs and units."""

    def percent(self) -> bool:
        if self.kind() == "pct" and not self.sign("%")[0]:
            self.at += 1
            return True
        if self.word() == "percent" or (self.word() == "per" and self.word(1) == "cent"):
            self.at += 1 if self.word() == "percent" else 2
            return True
        return False

    def unit(self) -> str | None:
        """The words that follow as far as they can be a unit; None where they make the operand an unknown."""
        words: list[str] = []
        first = self.at
        while len(words) < MAX_UNIT_WORDS:
            if self.kind() == "word":
                if self.ends_unit(first):
                    break
                if not words and self.is_variable():
                    return None
                words.append(self.unit_word())
            elif self.text() in "/-" and self.kind() == "op" and self.is_joined(first):
                words.append("per" if self.text() == "/" else "-")
                self.at += 1
            elif self.kind() == "open" and self.is_remark():
                self.pass_remark()
            else:
                break
        lowered = {word.lower() for word in words}
        self.is_compared |= not _COMPARING.isdisjoint(lowered)
        self.is_sure &= _CLOCK.isdisjoint(lowered)
        return " ".join(words)

    def unit_word(self) -> str:
        """The word here, which is passed, with the power that belongs to it: ft^2, cm³."""
        word = self.text()
        self.at += 1
        if is_unit(word) and self.text() == "^" and self.kind(1) == "num":
            word += f"^{self.text(1)}"
            self.at += 2
        elif is_unit(word) and self.kind() == "sup":
            word += f"^{self.text()}"
            self.at += 1
        return word

    def ends_unit(self, first: int) -> bool:
        """Whether the word here is no part of a unit: a sign, a number, another thought, a name of algebra."""
        word = self.text()
        if self.sign("+-*/%")[0] or says_number(word) or word.lower() in PROSE:
            return True
        if any(c.isdigit() for c in word):
            return True
        if self.at == first:
            return word == "and" and self.kind(1) != "word"
        if word in ("and", "a", "A"):
            return self.kind(1) != "word"
        return len(word) == 1 and not is_unit(word)

    def is_variable(self) -> bool:
        """Whether the word here is the letter of algebra: the x of 3x, of 3 x; units of one letter are no more than
        doubtful."""
        text = self.text()
        if len(text) > 1:
            self.is_sure &= self.tokens[self.at].spaced or len(text) > 3 or is_unit(text)
            return "_" in text
        if text in ("a", "A"):
            return not self.tokens[self.at].spaced
        if is_unit(text) or text in "kKcC":
            self.is_sure = False
            return False
        return True

    def is_joined(self, first: int) -> bool:
        """Whether a slash or hyphen joins words of a unit: minutes/page, 5-day."""
        if self.kind(1) != "word" or (len(self.text(1)) == 1 and not is_unit(self.text(1))):
            return False
        if self.text() == "/":
            apart = self.tokens[self.at].spaced or self.tokens[self.at + 1].spaced
            return not apart or (self.at > first and is_unit(self.text(1)))
        return not self.tokens[self.at].spaced and not self.tokens[self.at + 1].spaced

    def is_remark(self) -> bool:
        """Whether a bracket holds words alone: 24 clips (in May)."""
        ahead = 1
        while self.kind(ahead) == "word" and ahead <= MAX_UNIT_WORDS:
            ahead += 1
        return (
            self.is_spaced(0)
            and ahead > 1
            and self.kind(ahead) == "close"
            and not says_number(self.word(1))
            and (ahead > 2 or len(self.text(1)) > 1)
        )

    def pass_remark(self) -> None:
        while self.kind() != "close":
            self.at += 1
        self.at += 1
