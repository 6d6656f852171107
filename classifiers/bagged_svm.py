"""`bagged-svm`: support vector machines on shares of the training vectors, voting."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, StrictInt

from classifiers.costs import Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `bagged-svm`; `classifiers._svc.BaggedSVC` says what each does."""

    n_estimators: int = Field(10, ge=1)
    max_samples: Annotated[StrictInt, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)] = 0.2
    bootstrap: bool = True
    C: float = Field(1.0, gt=0)
    kernel: Literal["rbf", "linear", "poly"] = "rbf"
    gamma: PositiveFloat | Literal["scale", "auto"] = "scale"
    degree: int = Field(3, ge=1)
    coef0: float = 0.0
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    scale: Literal["none", "standard"] = "none"  # as in svm
    probability: bool = False
    tol: float = Field(1e-3, gt=0)
    max_iter: int = Field(-1, ge=-1)
    cache_size: float = Field(6000, gt=0)
    n_jobs: int | None = -1
    random_state: int | None = Field(0, ge=0)


#: The two ends of the published table: many small bags, and few large ones at the better penalty.
GRID: dict[str, list[Any]] = {"n_estimators": [5, 10], "max_samples": [0.2, 0.5], "C": [1.0, 10.0]}


def build(**params: Any) -> Any:
    """Return a `classifiers._svc.BaggedSVC`."""
    from classifiers._svc import BaggedSVC

    return BaggedSVC(**params)


#: Heads for more vectors than a bag's kernel has memory for.
INSTEAD = ("nystroem-svm", "linear-svm")


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what fitting the candidates' bags does, and whether one's kernel is too large."""
    from dataclasses import replace

    from classifiers.svm import cost as of_one

    total, large = Amount(), False
    for c in candidates:
        drawn = c["max_samples"]
        bag = int(drawn * sizes.rows) if isinstance(drawn, float) else min(drawn, sizes.rows)
        amount, too_large = of_one([c], replace(sizes, rows=max(2, bag)))
        total, large = total + amount.times(c["n_estimators"]), large or too_large
    return total, large
