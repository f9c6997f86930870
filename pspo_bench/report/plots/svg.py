"""A figure → an SVG element to stand inside a page, in the colours and the font of the page.

    html = f"<figure>{to_svg(learning_curves(curves))}</figure>"

The page may set `--ink`, `--muted`, `--ghost`, `--grid`, `--surface` and `--series-1` … `--series-6`; without
them the colours are those of a light page. Text stays text, so that it can be searched and read aloud.
"""

from __future__ import annotations

import hashlib
import io
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from pspo_bench.report.plots.style import THEME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"
PIXELS_PER_POINT = 96 / 72
_FONT = re.compile(r"font(-family)?: ?(?P<size>(?:[\w.]+ )*)'[^;]*")
_COLOUR = re.compile("|".join(THEME), re.IGNORECASE)
_LINK = re.compile(r"url\(#([^)]+)\)")


def to_svg(figure: Figure, title: str | None = None, prefix: str | None = None) -> str:
    """The `<svg>` element of `figure`: no prolog, nothing from outside, the same text for the same figure.

    `title` is what a screen reader says (default: the figure's label). Ids begin with `prefix` (default: a
    hash of the drawing, so that different figures may share a page; give one where the same figure stands on
    it twice).
    """
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "pspo-bench", "svg.fonttype": "none"}):
        figure.savefig(
            out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = out.getvalue()
    root = ET.fromstring(text)  # what matplotlib wrote just now, not a file of others
    _strip(root)
    _theme(root)
    _rename(root, prefix or f"plot-{hashlib.sha256(text.encode()).hexdigest()[:10]}")
    _name(root, str(title or figure.get_label() or "figure"))
    for attribute in ("width", "height"):
        root.set(attribute, f"{float(root.get(attribute, '0').removesuffix('pt')) * PIXELS_PER_POINT:.0f}")
    root.set("style", "max-width: 100%; height: auto")
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return ET.tostring(root, encoding="unicode")


def _strip(root: ET.Element) -> None:
    """Without metadata, which names outside places, and comments; the one style rule becomes an attribute."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag == f"{{{SVG}}}metadata":
                parent.remove(child)
            elif child.tag == f"{{{SVG}}}defs" and child.find(f"{{{SVG}}}style") is not None:
                parent.remove(child)  # *{stroke-linejoin: round; ...}, which would hold for the whole page
    root.set("stroke-linejoin", "round")
    root.set("stroke-linecap", "butt")


def _theme(root: ET.Element) -> None:
    """Colours → variables, in the attributes that matplotlib writes colours to, and never in text."""
    for element in root.iter():
        for attribute in ("style", "fill", "stroke"):
            value = element.get(attribute)
            if value is not None:
                value = _FONT.sub(r"font\1: \g<size>var(--font, system-ui, sans-serif)", value)
                element.set(attribute, _COLOUR.sub(_variable, value))


def _variable(found: re.Match[str]) -> str:
    colour = found[0].lower()
    return f"var({THEME[colour]}, {colour})"


def _rename(root: ET.Element, prefix: str) -> None:
    """Ids that something points to get the prefix; the others, which every figure has alike, go."""
    used = {link[1:] for element in root.iter() if (link := element.get(HREF, "")).startswith("#")}
    used |= {
        found
        for element in root.iter()
        for value in element.attrib.values()
        for found in _LINK.findall(value)
    }
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", f"{prefix}-{name}")
        if HREF in element.attrib:
            element.set(HREF, f"#{prefix}-{element.attrib[HREF][1:]}")
        for attribute, value in element.attrib.items():
            element.set(attribute, _LINK.sub(rf"url(#{prefix}-\1)", value))


def _name(root: ET.Element, title: str) -> None:
    name = ET.Element(f"{{{SVG}}}title")
    name.text = title
    root.insert(0, name)
    root.set("role", "img")
    root.set("aria-label", title)
