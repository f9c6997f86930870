"""What every section of a recipe, study or other TOML file is: a class whose fields are the keys that it may have."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: immutable, and a key that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
