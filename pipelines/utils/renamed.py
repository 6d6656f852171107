"""Fields of a recipe that have new names: the old ones are read for one version, with a line that says so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any

log = logging.getLogger(__name__)


def with_new_names(given: Any, names: Mapping[str, str]) -> Any:
    """Return a recipe's fields under their new names.

    Parameters
    ----------
    given : mapping or any
        What a recipe was given; anything but a mapping is returned as it is.
    names : mapping
        Old name -> new name.

    Raises
    ------
    ValueError
        If a field is given under both names.

    Examples
    --------
    >>> with_new_names({"side": 4}, {"tile": "clahe_tile"})
    {'side': 4}
    """
    if not isinstance(given, Mapping):
        return given
    old = [name for name in names if name in given]
    if twice := [name for name in old if names[name] in given]:
        raise ValueError(f"{twice[0]} is the old name of {names[twice[0]]}; give {names[twice[0]]} alone")
    for name in old:
        _warn(name, names[name])
    return {names.get(name, name): value for name, value in given.items()}


@cache
def _warn(old: str, new: str) -> None:
    """Say it once, however many recipes use the old name."""
    log.warning("recipe: %s is now %s; the old name works for one version", old, new)
