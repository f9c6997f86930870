"""`pspo-bench push`: a checkpoint and its results → a model card, and both → the Hugging Face Hub."""

from __future__ import annotations

from pspo_bench.cli.options import note, path, set_command

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from pspo_bench.publish import Assembled, Destination


def add_push(parser: argparse.ArgumentParser) -> None:
    set_command(parser, run_push)
    parser.add_argument("checkpoint", type=path, help="folder that train wrote, a model or a PEFT adapter")
    parser.add_argument("--repo-id", required=True, metavar="USER/NAME", help="made if it is not there")
    parser.add_argument(
        "--runs",
        nargs="+",
        action="extend",
        default=[],
        type=path,
        metavar="RUN",
        help="runs or result files of the checkpoint, and of its base model for the differences",
    )
    parser.add_argument("--dry-run", action="store_true", help="write the folder and list it; no network")
    parser.add_argument("-o", "--output", type=path, metavar="FOLDER", help="the folder of a dry run")
    parser.add_argument("--no-weights", action="store_true", help="everything but the weights")
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="take unfinished runs; the card says so"
    )
    _add_metadata(parser)
    _add_destination(parser)


def _add_metadata(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("metadata")
    group.add_argument("--license", metavar="ID", help="such as apache-2.0 or other; never guessed")
    group.add_argument("--license-name", metavar="NAME", help="with --license other")
    group.add_argument("--license-link", metavar="URL", help="with --license other")
    group.add_argument(
        "--base-model", metavar="USER/NAME", help="of the Hub, where the recipe names a folder"
    )
    group.add_argument("--tasks-dir", type=path, help="folder of your own task files")


def _add_destination(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("destination")
    group.add_argument("--private", action="store_true", help="make a new repository private")
    group.add_argument("--branch", "--revision", metavar="NAME", help="instead of main; made if needed")
    group.add_argument("--commit-message", metavar="TEXT", help="default: what was trained")
    group.add_argument(
        "--results-repo-id", metavar="USER/NAME", help="a data set repository that gets the result files too"
    )


def run_push(arguments: argparse.Namespace) -> int:
    from pspo_bench.errors import ConfigError, printable
    from pspo_bench.publish import PublishSettings, assemble
    from pspo_bench.publish.hub import check_repo_id, hub_token

    if arguments.output is not None and not arguments.dry_run:
        raise ConfigError("-o keeps the folder of a --dry-run; leave it out to push")
    for repo_id in filter(None, (arguments.repo_id, arguments.results_repo_id)):
        check_repo_id(repo_id)
    if not arguments.dry_run:
        hub_token()  # better now than after the work
    settings = PublishSettings(
        license=arguments.license,
        license_name=arguments.license_name,
        license_link=arguments.license_link,
        base_model=arguments.base_model,
        weights=not arguments.no_weights,
        allow_incomplete=arguments.allow_incomplete,
        tasks_dir=arguments.tasks_dir,
    )
    made = assemble(arguments.checkpoint, arguments.repo_id, arguments.runs, settings)
    for line in made.notes:
        note(f"note: {printable(line)}")
    if arguments.dry_run:
        return _dry_run(arguments, made)
    for to, files in _uploads(arguments, made):
        _push(arguments, to, files, arguments.commit_message or made.title)
    return 0


def _dry_run(arguments: argparse.Namespace, made: Assembled) -> int:
    import tempfile
    from pathlib import Path

    from pspo_bench.publish import write_folder

    folder = arguments.output or Path(tempfile.mkdtemp(prefix="pspo-bench-push-"))
    write_folder(made.files, folder)
    sizes = made.sizes()
    for name, size in sizes.items():
        print(f"{size:>14,}  {name}")
    print(f"{sum(sizes.values()):>14,}  bytes in {len(sizes)} files, for {arguments.repo_id}: {folder}")
    for to, files in _uploads(arguments, made)[1:]:
        print(f"{len(files)} result files would go to the data set {to.repo_id}, into {to.path_in_repo}/")
    return 0


def _uploads(
    arguments: argparse.Namespace, made: Assembled
) -> list[tuple[Destination, Mapping[str, bytes | Path]]]:
    from pspo_bench.errors import PublishError
    from pspo_bench.publish import Destination

    private = True if arguments.private else None
    model = Destination(arguments.repo_id, branch=arguments.branch, private=private)
    if arguments.results_repo_id is None:
        return [(model, made.files)]
    if not made.results:
        raise PublishError("--results-repo-id is given, but there are no results; give --runs RUN")
    folder = arguments.repo_id.rpartition("/")[2]
    results = Destination(arguments.results_repo_id, "dataset", arguments.branch, folder, private)
    return [(model, made.files), (results, made.results)]


def _push(
    arguments: argparse.Namespace, to: Destination, files: Mapping[str, bytes | Path], message: str
) -> None:
    import tempfile
    from pathlib import Path

    from pspo_bench.publish import upload, write_folder

    with tempfile.TemporaryDirectory(prefix="pspo-bench-push-") as temporary:
        write_folder(files, Path(temporary), link=True)
        done = upload(Path(temporary), to, message)
    if done.removed:
        note(f"replaced: {', '.join(done.removed)}")
    if done.changed:
        print(f"{done.url}: commit {done.commit}")
    else:
        print(f"{done.url}: nothing had changed since commit {done.commit}, so none was made")
