"""`own`: what a network says by itself, so that it stands in the same table as the heads on its vectors."""

from __future__ import annotations

from typing import Any

from classifiers.registry import HeadParams


class Params(HeadParams):
    """`own` has no parameters."""


GRID: dict[str, list[Any]] = {}


def build() -> Any:
    """Return a `classifiers._own.Own`."""
    from classifiers._own import Own

    return Own()
