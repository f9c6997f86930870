"""Material → the page, one self-contained file.

    page = report([Path("runs/controls")])
    write_atomic(Path("report.html"), page.html.encode())

Three walls stand between a model's text and the reader's browser: texts lie compressed in base64 until they are shown;
they are shown as text nodes alone; and a content security policy lets no script run but our own, known by its hash, and
nothing be loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pspo_bench.compare import Comparison, Contest, comparisons
from pspo_bench.errors import MissingExtraError
from pspo_bench.provenance import now
from pspo_bench.report.html import sections as make
from pspo_bench.report.html.marking import mark
from pspo_bench.report.html.material import MAX_SAMPLES, Material, gather
from pspo_bench.report.html.packing import Packed, pack, script_json
from pspo_bench.report.html.parts import Section
from pspo_bench.report.leaderboard.build import board_of
from pspo_bench.report.solution import Piece

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).resolve().parent / "page"
SCRIPTS = ("samples.js", "list.js", "browser.js")


@dataclass(frozen=True, slots=True)
class Page:
    """The page, and what is in it."""

    html: str
    title: str
    sections: tuple[Section, ...]
    n_samples: int


def report(
    paths: Sequence[Path],
    *,
    title: str | None = None,
    against: str | None = None,
    temperature: float | None = None,
    max_samples: int = MAX_SAMPLES,
    command: str = "pspo-bench report",
) -> Page:
    """The report of everything below `paths`; arguments and errors as in `material.gather`.

    Raises MissingExtraError without matplotlib, which draws the figures.
    """
    _require_matplotlib()
    material = gather(paths, against=against, temperature=temperature, max_samples=max_samples)
    name = title or default_title(paths)
    found, packed = sections(material, temperature)
    html = render(name, facts(material), found, packed, command)
    return Page(html, name, found, 0 if material.samples is None else len(material.samples))


def _require_matplotlib() -> None:
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("report", "a report")


def sections(material: Material, temperature: float | None) -> tuple[tuple[Section, ...], Packed | None]:
    compared = against_base(material)
    marks: dict[str, tuple[Piece, ...]] = {}
    flips, packed = 0, None
    if material.samples is not None:
        marks, flips = mark(material.samples)
        packed = pack(material.samples, [one.label for one in material.arms], marks)
    found = (
        make.differences(material, compared),
        make.leaderboards(board_of(material.entries, temperature=temperature, against=None)),
        make.learning(material),
        make.temperatures(material),
        make.pass_at(material, temperature),
        make.lengths(material, compared, temperature),
        make.categories(material, compared, temperature),
        make.defects(material, temperature),
        make.browser(material, len(marks), flips),
        make.origins(material),
    )
    return make.without_empty(found), packed


def against_base(material: Material) -> list[Comparison]:
    """The base with every other arm of its base model that was asked a question of its tasks."""
    base = material.base
    rivals = [
        (one.label, one.arm)
        for one in material.arms[1:]
        if one.arm.base_model == base.arm.base_model and _tasks(one.arm) & _tasks(base.arm)
    ]
    return comparisons(Contest((base.label, base.arm), tuple(rivals))) if rivals else []


def _tasks(arm: Any) -> set[str]:
    return {task for member in arm.members for task in member.scores}


def default_title(paths: Sequence[Path]) -> str:
    """The name of the study or run, of the first of several."""
    first = paths[0].resolve()
    name = first.parent.name if first.name in ("results", "runs") else first.stem
    return name if len(paths) == 1 else f"{name} and {len(paths) - 1} more"


def facts(material: Material) -> list[str]:
    """What the head of the page counts."""
    n = len(material.arms)
    seeds = {member.seed for one in material.arms for member in one.arm.members if member.seed is not None}
    counted = [f"{n} arm{'s' if n != 1 else ''}"]
    counted += [f"{len(seeds)} seed{'s' if len(seeds) != 1 else ''}"] if seeds else []
    counted.append(f"{len(material.entries)} run{'s' if len(material.entries) != 1 else ''}")
    total = sum(sum(score.samples) for entry in material.entries for score in entry.scores)
    tasks = {score.task for entry in material.entries for score in entry.scores}
    return [*counted, ", ".join(sorted(tasks)), f"{total:,} samples"]


# The page


def render(
    title: str, head: Sequence[str], found: Sequence[Section], packed: Packed | None, command: str
) -> str:
    """The sections as HTML. Everything is escaped but our own style, script and figures, and JSON that needs none."""
    from markupsafe import Markup

    from pspo_bench import __version__

    script = "\n".join(_read(name).replace('"use strict";\n', "") for name in SCRIPTS)
    script = f'"use strict";\n{script}'
    shown = [_safe(section) for section in found]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            facts=head,
            sections=shown,
            packed=packed,
            header=Markup(script_json(packed.header)) if packed else "",
            style=Markup(_read("page.css")),
            script=Markup(script),
            policy=policy(script),
            version=__version__,
            command=command,
            made=now(),
        )
    )


def policy(script: str) -> str:
    """Nothing may be loaded, and no script may run but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    allowed = [f"script-src 'sha256-{digest}'", "style-src 'unsafe-inline'", "img-src data:"]
    return "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])


def _safe(section: Section) -> dict[str, Any]:
    """The fields of a section, its figures and its `html` marked as such: who made them escaped what is in them."""
    from dataclasses import fields

    from markupsafe import Markup

    values = {f.name: getattr(section, f.name) for f in fields(section)}
    drawn = [{"svg": Markup(one.svg), "caption": one.caption} for one in section.graphics]
    return {**values, "graphics": drawn, "html": Markup(section.html)}


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
