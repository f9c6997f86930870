"""The built-in objectives, by room: importing this registers them all.

`token_level`: reinforce, unclipped, clip, dual-clip, pspo, cispo, spo. `gates`: sapo and the other soft gates.
`sequence_level`: gspo, gmpo, topr, vespo. Papers, weights and defaults in docs/objectives.md.
"""

from pspo_bench.objectives import gates, sequence_level, token_level

__all__ = ["gates", "sequence_level", "token_level"]
