"""Times of day and dates, as ASDiv's golds write them: `3:30 p.m.`, `14:55`, `February 3rd`.

>>> read_time("half past 3 in the afternoon") == read_time("3:30 p.m.")
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pspo_bench.answers.match import Match, NotAnAnswerError
from pspo_bench.answers.text import plain_unicode
from pspo_bench.answers.words import number_in_words, ordinal_in_words


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day. `half` is am, pm or None where the text leaves it open; `hour` is as written, 0 to 24."""

    hour: int
    minute: int
    second: int = 0
    half: str | None = None

    @property
    def on_24_hours(self) -> int:
        if self.half is None:
            return self.hour % 24
        return self.hour % 12 + (12 if self.half == "pm" else 0)


_HALF = r"(?P<half>[ap]\.?\s?m\b\.?|in the (?:morning|afternoon|evening)|at night)?"
_DIGITAL = re.compile(
    rf"(?<![0-9:])(?P<hour>[0-9]{{1,2}})\s?:\s?(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}))?(?![0-9:])\s*{_HALF}",
    re.I,
)
_DOTTED = re.compile(
    r"(?<![0-9.])(?P<hour>[0-9]{1,2})(?:\.(?P<minute>[0-9]{2}))?\s*(?P<half>[ap]\.?\s?m\b\.?)", re.I
)
_OCLOCK = re.compile(rf"\b(?P<hour>[0-9]{{1,2}}|[a-z]+)\s*o'?\s?clock\s*{_HALF}", re.I)
_SPOKEN = re.compile(
    rf"\b(?P<part>half|(?:a )?quarter|[0-9]{{1,2}}|[a-z]+(?:-[a-z]+)?)\s*(?:minutes?\s*)?"
    rf"(?P<side>past|after|to|before|till)\s+(?P<hour>[0-9]{{1,2}}|[a-z]+)\b\s*{_HALF}",
    re.I,
)
_IN_WORDS = re.compile(
    r"\b(?P<hour>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)[ -]"
    rf"(?P<minute>(?:ten|fifteen|twenty|thirty|forty|fifty)(?:[ -][a-z]+)?|o(?:h|')[ -][a-z]+)\b\s*{_HALF}",
    re.I,
)
_NAMED = re.compile(r"\b(?:12\s*)?(?P<name>noon|midday|midnight)\b", re.I)
_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = r"(?P<month>" + "|".join(f"{name[:3]}(?:{name[3:]})?" for name in _MONTHS) + r"|sept)\b\.?"
_DAY = r"(?P<day>[0-9]{1,2}(?:st|nd|rd|th)?|[a-z]+(?:-[a-z]+)?)"
_DATES = (
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b(?:,?\s+(?P<year>[0-9]{{4}}))?", re.I),
    re.compile(r"\b(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})\b"),  # ISO 8601
    re.compile(rf"\b{_DAY}\s+(?:day\s+)?(?:of\s+)?{_MONTH}(?:,?\s+(?P<year>[0-9]{{4}}))?", re.I),
)
Date = tuple[int, int, int | None]


def find_times(text: str) -> list[Time]:
    """Every time of day in `text`, spelt in any of the usual ways."""
    text = plain_unicode(text).replace("’", "'")
    for pattern in (_DIGITAL, _SPOKEN, _OCLOCK, _DOTTED, _IN_WORDS):
        times = [time for time in map(_time, pattern.finditer(text)) if time]
        if times:
            return times
    return [
        Time(12, 0, half="am" if found.group("name").lower() == "midnight" else "pm")
        for found in _NAMED.finditer(text)
    ]


