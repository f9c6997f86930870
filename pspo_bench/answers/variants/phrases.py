"""Variants of golds in words: yes/no, names and phrases, choices, times of day, dates.

>>> [variant.text for variant in spoken(3, 30)]
['half past three', 'half past 3', '30 minutes past 3']
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pspo_bench.answers.clock import Date, Time
from pspo_bench.answers.text import clean
from pspo_bench.answers.variants.numbers import in_words
from pspo_bench.answers.variants.numerals import ordinal_suffix, ordinal_words
from pspo_bench.answers.variants.variant import Subject, Variant, wrapped

_MONTHS = ("January February March April May June July August September October November December").split()
_OTHER_NAMES = ("Wilhelmina", "the purple giraffe", "Quentin's bakery")
_FIRST_NAME = re.compile("[A-Z][a-z]+")
_SAME = {"equal", "same", "tie", "tied"}


def yes_no_respellings(subject: Subject) -> Iterator[Variant]:
    """The word in any case, with a full stop, with a reason behind it."""
    word = "yes" if subject.value else "no"
    for text in (word, word.capitalize(), word.upper(), f"{word.capitalize()}.", f'"{word}"'):
        yield Variant(text, "the word")
    yield Variant(f"{word.capitalize()}, by 3.", "a reason behind it")
    yield Variant(f"{word}, because they need 12 and have 15", "a reason behind it")
    yield Variant(rf"\text{{{word.capitalize()}}}", "LaTeX text")
    yield Variant(f"**{word}**", "bold")


def yes_no_misses(subject: Subject) -> Iterator[Variant]:
    """The opposite, both, neither."""
    other = "no" if subject.value else "yes"
    for text in (other, other.capitalize(), f"{other.capitalize()}.", rf"\text{{{other}}}"):
        yield Variant(text, "the opposite")
    yield Variant(f"{other.capitalize()}, by 3.", "the opposite with a reason")
    yield Variant("yes or no", "both")
    yield Variant("no or yes", "both")
    yield Variant("maybe", "neither")


def text_respellings(subject: Subject) -> Iterator[Variant]:
    """The phrase in any case, with or without an article, quoted, as a sentence."""
    text = clean(subject.gold).rstrip(".")
    bare = re.sub(r"^(?:the|a|an)\s+", "", text, flags=re.I)
    yield Variant(text, "plain text")
    yield Variant(text.lower(), "lower case")
    yield Variant(text.upper(), "upper case")
    yield Variant(f"{text}.", "full stop")
    yield Variant(f"**{text}**", "bold")
    yield Variant(f'"{text}"', "quoted")
    yield Variant(rf"\text{{{text}}}", "LaTeX text")
    yield Variant(text.replace("'", "’"), "curly apostrophe")
    if not _SAME & set(text.lower().split()):
        yield Variant(bare, "without article")
        yield Variant(f"the {bare}", "with article")
        yield Variant(f"It is {text}", "a sentence")
    if _FIRST_NAME.fullmatch(text):
        yield Variant(f"{text} is the one", "a sentence that begins with it")
        yield Variant(f"The one we are looking for is {text}", "a sentence that ends with it")


def text_misses(subject: Subject) -> Iterator[Variant]:
    """Another name, another number or letter in it, a hedge, a denial."""
    text = clean(subject.gold).rstrip(".")
    words = set(re.findall(r"[a-z]+", text.lower()))
    for name in _OTHER_NAMES:
        if not words & set(re.findall(r"[a-z]+", name.lower())):
            yield Variant(name, "another name")
            yield Variant(f"{text} or {name}", "hedged")
            yield Variant(f"{name} or {text}", "hedged")
    if _FIRST_NAME.fullmatch(text) and text != "Wilhelmina":
        yield Variant(f"Wilhelmina has more than {text}", "a sentence about another name")
        yield Variant(f"{text} and Wilhelmina", "two names")
    last = re.search(r"\b([0-9]+|[A-Y])$", text)
    if last and " " in text:
        letter = last.group(1)
        other = str(int(letter) + 1) if letter.isdigit() else chr(ord(letter) + 1)
        yield Variant(text[: last.start()] + other, "another number or letter")
    counted = re.match(r"([0-9]+)\s*\(", subject.gold)
    if counted:
        yield Variant(str(int(counted.group(1)) + 1), "another number")
    if _SAME & words:
        yield Variant(re.sub(r"\b(equal|same|tied?)\b", r"not \1", text), "denied")
    else:
        yield Variant(f"not {text}", "denied")
        yield Variant("They are equal", "says that they are equal")


def choice_respellings(subject: Subject) -> Iterator[Variant]:
    """The letter bare, in brackets, in LaTeX text, behind the word option."""
    letter = subject.value
    for text in (
        letter,
        f"({letter})",
        rf"\text{{({letter})}}",
        rf"\text{{{letter}}}",
        rf"\textbf{{({letter})}}",
    ):
        yield Variant(text, "the letter")
    for text in (
        f"{letter}.",
        f"{letter})",
        f"**{letter}**",
        f"$({letter})$",
        f"option {letter}",
        f"Option ({letter})",
    ):
        yield Variant(text, "the letter with its surroundings")
    yield Variant(f"{letter}) 12", "the letter with its value")


def choice_misses(subject: Subject) -> Iterator[Variant]:
    """Every other letter from A to E, and hedges."""
    letter = subject.value
    for other in "ABCDE":
        if other != letter:
            yield Variant(other, "another letter")
            yield Variant(rf"\text{{({other})}}", "another letter")
            yield Variant(f"{letter} or {other}", "hedged")
    yield Variant(f"not {letter}", "denied")


def digital(time: Time, half: str | None = None, shift: int = 0) -> str:
    """`3:05:10 pm` of a time, `shift` minutes later; in the hours it is written in."""
    seconds = f":{time.second:02d}" if time.second else ""
    hour, minute = divmod(time.hour * 60 + time.minute + shift, 60)
    hour = hour % 24 if time.half is None and time.hour > 12 else (hour - 1) % 12 + 1
    return f"{hour}:{minute:02d}{seconds}" + (f" {half}" if half else "")


def spoken(hour: int, minute: int) -> Iterator[Variant]:
    """A time on the twelve-hour clock in words."""
    words = in_words(hour)
    following = hour % 12 + 1
    match minute:
        case 0:
            yield Variant(f"{hour} o'clock", "o'clock")
            yield Variant(f"{words} o'clock", "o'clock in words")
        case 15:
            yield Variant(f"quarter past {words}", "quarter past")
        case 30:
            yield Variant(f"half past {words}", "half past")
            yield Variant(f"half past {hour}", "half past")
        case 45:
            yield Variant(f"quarter to {in_words(following)}", "quarter to")
    if 0 < minute <= 30:
        yield Variant(f"{minute} minutes past {hour}", "minutes past")
    elif minute:
        yield Variant(f"{60 - minute} minutes to {following}", "minutes to")


def time_respellings(subject: Subject) -> Iterator[Variant]:
    """`3:30 p.m.` as 3:30 PM, 15:30, half past three; `17:03` as 5:03 p.m."""
    time, date = subject.value
    seconds = f":{time.second:02d}" if time.second else ""
    on_24_hours = f"{time.on_24_hours:02d}:{time.minute:02d}{seconds}"
    yield Variant(digital(time), "without a.m. or p.m.")
    yield from wrapped(digital(time))
    half = time.half or ("pm" if time.hour > 12 else None)
    if half:
        twelve = Time((time.hour - 1) % 12 + 1, time.minute, time.second, half)
        dotted = ".".join(half) + "."
        for text in (half, dotted, half.upper(), dotted.upper()):
            yield Variant(digital(twelve, text), "a.m. and p.m. in other ways")
        yield Variant(digital(twelve) + half, "no space before the half")
        part = "morning" if half == "am" else "afternoon" if twelve.hour in (12, 1, 2, 3, 4, 5) else "evening"
        yield Variant(f"{digital(twelve)} in the {part}", "part of the day")
        yield Variant(on_24_hours, "on 24 hours")
    else:
        yield Variant(f"{time.hour:02d}:{time.minute:02d}{seconds}", "two digits for the hour")
    if not time.second and time.hour <= 12:
        yield from spoken(time.hour, time.minute)
    if date:
        for text in _dates(date):
            yield Variant(f"{digital(time, half)} on {text.text}", f"with its date, {text.rule}")


def time_misses(subject: Subject) -> Iterator[Variant]:
    """A minute or an hour later or earlier, twelve hours later, another date."""
    time, date = subject.value
    for shift, rule in (
        (1, "a minute later"),
        (-1, "a minute earlier"),
        (60, "an hour later"),
        (-60, "an hour earlier"),
    ):
        yield Variant(digital(time, time.half, shift), rule)
    half = time.half or ("pm" if time.hour > 12 else None)
    if half:
        twelve = Time((time.hour - 1) % 12 + 1, time.minute, time.second, half)
        yield Variant(digital(twelve, "am" if half == "pm" else "pm"), "twelve hours later")
    if date:
        month, day, year = date
        for other in _dates((month, day - 1 if day > 1 else day + 1, year)):
            yield Variant(f"{digital(time, half)} on {other.text}", "another date")
    yield Variant(f"{digital(time, half)} or {digital(time, half, 5)}", "hedged")


def clock_respellings(subject: Subject) -> Iterator[Variant]:
    """`17:12`, which may be a time or a ratio: only what is right for both readings."""
    left, right = (term.strip() for term in clean(subject.gold).split(":")[:2])
    yield Variant(f"{left} : {right}", "spaced colon")
    yield from wrapped(f"{left}:{right}")


def clock_misses(subject: Subject) -> Iterator[Variant]:
    """`17:12` with either number changed, or both exchanged."""
    left, right = (int(term) for term in clean(subject.gold).split(":")[:2])
    yield Variant(f"{left}:{right + 1:02d}", "second number off by one")
    yield Variant(f"{left + 1}:{right:02d}", "first number off by one")
    if left != right:
        yield Variant(f"{right}:{left:02d}", "exchanged")


def _dates(date: Date) -> Iterator[Variant]:
    month, day, year = date
    name = _MONTHS[month - 1]
    behind = f", {year}" if year else ""
    yield Variant(f"{name} {day}{behind}", "month and day")
    yield Variant(f"{name} {day}{ordinal_suffix(day)}{behind}", "month and ordinal day")
    yield Variant(f"{day} {name}" + (f" {year}" if year else ""), "day and month")
    yield Variant(
        f"{day}{ordinal_suffix(day)} of {name}" + (f" {year}" if year else ""), "ordinal day of month"
    )
    yield Variant(f"{name[:3]} {day}{behind}", "short month")
    yield Variant(f"{name[:3]}. {day}{behind}", "short month with full stop")
    if year:
        yield Variant(f"{name} {day}", "without the year")


def date_respellings(subject: Subject) -> Iterator[Variant]:
    """`February 3rd` as February 3, 3 February, Feb. 3, the third of February."""
    for variant in _dates(subject.value):
        yield variant
        yield Variant(variant.text.lower(), f"{variant.rule}, lower case")
    for word in ordinal_words(subject.value[1]):
        yield Variant(f"{_MONTHS[subject.value[0] - 1]} {word}", "ordinal day in words")


def date_misses(subject: Subject) -> Iterator[Variant]:
    """Another day, another month, another year."""
    month, day, year = subject.value
    for variant in _dates((month, day - 1 if day > 1 else day + 1, year)):
        yield Variant(variant.text, f"another day, {variant.rule}")
    for variant in _dates((month % 12 + 1, min(day, 28), year)):
        yield Variant(variant.text, f"another month, {variant.rule}")
    if year:
        yield Variant(f"{_MONTHS[month - 1]} {day}, {year + 1}", "another year")
