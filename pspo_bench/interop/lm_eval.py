"""Logs of lm-eval (the Language Model Evaluation Harness): `samples_<task>_<time>.jsonl`, a row a question and filter.

The same completions stand under every filter; they become samples once, with the score of each filter. What the rows
do not say (model, versions, seed, chat template) is in `results_<time>.json` beside them. Source: lm-eval 0.4.13,
`loggers/evaluation_tracker.py` and `result_schema.py` (https://github.com/EleutherAI/lm-evaluation-harness).

    {"doc_id": 0, "doc": {"question": ...}, "target": "72", "arguments": {"gen_args_0": {"arg_0": "<prompt>",
     "arg_1": {"until": [...], "temperature": 0.0}}}, "resps": [["... #### 72"]], "filtered_resps": ["72"],
     "filter": "strict-match", "metrics": ["exact_match"], "exact_match": 1.0}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pspo_bench.errors import DataError
from pspo_bench.interop.reading import Record, clean, is_number, json_file, json_lines
from pspo_bench.interop.source import Drawn, Origin, Score, Source, SourceRow
from pspo_bench.records import short_hash

FORMAT = "lm-eval"
EXTRA = "pspo_bench"
"""The key under which our own exports carry, per completion, what lm-eval's rows have no place for."""
DEFAULT_MAX_TOKENS = 256
"""What lm-eval's backends generate where a task does not say (`max_gen_toks`)."""
_NOT_SCORES = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}


def read(path: Path) -> Source:
    """The completions of a samples file. Raises DataError naming the line that is not as lm-eval writes it."""
    task, results = task_of(path), _results(path)
    origin = _origin(results, path, task)
    seed = results.record("config").whole("torch_seed") or 0
    first_only = _filters_that_take_first(results, task)
    rows = (row for record in json_lines(path) for row in _rows(record, seed, first_only))
    return Source(origin, rows)


def task_of(path: Path) -> str:
    """`samples_gsm8k_2026-11-22T23-43-18.688708.jsonl` → gsm8k"""
    return path.stem.removeprefix("samples_").rpartition("_")[0] or path.stem


def _results(path: Path) -> Record:
    """The results file of the same time, or the only one beside `path`; nothing if there is none."""
    same_time = path.with_name(f"results_{path.stem.rpartition('_')[2]}.json")
    found = [same_time] if same_time.is_file() else sorted(path.parent.glob("results_*.json"))
    return json_file(found[0]) if len(found) == 1 else Record({}, str(path))


def _origin(results: Record, path: Path, task: str) -> Origin:
    config = results.record("config")
    version, own = results.text("lm_eval_version"), results.text("pspo_bench_version")
    harness = f"{FORMAT} {version}" if version else f"pspo-bench {own}" if own else FORMAT
    template = results.data.get("chat_template")
    return Origin(
        format=FORMAT,
        harness=harness,
        model=results.text("model_name"),
        revision=config.text("model_sha") or "",
        dtype=(config.text("model_dtype") or "").removeprefix("torch."),
        device=config.text("device") or "",
        task=task,
        system_prompt_hash=short_hash(results.text("system_instruction") or ""),
        chat_template_hash=short_hash(template) if template else "",
        num_fewshot=results.record("n-shot").whole(task) or 0,
    )


def _filters_that_take_first(results: Record, task: str) -> set[str]:
    """The filters whose score is that of the first completion alone, where there are several."""
    names = set()
    for item in results.record("configs").record(task).items("filter_list"):
        one = Record(item, results.where)
        steps = [Record(step, results.where).text("function") for step in one.items("filter")]
        if steps and steps[-1] == "take_first":
            names.add(one.text("name") or "none")
    return names


def _rows(row: Record, seed: int, first_only: set[str]) -> Iterator[SourceRow]:
    texts = _completions(row)
    prompt, kwargs = _arguments(row)
    name = row.text("filter") or "none"
    target, doc = row.label("target"), row.record("doc")
    whole = SourceRow(
        where=row.where,
        completion="",
        golds=() if target is None else (target,),
        drawn=_drawn(kwargs, seed),
        position=row.whole("doc_id"),
        questions=_texts(doc, prompt),
        fields=doc.data,
        prompt_hash=short_hash(prompt),
    )
    scores = tuple(_scores(row, name, of_question=len(texts) > 1 and name not in first_only))
    extra = row.record(EXTRA)
    for index, text in enumerate(texts):
        one = replace(whole, completion=text, sample_index=index)
        one = replace(one, scores=scores if index == 0 else ())
        yield _with_extra(one, extra, index) if extra.data else one


