"""What a publication says beyond the checkpoint itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """`license` is never guessed: None leaves the card without one. `base_model` is the Hub id of the model that was
    trained from, where the manifest names a folder or a built-in model; `weights=False` leaves the weights at home.
    """

    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    base_model: str | None = None
    weights: bool = True
    allow_incomplete: bool = False
    tasks_dir: Path | None = None
