"""Makes `plain_loop` importable by its bare name, which importlib mode does not do by itself."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
