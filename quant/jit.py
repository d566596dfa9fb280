"""Just-in-time compilation of the lenses' inner loops, or their numpy bodies without it.

A kernel has two bodies of one meaning: loops, which numba compiles, and whole-array numpy. With
`GNOMON_NO_JIT` set, or where numba cannot be imported (a unit under MemoryDenyWriteExecute), the
numpy body serves. Compiled code is kept on disk (`NUMBA_CACHE_DIR`, else beside the source), so
only the first run of a version pays for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

NO_JIT = "GNOMON_NO_JIT"


def _numba() -> Any:
    if os.environ.get(NO_JIT, "") not in ("", "0"):
        return None
    try:
        import numba  # noqa: PLC0415 - 80 MB that only a lens process has to bear
    except (ImportError, OSError, RuntimeError):
        return None
    return numba


_found = _numba()
JIT = _found is not None
# Every kernel that is compiled, or may come to be.
_made: list[Any] = []


def kernel(plain: Callable[..., Any] | None = None) -> Callable[[F], F]:
    """Compile a function of loops; `plain` is its numpy twin, which serves where nothing compiles.

    None is for small helpers that only other kernels call: they then stay as they are. Compiled
    kernels release the interpreter's lock, and never reorder floating-point sums.
    """

    def decorate(loops: F) -> F:
        if _found is None:
            return loops if plain is None else cast(F, plain)
        try:
            made = _found.njit(cache=True, nogil=True, fastmath=False)(loops)
        except RuntimeError:
            # Nowhere to keep it: the source folder and the user's cache are both read-only.
            return cast(F, _found.njit(nogil=True, fastmath=False)(loops))
        _made.append(made)
        return cast(F, made)

    return decorate


def newly_kept() -> int:
    """Return how many kernels this process compiled and kept on disk for the next.

    The compiler's memory, some 100 MB, stays with the process that compiled.
    """
    return sum(sum(made.stats.cache_misses.values()) for made in _made)