def _time(found: re.Match[str]) -> Time | None:
    parts = found.groupdict()
    hour, minute = _number(parts["hour"]), _number(parts.get("minute") or "0")
    if parts.get("side"):
        past = {"half": 30, "quarter": 15, "a quarter": 15}.get(parts["part"].lower()) or _number(
            parts["part"]
        )
        if past is None or hour is None:
            return None
        before = parts["side"].lower() in ("to", "before", "till")
        hour, minute = ((hour - 2) % 12 + 1, 60 - past) if before else (hour, past)
    if hour is None or minute is None or hour > 24 or minute > 59:
        return None
    return Time(hour, minute, int(parts.get("second") or 0), _half(parts.get("half")))


def _number(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    value = number_in_words(re.sub(r"^o(?:h|')[ -]", "", text.lower()))
    return None if value is None or value.denominator > 1 else int(value)


def _half(text: str | None) -> str | None:
    if not text:
        return None
    text = text.lower()
    return "am" if "morning" in text or (text[0] == "a" and "night" not in text) else "pm"


def find_date(text: str) -> Date | None:
    """(month, day, year or None) of the first date in `text`."""
    for pattern in _DATES:
        for found in pattern.finditer(text):
            day_text = found.group("day")
            day = int(day_text) if day_text.isdigit() else ordinal_in_words(day_text)
            if day and 1 <= day <= 31:
                month = _month(found.group("month"))
                return month, day, int(found.group("year")) if found.group("year") else None
    return None


def _month(text: str) -> int:
    return int(text) if text.isdigit() else [name[:3] for name in _MONTHS].index(text[:3].lower()) + 1


_SHIFTED = re.compile(
    r"\b(?:hours?|days?)\s+(?:before|after|later|earlier)\b|\bminutes? (?:before|after) [0-9]+:"
    r"|\b(?:before|after|to)\s+[0-9]{1,2}:|\b(?:before|after)\s+[A-Z]|\b(?:not|minus|plus)\b|[+]\s*[0-9]",
    re.I,
)


def is_spoken(text: str) -> bool:
    """Whether `text` is wholly a time of day in words: `half past two`, `3 o'clock`."""
    return bool(
        re.fullmatch(
            r"(?:half|(?:a )?quarter) (?:past|to|after|before) [a-z0-9]+|[a-z0-9]+ o'?clock", text, re.I
        )
    )


def read_time(text: str) -> tuple[Time, Date | None]:
    """The one time of day in `text`, with the date beside it if there is one. Raises NotAnAnswerError."""
    text = text.rpartition("=")[2]
    if _SHIFTED.search(text):
        raise NotAnAnswerError("a time before or after another, or none")
    times = find_times(text)
    if len(set(times)) != 1:
        raise NotAnAnswerError(
            "no time of day in the answer" if not times else "several times of day in the answer"
        )
    return times[0], find_date(text)


def read_date(text: str) -> Date:
    """The date in `text`. Raises NotAnAnswerError."""
    date = find_date(text)
    if date is None or _SHIFTED.search(text):
        raise NotAnAnswerError("no date in the answer")
    if len({found.group("month")[:3].lower() for found in _DATES[0].finditer(text)}) > 1 or re.search(
        r"\bor\b", text
    ):
        raise NotAnAnswerError("several dates in the answer")
    return date


def same_time(gold: tuple[Time, Date | None], answer: tuple[Time, Date | None]) -> Match:
    """Equal clock times. A missing a.m./p.m. is read as the gold's; a missing date may be left out, a year too."""
    (left, gold_date), (right, date) = gold, answer
    if gold_date and date and not same_date(gold_date, date):
        return Match(False, "another date")
    if (left.minute, left.second) != (right.minute, right.second):
        return Match(False, "different times")
    left_open, right_open = (time.half is None and 0 < time.hour <= 12 for time in (left, right))
    if left_open != right_open and left.half != right.half and max(left.hour, right.hour) <= 12:
        equal = left.hour % 12 == right.hour % 12
    else:
        equal = left.on_24_hours == right.on_24_hours
    return Match(equal, "the same time of day" if equal else "different times")


def same_date(gold: Date, answer: Date) -> bool:
    return gold[:2] == answer[:2] and (gold[2] is None or answer[2] is None or gold[2] == answer[2])
