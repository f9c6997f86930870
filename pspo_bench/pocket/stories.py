"""pocket_gsm: word problems of two or three steps, composed of an opening, changes and a question.

Purpose: the task that reinforcement learning trains on. Numbers stay small (results to 50), so that
a model of a million weights can know the arithmetic; what it has to learn is to read and to do every step.
Source: the shape of GSM8K (https://arxiv.org/abs/2110.14168); the sentences are written for this project.

    >>> story_problem(random.Random(1)).question.split('. ')[0]
    'In the morning Finn counts 15 marbles'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from pspo_bench.pocket.steps import Problem, Step
from pspo_bench.pocket.words import BAGS, THINGS, Person, capital, people

MOST = 50  # the largest value that a step may reach

# What a careless reader does instead of the last operation.
MISREAD = {"+": "-", "-": "+", "*": "+", "/": "-"}

GAINS = (
    "{They} buys {n} more.",
    "Then {they} finds {n} more {x}.",
    "{friend} gives {name} {n} more {x}.",
    "Later {they} gets {n} {x} from {friend}.",
    "{They} wins another {n}.",
    "After lunch {they} collects {n} more.",
    "An aunt sends {n} more {x}.",
    "{name} then picks up {n} more {x}.",
    "Next {they} earns {n} {x} for helping {friend}.",
    "{friend} brings {n} extra {x}.",
)
LOSSES = (
    "{They} gives {n} to {friend}.",
    "Then {they} loses {n} of them.",
    "{They} sells {n} {x}.",
    "{They} breaks {n} of the {x}.",
    "{friend} takes {n} of them.",
    "Later {they} throws {n} {x} away.",
    "{name} leaves {n} {x} at school.",
    "A dog carries off {n} {x}.",
    "{They} uses {n} of them.",
    "After that {they} hands {n} {x} to {friend}.",
)
OWNS = (
    "{name} has {n} {x}.",
    "{name} starts with {n} {x}.",
    "{name} buys {n} {x}.",
    "There are {n} {x} on the table of {name}.",
    "{name} brings {n} {x} home.",
    "In the morning {name} counts {n} {x}.",
)
GROUPS = (
    "{name} has {n} {bags} with {k} {x} in each.",
    "{name} fills {n} {bags} with {k} {x} each.",
    "{name} buys {n} {bags} of {k} {x}.",
    "There are {n} {bags} and each holds {k} {x} of {name}.",
    "For {n} days {name} gets {k} {x} a day.",
    "{name} collects {k} {x} every day for {n} days.",
)
MORE_GROUPS = (
    "Then {they} buys {n} {bags} of {k} {x}.",
    "{They} finds {n} more {bags} with {k} {x} in each.",
    "{friend} brings {n} {bags} with {k} {x} each.",
)
GIVEN_GROUPS = (
    "{They} gives {k} {x} to each of {n} friends.",
    "{They} sells {n} {bags} of {k} {x}.",
    "Then {n} cousins take {k} {x} each.",
)
SCALED = {
    2: ("{name} has twice as many {x} as {friend}.", "{name} owns double the {x} of {friend}."),
    3: ("{name} has three times as many {x} as {friend}.", "{name} owns triple the {x} of {friend}."),
    4: ("{name} has 4 times as many {x} as {friend}.",),
    5: ("{name} has 5 times as many {x} as {friend}.",),
}
NOW = (
    "How many {x} does {name} have now?",
    "How many {x} are there in the end?",
    "What number of {x} does {name} have now?",
)
SHARED = (
    "{They} puts them equally into {n} {bags}. How many {x} are in each?",
    "{They} shares them equally among {n} friends. How many {x} does each get?",
    "{name} splits the {x} evenly over {n} days. How many {x} is that a day?",
)
PRICED = (
    "{They} sells them for ${n} each. How many dollars does {name} get?",
    "Each is worth ${n}. How many dollars are the {x} worth?",
    "{friend} pays ${n} for each of them. How much does {friend} pay in dollars?",
)
JOINED = (
    "{other} has {n} {x}. How many {x} do {name} and {other} have together?",
    "{other} owns {n} {x}. How many {x} is that together with those of {name}?",
    "{name} and {other}, who has {n} {x}, put all {x} together. How many {x} is that?",
)
WANTED = (
    "{name} wants {n} {x}. How many more does {they} need?",
    "{They} needs {n} {x} for a party. How many {x} are missing?",
    "How many more {x} must {name} get to have {n}?",
)


@dataclass
class Story:
    """A story being told: who and what it is about, the value so far, and what was said and worked out.

    `other` owns nothing until the question, where `friend` may have been given a count already.
    """

    rng: random.Random
    hero: Person
    friend: Person
    other: Person
    things: str
    value: int = 0
    text: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def say(self, phrasings: tuple[str, ...], **numbers: int) -> None:
        self.text.append(
            self.rng.choice(phrasings).format(
                name=self.hero.name,
                they=self.hero.they,
                They=capital(self.hero.they),
                friend=self.friend.name,
                other=self.other.name,
                x=self.things,
                bags=self.rng.choice(BAGS),
                **numbers,
            )
        )

    def work(self, left: int, op: str, right: int) -> None:
        self.steps.append(Step(left, op, right))
        self.value = self.steps[-1].result


def story_problem(rng: random.Random) -> Problem:
    """One problem; the number of steps (two or three) and the ending are drawn first, so none is rare."""
    steps = rng.choice((2, 3))
    ending = rng.choice(("now", "now", "shared", "priced", "joined", "wanted"))
    while True:
        problem = _attempt(rng, steps, ending)
        if problem is not None:
            return problem


def _attempt(rng: random.Random, steps: int, ending: str) -> Problem | None:
    """Tell a story at random; None unless it takes `steps` steps and every number stays small."""
    hero, friend, other = people(rng, 3)
    story = Story(rng, hero, friend, other, rng.choice(THINGS))
    opening = rng.choice(("owns", "owns", "groups", "scaled", "differs"))
    _OPENINGS[opening](story)
    for _ in range(rng.choice((0, 1, 1, 2))):
        rng.choice((_gain, _gain, _loss, _loss, _gain_groups, _give_groups))(story)
    _ENDINGS[ending](story)
    if len(story.steps) != steps or not all(_small(step) for step in story.steps):
        return None
    category = ending if ending != "now" else {"owns": "change"}.get(opening, opening)
    return _finished(story, category)


def _small(step: Step) -> bool:
    if step.op == "/":
        return step.left % step.right == 0 and 1 < step.result <= 12
    if step.op == "*":
        return step.left <= 12 and step.right <= 12 and 0 < step.result <= MOST
    return 0 < step.result <= MOST and step.right <= MOST


def _finished(story: Story, category: str) -> Problem:
    last = story.steps[-1]
    misread = Step(last.left, MISREAD[last.op], last.right)
    if misread.result < 0:
        misread = Step(last.right, "-", last.left)
    return Problem(
        question=" ".join(story.text),
        steps=tuple(story.steps),
        answer=str(story.value),
        category=category,
        lure=tuple(step.text for step in (*story.steps[:-1], misread)),
        lure_answer=str(misread.result),
    )


def _owns(story: Story) -> None:
    story.value = story.rng.randint(2, 20)
    story.say(OWNS, n=story.value)


def _groups(story: Story) -> None:
    n, k = story.rng.randint(2, 6), story.rng.randint(2, 10)
    story.say(GROUPS, n=n, k=k)
    story.work(n, "*", k)


def _scaled(story: Story) -> None:
    base, factor = story.rng.randint(2, 10), story.rng.choice(tuple(SCALED))
    story.say(("{friend} has {n} {x}.",), n=base)
    story.say(SCALED[factor])
    story.work(base, "*", factor)


def _differs(story: Story) -> None:
    base, gap = story.rng.randint(4, 20), story.rng.randint(2, 15)
    story.say(("{friend} has {n} {x}.",), n=base)
    if story.rng.random() < 0.5 or gap >= base:
        story.say(("{name} has {n} more than {friend}.", "{name} owns {n} {x} more than {friend}."), n=gap)
        story.work(base, "+", gap)
    else:
        story.say(("{name} has {n} fewer than {friend}.", "{name} owns {n} {x} fewer than {friend}."), n=gap)
        story.work(base, "-", gap)


def _gain(story: Story) -> None:
    n = story.rng.randint(2, 20)
    story.say(GAINS, n=n)
    story.work(story.value, "+", n)


def _loss(story: Story) -> None:
    n = story.rng.randint(2, max(2, min(20, story.value - 1)))
    story.say(LOSSES, n=n)
    story.work(story.value, "-", n)


def _gain_groups(story: Story) -> None:
    before, n, k = story.value, story.rng.randint(2, 5), story.rng.randint(2, 6)
    story.say(MORE_GROUPS, n=n, k=k)
    story.work(n, "*", k)
    story.work(before, "+", story.value)


def _give_groups(story: Story) -> None:
    before, n, k = story.value, story.rng.randint(2, 5), story.rng.randint(2, 6)
    story.say(GIVEN_GROUPS, n=n, k=k)
    story.work(n, "*", k)
    story.work(before, "-", story.value)


def _now(story: Story) -> None:
    story.say(NOW)


def _shared(story: Story) -> None:
    # A value that nothing divides is divided by 2 here and refused by `_small`.
    n = story.rng.choice([n for n in range(2, 7) if story.value % n == 0] or [2])
    story.say(SHARED, n=n)
    story.work(story.value, "/", n)


def _priced(story: Story) -> None:
    n = story.rng.randint(2, 5)
    story.say(PRICED, n=n)
    story.work(story.value, "*", n)


def _joined(story: Story) -> None:
    n = story.rng.randint(2, 20)
    story.say(JOINED, n=n)
    story.work(story.value, "+", n)


def _wanted(story: Story) -> None:
    n = story.value + story.rng.randint(1, 20)
    story.say(WANTED, n=n)
    story.work(n, "-", story.value)


_OPENINGS = {"owns": _owns, "groups": _groups, "scaled": _scaled, "differs": _differs}
_ENDINGS = {"now": _now, "shared": _shared, "priced": _priced, "joined": _joined, "wanted": _wanted}
