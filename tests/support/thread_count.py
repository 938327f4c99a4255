"""Prints how many threads this process has after the import of numpy."""

import sys
from pathlib import Path

import numpy as np

sys.stdout.write(f"{len(list(Path('/proc/self/task').iterdir()))} of numpy {np.__version__}\n")
