"""lighteval 0.13 without its own tasks, some of which need the Internet to be loaded, and with xxhash 4.

xxhash 4 takes bytes only, and lighteval 0.13 hands it text.
"""

import xxhash
from lighteval.tasks.registry import Registry

Registry._load_from_files = staticmethod(lambda *_: {})
Registry._load_from_subdirs = staticmethod(lambda *_: {})
of_bytes = xxhash.xxh64
xxhash.xxh64 = lambda *given: of_bytes(*(one.encode() if isinstance(one, str) else one for one in given))

from lighteval.__main__ import app  # noqa: E402

app()
