"""Checkpoint + results → a folder with a model card, and that folder → the Hugging Face Hub.

    made = assemble(Path("runs/pspo-s0"), "user/name", [Path("runs/pspo-eval")], PublishSettings(license="mit"))
    write_folder(made.files, Path("folder"))       # what --dry-run does; no network
    upload(Path("folder"), Destination("user/name"), "pspo after 60 optimiser steps")

What goes up is the model, its manifest, recipe and training log, the learning curves, and result files, which hold
counts and no text: no question and no completion of a benchmark. Resume points and optimizer state never do.
"""

from pspo_bench.publish.folder import Assembled, assemble, write_folder
from pspo_bench.publish.hub import Destination, Uploaded, hub_token, upload
from pspo_bench.publish.settings import PublishSettings

__all__ = [
    "Assembled",
    "Destination",
    "PublishSettings",
    "Uploaded",
    "assemble",
    "hub_token",
    "upload",
    "write_folder",
]
