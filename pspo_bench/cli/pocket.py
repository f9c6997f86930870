"""`pspo-bench pocket build`: the shipped model from scratch."""

from __future__ import annotations

from pspo_bench.cli.options import add_action, path

TYPE_CHECKING = False  # typing takes longer to import than --help may take
if TYPE_CHECKING:
    import argparse


def add_pocket(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    build = add_action(actions, "build", run_pocket_build, "make the pocket base model from scratch")
    build.add_argument("-o", "--output", type=path, required=True)
    build.add_argument("--steps", type=int)
    build.add_argument("--seed", type=int)


def run_pocket_build(arguments: argparse.Namespace) -> int:
    from pspo_bench.pocket.build import build

    settings = {
        name: getattr(arguments, name) for name in ("steps", "seed") if getattr(arguments, name) is not None
    }
    manifest = build(arguments.output, **settings)
    print(f"{arguments.output}: weights sha256 {manifest['weights_sha256']}")
    return 0
