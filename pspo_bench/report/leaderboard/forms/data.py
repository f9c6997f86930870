"""The leaderboard as JSON and CSV, unrounded. Their keys and fields are for programs: new ones come, old ones stay."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict

from pspo_bench.report.leaderboard.columns import change_columns, row_columns
from pspo_bench.report.leaderboard.records import Leaderboard
from pspo_bench.report.leaderboard.texts import Value
from pspo_bench.report.text import csv_text


def to_json(board: Leaderboard, command: str | None) -> str:
    made = {"generated_by": command} if command else {}
    return json.dumps({**made, **asdict(board)}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(board: Leaderboard) -> str:
    lines = list(_lines(board))
    fields = list(dict.fromkeys(name for line in lines for name in line))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_text, fields))
    writer.writerows([csv_text(line.get(name)) for name in fields] for line in lines)
    return out.getvalue()


def _lines(board: Leaderboard) -> Iterator[dict[str, Value]]:
    rows = [row for table in board.tables for row in table.rows]
    tasks = list(dict.fromkeys(task for table in board.tables for task in table.tasks))
    columns = row_columns(tasks, rows)
    for table in board.tables:
        against = table.changes
        changed = change_columns(against.base, against.rows) if against else []
        changes = {change.objective: change for change in against.rows} if against else {}
        for row in table.rows:
            line: dict[str, Value] = {"base_model": table.base_model}
            for column in columns:
                line.update(column.fields(row))
            if row.objective in changes:
                for difference in changed:
                    line.update(difference.fields(changes[row.objective]))
            yield line
