"""Values as callers give them, NumPy's among them, as those that JSON and YAML have."""

from __future__ import annotations

from typing import Any

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Return a value with NumPy's scalars and arrays, tuples and ranges in it as numbers and lists.

    Examples
    --------
    >>> import numpy as np
    >>> plain({"C": np.logspace(0, 2, 3), "degree": np.int64(2), "gamma": ("scale", 0.1)})
    {'C': [1.0, 10.0, 100.0], 'degree': 2, 'gamma': ['scale', 0.1]}
    """
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {plain(name): plain(inside) for name, inside in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(inside) for inside in value]
    return value
