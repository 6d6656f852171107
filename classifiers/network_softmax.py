"""`network-softmax`: the classifier that a network was trained with, beside the heads on its vectors."""

from __future__ import annotations

from typing import Any

from classifiers.registry import HeadParams


class Params(HeadParams):
    """`network-softmax` has no parameters."""


GRID: dict[str, list[Any]] = {}


def build() -> Any:
    """Return a `classifiers._own.Own`."""
    from classifiers._own import Own

    return Own()
