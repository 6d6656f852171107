"""How this package's loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# No NaN or signed zero occurs in our loops, and sums may be taken in any order; infinities stay.
_FASTMATH = {"nnan", "nsz", "contract", "reassoc"}


def jit(function: Callable[..., Any]) -> Any:
    """Compile by numba at the first call, without the interpreter's lock; kept on disk where that can be.

    numba itself is imported when the module that holds the loop is: keep such loops in modules of their own.
    """
    import numba

    try:
        return numba.njit(nogil=True, fastmath=_FASTMATH, cache=True)(function)
    except RuntimeError:  # "no locator available": no folder can be written
        return numba.njit(nogil=True, fastmath=_FASTMATH)(function)