def _completions(row: Record) -> list[str]:
    """The repeats of the one request of a generation task; `resps` is requests × repeats."""
    requests = row.items("resps")
    repeats = requests[0] if len(requests) == 1 and isinstance(requests[0], list) else requests
    if not repeats or not all(isinstance(text, str) for text in repeats) or len(requests) != 1:
        raise DataError(
            f"{row.where}: 'resps' does not hold completions of one request; only generation tasks "
            f"(output_type generate_until) can be imported, not log-likelihoods"
        )
    return [clean(text) for text in repeats]


def _arguments(row: Record) -> tuple[str, Record]:
    """The prompt and the generation settings: `arguments` is an object (0.4.3 and later) or a list of pairs.

    Chat backends log a conversation in the place of the prompt.
    """
    given = row.data.get("arguments")
    where = f"{row.where}, 'arguments'"
    if isinstance(given, dict):
        first = Record(given.get("gen_args_0") or {}, where)
        pair = [first.data.get("arg_0"), first.data.get("arg_1")]
    else:
        pair = given[0] if isinstance(given, list) and given and isinstance(given[0], list) else []
    if len(pair) < 2 or not isinstance(pair[0], str | list) or not isinstance(pair[1], dict):
        raise DataError(f"{where} does not hold a prompt and generation settings; is it a generation task?")
    prompt = pair[0] if isinstance(pair[0], str) else json.dumps(pair[0])
    return clean(prompt), Record(pair[1], where)


def _drawn(kwargs: Record, seed: int) -> Drawn:
    """`do_sample` false is greedy whatever the temperature; without either, lm-eval is greedy."""
    sampled, temperature = kwargs.data.get("do_sample"), kwargs.number("temperature")
    if sampled is False:
        temperature = 0.0
    until = kwargs.data.get("until") or []
    stops = [until] if isinstance(until, str) else until
    if not isinstance(stops, list) or not all(isinstance(text, str) for text in stops):
        kwargs.refuse("until", "text or a list of texts")
    limits = [kwargs.whole(name) for name in ("max_gen_toks", "max_new_tokens", "max_tokens")]
    top_p = kwargs.number("top_p", 0, 1)
    return Drawn(
        temperature=temperature if temperature is not None else 1.0 if sampled is True else 0.0,
        top_p=1.0 if top_p is None else top_p,
        top_k=kwargs.whole("top_k") or 0,
        min_p=kwargs.number("min_p", 0, 1) or 0.0,
        max_tokens=next((limit for limit in limits if limit), DEFAULT_MAX_TOKENS),
        stop=json.dumps([clean(text) for text in stops], ensure_ascii=False),
        seed=seed,
    )


def _texts(doc: Record, prompt: str) -> tuple[str, ...]:
    """Texts that may be the question: those of the data set's row. Prompts hold other questions too (few-shot)."""
    found = [value for value in doc.data.values() if isinstance(value, str) and value.strip()]
    named = [doc.data.get(name) for name in ("question", "problem", "query", "input", "prompt")]
    first = [value for value in named if isinstance(value, str) and value.strip()]
    return tuple(dict.fromkeys(map(clean, [*first, *found]))) or (prompt,)


def _scores(row: Record, name: str, *, of_question: bool) -> Iterator[Score]:
    """The figures of a row: those that `metrics` names; before 0.4.9, every other number of the row."""
    metrics = [str(item) for item in row.items("metrics")] or [
        key for key, value in row.data.items() if key not in _NOT_SCORES and is_number(value)
    ]
    for metric in metrics:
        value = row.data.get(metric)
        if isinstance(value, bool) or is_number(value):
            yield Score(f"{clean(metric)}[{name}]", float(value), of_question)  # type: ignore[arg-type]


def _with_extra(row: SourceRow, extra: Record, index: int) -> SourceRow:
    """A row of our own export: what lm-eval's columns cannot say of the completion number `index`."""
    from pspo_bench.interop import plain

    lists = {name: extra.items(name) for name in extra.data if isinstance(extra.data[name], list)}
    short = [name for name, values in lists.items() if len(values) <= index]
    if short:
        raise DataError(f"{extra.where}: '{short[0]}' has {len(lists[short[0]])} entries, fewer than 'resps'")
    one = {**extra.data, **{name: values[index] for name, values in lists.items()}}
    own = plain.to_row(Record({**one, "completion": row.completion}, extra.where))
    temperature = replace(own.drawn, temperature=row.drawn.temperature)
    return replace(own, **{name: getattr(row, name) for name in _KEPT}, drawn=temperature)


_KEPT = ("where", "golds", "position", "questions", "fields", "scores")
