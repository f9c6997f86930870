"""Objectives from outside pspo-bench."""
