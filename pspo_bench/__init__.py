"""pspo-bench: train language models with different trust regions, score them, say honestly which is better."""

__version__ = "0.1.0"
