"""How much memory kernels may take: words to numbers, and a head held to it."""

from __future__ import annotations

import math
import os
import re
from typing import Any

_UNITS = {
    "b": 1e-9,
    "kb": 1e-6, "mb": 1e-3, "gb": 1.0, "tb": 1e3,
    "kib": 2**10 / 1e9, "mib": 2**20 / 1e9, "gib": 2**30 / 1e9, "tib": 2**40 / 1e9,
}  # fmt: skip
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d+))?\s*([kmgt]?i?b)\s*", re.IGNORECASE)
#: What kernels may take where nobody says, if half of the machine's memory is not less.
DEFAULT_GB = 8.0


def gigabytes(memory: float | str | None) -> float:
    """Return what `memory` means in gigabytes (1e9 bytes).

    Parameters
    ----------
    memory : str, float or None
        ``"4GB"``, ``"500 MB"``, ``"2GiB"``; a number of gigabytes; None for 8, or half of what the machine
        has if that is less.

    Raises
    ------
    ValueError
        If it cannot be read, or is not above 0.
    """
    if memory is None:
        return min(DEFAULT_GB, _installed() / 2)
    if isinstance(memory, str):
        found = _WRITTEN.fullmatch(memory)
        if found is None:
            raise ValueError(f"memory {memory!r}: give a number with a unit, such as 4GB or 500MB")
        number, exponent, unit = found.groups()
        memory = float(f"{number}e{exponent or 0}") * _UNITS[unit.lower()]
    if not memory > 0 or math.isinf(memory):
        raise ValueError(f"memory {memory:g}: it must be above 0, such as 4GB")
    return float(memory)


def _installed() -> float:
    """Return the machine's memory in gigabytes; infinity where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, OSError, ValueError):
        return math.inf


def bounded(estimator: Any, memory: float | str | None) -> Any:
    """Return a head whose own kernels keep to `memory` too; one without kernels as it is.

    Of a Pipeline it is the last step that has them.
    """
    allowed = gigabytes(memory) * 1000
    steps = getattr(estimator, "steps", None)
    last, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (estimator, "")
    if getattr(last, "cache_size", 0) <= allowed:
        return estimator
    from sklearn.base import clone

    return clone(estimator).set_params(**{f"{prefix}cache_size": allowed})
