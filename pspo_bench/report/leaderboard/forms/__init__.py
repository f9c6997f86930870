"""The leaderboard as text: each module draws the grids of a board in one form and escapes names for it.

Names come from manifests and file names that others may have written.
"""
