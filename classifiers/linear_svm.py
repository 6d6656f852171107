"""`linear-svm`: linear support vector machines, for any number of vectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat

from classifiers.costs import Amount, Sizes, linear
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `linear-svm`; `classifiers._linear_svm.LinearSVM` says what each does."""

    C: float = Field(1.0, gt=0)
    max_iter: int = Field(1000, ge=1)
    tol: float = Field(1e-4, gt=0)
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    # On, as for `softmax`: the penalty weighs all features alike.
    scale: Literal["none", "standard"] = "standard"
    n_jobs: int | None = -1


#: Four decades below those of `svm`, as for `softmax`: set beforehand, not chosen on any data.
GRID: dict[str, list[Any]] = {"C": [0.0001, 0.001, 0.01, 0.1]}


def build(**params: Any) -> Any:
    """Return a `classifiers._linear_svm.LinearSVM`."""
    from classifiers._linear_svm import LinearSVM

    return LinearSVM(**params)


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what fitting the candidates does, and whether it is more than memory allows: never."""
    return linear(len(candidates), sizes, 120, 30), False
