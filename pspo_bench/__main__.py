"""`python -m pspo_bench` is the command line."""

import sys

from pspo_bench.cli import main

sys.exit(main())
