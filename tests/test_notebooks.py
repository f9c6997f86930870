"""The notebooks of docs/: executed from top to bottom, and kept without outputs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs" / "notebooks").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_kept_without_outputs(path: Path) -> None:
    for cell in read(path).cells:
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


@pytest.mark.slow
def test_worked_example_runs_and_says_what_its_text_says() -> None:
    from nbclient import NotebookClient

    (path,) = [path for path in NOTEBOOKS if path.stem == "worked-example"]
    book = read(path)
    NotebookClient(book, timeout=110, resources={"metadata": {"path": str(path.parent)}}).execute()
    outputs = {
        cell.source: "".join(str(data) for out in cell.outputs for data in out.get("data", {}).values())
        for cell in book.cells
        if cell.cell_type == "code"
    }
    figures = [text for source, text in outputs.items() if "pb.plots." in source]
    assert len(figures) == 3
    assert all("iVBORw0KGgo" in text for text in figures)  # PNG, in base64
    mine = outputs['pb.compare(mine, base="before")']
    # 20 questions won, none lost: McNemar's exact p is 2 / 2 ** 20
    assert re.search(r"<td[^>]*>&lt;0\.001</td>", mine)
    assert re.search(r"<td[^>]*>20</td><td[^>]*>0</td></tr>", mine)
