"""How our loops are compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import numpy as np

try:
    import numba
except ImportError:
    numba = None  # type: ignore[assignment]

# No NaN or signed zero occurs in our loops, and sums may be taken in any order; infinities stay.
_FASTMATH = {"nnan", "nsz", "contract", "reassoc"}


def jit(function: Callable[..., Any]) -> Any:
    """Compile by numba, without the interpreter's lock; kept on disk where a folder can be written.

    The first call on a machine compiles for a few seconds. numba keeps the result beside this package, or
    in the user's cache folder if that cannot be written, or nowhere: then each process compiles anew.
    Without numba Python runs the loops: the same results, a hundred times slower.
    """
    if numba is None:
        return _interpreted(function)
    try:
        return numba.njit(nogil=True, fastmath=_FASTMATH, cache=True)(function)
    except RuntimeError:  # "no locator available": neither folder can be written
        return numba.njit(nogil=True, fastmath=_FASTMATH)(function)


def _interpreted(function: Callable[..., Any]) -> Any:
    @wraps(function)
    def run(*args: Any) -> Any:
        _say_slow()
        with np.errstate(over="ignore"):  # the generator of random numbers wraps around
            return function(*args)

    return run


@cache
def _say_slow() -> None:
    warnings.warn("fits are slow without numba: pip install 'mueca[fit]'", stacklevel=4)
