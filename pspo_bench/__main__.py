"""`python -m pspo_bench` is the command line."""

import sys

from pspo_bench.cli import main

if __name__ == "__main__":
    sys.exit(main())
