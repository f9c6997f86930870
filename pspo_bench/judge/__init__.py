"""A language model as judge of how solutions argue, under controls: a rubric, a blinded arena, and what they are worth.

    judge = Judge(open_judge(settings), settings, Cache(folder / "calls.jsonl"))
    result = compare(judge, load_items([clip, pspo], Selection(limit=200)), canaries=8)
    print(arena_page(result).to("terminal"))

Optional: nothing else of the package needs it. `data` makes texts harmless, `prompts` says what is asked, `reply` what
is taken for an answer, `calls` asks (cache, caps, repair), `canaries` are texts whose verdict is known, `rubric` and
`arena` put it together, `standings` and `bradley_terry` count, `agreement`, `sheets` and `raters` bring humans in.
"""

from pspo_bench.judge.arena import ArenaResult, compare
from pspo_bench.judge.cache import Cache
from pspo_bench.judge.calls import Call, Judge, Reply
from pspo_bench.judge.canaries import DEFAULT_COUNT
from pspo_bench.judge.items import Loaded, Selection, load_items
from pspo_bench.judge.plan import plan_lines
from pspo_bench.judge.raters import agreements, judge_ratings
from pspo_bench.judge.render import agreement_page, arena_page, rubric_page, write_page, write_result
from pspo_bench.judge.rubric import RubricResult, grade
from pspo_bench.judge.settings import JudgeSettings, open_judge
from pspo_bench.judge.sheets import export_sheet, read_key, read_sheet

__all__ = [
    "DEFAULT_COUNT",
    "ArenaResult",
    "Cache",
    "Call",
    "Judge",
    "JudgeSettings",
    "Loaded",
    "Reply",
    "RubricResult",
    "Selection",
    "agreement_page",
    "agreements",
    "arena_page",
    "compare",
    "export_sheet",
    "grade",
    "judge_ratings",
    "load_items",
    "open_judge",
    "plan_lines",
    "read_key",
    "read_sheet",
    "rubric_page",
    "write_page",
    "write_result",
]
