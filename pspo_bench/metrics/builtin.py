"""Imports the modules whose metrics come with the package, which registers them."""

from pspo_bench.metrics import basic
from pspo_bench.metrics.reasoning import arithmetic, form, grounding, repetition

__all__ = ["arithmetic", "basic", "form", "grounding", "repetition"]
