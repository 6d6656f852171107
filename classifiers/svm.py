"""`svm`: support vector classification."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat

from classifiers.costs import Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `svm`, by scikit-learn's names; `classifiers._svc.SVC` says what each does."""

    C: float = Field(1.0, gt=0)
    kernel: Literal["rbf", "linear", "poly"] = "rbf"
    gamma: PositiveFloat | Literal["scale", "auto"] = "scale"
    degree: int = Field(3, ge=1)
    coef0: float = 0.0
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    # Off: the published systems did without, and HOG's cells carry meaning in their size (HOG on FER2013,
    # C=10: 59.56 % without). gamma="scale" already fits the kernel's width to the vectors' variance.
    scale: Literal["none", "standard"] = "none"
    probability: bool = False
    decision_function_shape: Literal["ovr", "ovo"] = "ovr"
    break_ties: bool = False
    tol: float = Field(1e-3, gt=0)
    max_iter: int = Field(-1, ge=-1)
    cache_size: float = Field(6000, gt=0)
    n_jobs: int | None = -1
    random_state: int | None = Field(0, ge=0)


#: The penalties of the published grids; gamma="scale" won all of them and adapts to any vectors.
GRID: dict[str, list[Any]] = {"C": [1.0, 10.0, 100.0], "gamma": ["scale"]}


def build(**params: Any) -> Any:
    """Return a `classifiers._svc.SVC`."""
    from classifiers._svc import SVC

    return SVC(**params)


#: Heads for more vectors than a kernel of all of them has memory for.
INSTEAD = ("nystroem-svm", "linear-svm")


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what fitting the candidates does, and whether the kernel is larger than memory allows."""
    gammas = {(c["kernel"], c["gamma"]) for c in candidates}
    n, pair = 1.0 * sizes.rows, 2.0 * sizes.rows / max(2, sizes.classes)
    whole, part = 4 * (n**2 + pair**2), 4 * pair**2
    # Pairs that lie in memory are multiplied anew for each gamma; of larger ones, rows again and again.
    too_large = whole > sizes.memory * 1e9
    slower = 1.0 if not too_large else 3.0 if part <= sizes.memory * 1e9 else 20.0
    products = n**2 * sizes.dims / 2 * (len(gammas) if too_large else 1)
    solving = Amount(streamed=20.0 * n**2, steps=2.0 * n**2).times(len(candidates))
    held = min(whole, sizes.memory * 1e9)
    return Amount(products=products, held=held).times(slower) + solving.times(slower), too_large
