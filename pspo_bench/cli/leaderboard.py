"""`pspo-bench leaderboard`: runs and result files → tables."""

from __future__ import annotations

import argparse

from pspo_bench.cli.options import note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

    from pspo_bench.report import Leaderboard
    from pspo_bench.report.leaderboard.blocks import Block

SUFFIXES = {".md": "markdown", ".tex": "latex", ".html": "html", ".csv": "csv", ".json": "json"}


def add_leaderboard(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_leaderboard)
    _add_content(parser, "*")
    form = parser.add_argument_group("form")
    form.add_argument("--format", choices=("terminal", *SUFFIXES.values()))
    form.add_argument(
        "--fragment", action="store_true", help="without what makes it a document: to be put into one"
    )
    form.add_argument(
        "-o",
        "--output",
        type=path,
        help="write to this file, in the form that its name ends in (.md, .tex, ...)",
    )
    form.add_argument(
        "--update",
        type=path,
        metavar="FILE",
        help="replace what FILE has between the markers <!-- pspo-bench leaderboard: begin --> and end; without"
        " RUNS, every block by the arguments in its marker",
    )
    form.add_argument("--block", metavar="NAME", help="with --update and RUNS: the block to replace")
    form.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if the file would change"
    )


def _add_content(parser: argparse.ArgumentParser, number: str) -> None:
    """What is in the tables: all that a marker may say."""
    parser.add_argument(
        "runs", nargs=number, type=path, help="run folders, result files, or folders that hold them"
    )
    parser.add_argument("--reported", action="store_true", help="add the figures that the paper states")
    parser.add_argument("--temperature", type=float, help="instead of each run's headline temperature")
    parser.add_argument(
        "--against",
        metavar="ARM",
        default="auto",
        help="show differences from this row, named as in the table or by the beginning of its name; none: no"
        " differences (default: from base, where there is such a row)",
    )


def run_leaderboard(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError

    if arguments.update:
        return _update(arguments)
    if not arguments.runs:
        raise ConfigError(
            "No runs given; pass run folders, result files or folders of them, or --update FILE"
        )
    if arguments.block:
        raise ConfigError("--block names a block of a file; pass --update FILE as well")
    if arguments.check and not arguments.output:
        raise ConfigError("--check compares with a file; pass -o FILE or --update FILE as well")
    form = arguments.format or _form_of(arguments.output)
    command = _command(arguments)
    if arguments.fragment:
        command += " --fragment"
    if arguments.output:
        named = "" if form == _form_of(arguments.output) else f" --format {form}"
        command += f"{named} -o {_quoted(arguments.output)}"
    text = _text(_board(arguments), form, command, fragment=arguments.fragment)
    if not arguments.output:
        print(text)
        return 0
    return _write(arguments.output, text.encode(), check=arguments.check)


def _form_of(output: Path | None) -> str:
    return SUFFIXES.get(output.suffix.lower(), "markdown") if output else "terminal"


def _board(arguments: argparse.Namespace) -> Leaderboard:
    from pspo_bench.report import leaderboard

    against = None if arguments.against == "none" else arguments.against
    return leaderboard(
        arguments.runs,
        reported=arguments.reported,
        temperature=arguments.temperature,
        against=against,
    )


def _text(board: Leaderboard, form: str, command: str, *, fragment: bool) -> str:
    if form == "markdown":
        return board.to_markdown(command, fragment=fragment)
    if form == "latex":
        return board.to_latex(command, fragment=fragment)
    if form == "html":
        return board.to_html(command, fragment=fragment)
    if form == "json":
        return board.to_json(command)
    return board.to_csv() if form == "csv" else board.to_terminal()


def _command(arguments: argparse.Namespace) -> str:
    """The command line that makes these tables, without where they go."""
    parts = ["pspo-bench leaderboard", *map(_quoted, arguments.runs)]
    if arguments.reported:
        parts.append("--reported")
    if arguments.temperature is not None:
        parts.append(f"--temperature {arguments.temperature:g}")
    if arguments.against != "auto":
        parts.append(f"--against {_quoted(arguments.against)}")
    return " ".join(parts)


def _quoted(value: object) -> str:
    from shlex import quote

    return quote(str(value))


def _write(output: Path, data: bytes, *, check: bool) -> int:
    """Write what is new; with `check` only say whether there is any."""
    from pspo_bench.store import write_atomic

    if output.is_file() and output.read_bytes() == data:
        return 0
    if check:
        note(f"{output} is not up to date; run the command without --check")
        return 1
    write_atomic(output.resolve(), data)  # of a link, the file it leads to
    return 0


# Blocks of a file


def _update(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError
    from pspo_bench.report.leaderboard.blocks import blocks, filled

    if arguments.output or arguments.format not in (None, "markdown"):
        raise ConfigError("--update writes Markdown into its file; leave out -o and --format")
    try:
        text = arguments.update.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {arguments.update} as UTF-8 text: {error}; check the path") from error
    found = blocks(text, str(arguments.update))
    if arguments.runs:
        wanted = {_chosen(found, arguments): arguments}
    else:
        wanted = {block: _of_marker(block, arguments.update) for block in found}
    contents = {
        block: _text(_board(a), "markdown", _command(a), fragment=True) for block, a in wanted.items()
    }
    return _write(arguments.update, filled(text, contents).encode(), check=arguments.check)


def _chosen(found: list[Block], arguments: argparse.Namespace) -> Block:
    from pspo_bench.errors import ConfigError, unknown

    if arguments.block is None and len(found) == 1:
        return found[0]
    named = [block for block in found if block.name == (arguments.block or "")]
    if not named:
        names = [block.name for block in found if block.name]
        if arguments.block is None:
            raise ConfigError(f"{arguments.update} has several blocks; pass --block: {', '.join(names)}")
        raise ConfigError(unknown("block", arguments.block, names, str(arguments.update)))
    return named[0]


def _of_marker(block: Block, file: Path) -> argparse.Namespace:
    """The arguments in a marker. Only what the tables hold can be said there: no place to write to."""
    import shlex

    from pspo_bench.errors import ConfigError

    where = f"the marker{f' of {block.name}' if block.name else ''} in {file}"
    if not block.arguments:
        raise ConfigError(f"No runs in {where}; write them behind 'begin', or pass them with --update")
    parser = _MarkerParser(prog=where, add_help=False, allow_abbrev=False)
    _add_content(parser, "+")
    try:
        return parser.parse_args(shlex.split(block.arguments))
    except ValueError as error:
        raise ConfigError(f"Cannot read {where}: {error}; quote it as for a shell") from error


class _MarkerParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        from pspo_bench.errors import ConfigError

        raise ConfigError(f"Cannot read {self.prog}: {message}")
