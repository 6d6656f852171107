"""How our loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

# No NaN or signed zero occurs in our loops, and sums may be taken in any order; infinities stay.
_FASTMATH = {"nnan", "nsz", "contract", "reassoc"}


def jit(function: Callable[..., Any]) -> Any:
    """Compile by numba, without the interpreter's lock; kept on disk where a folder can be written.

    The first call on a machine compiles for a few seconds. numba keeps the result beside this package, or
    in the user's cache folder if that cannot be written, or nowhere: then each process compiles anew.
    """
    try:
        return numba.njit(nogil=True, fastmath=_FASTMATH, cache=True)(function)
    except RuntimeError:  # "no locator available": neither folder can be written
        return numba.njit(nogil=True, fastmath=_FASTMATH)(function)
