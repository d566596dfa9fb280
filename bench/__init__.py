"""Measurements of speed, each beside an alternative; `bench/RESULTS.md` is one run of them.

Linear algebra has one thread, as in the lens process: CPU time of a thread would not count others.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
