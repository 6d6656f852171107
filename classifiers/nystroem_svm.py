"""`nystroem-svm`: an SVM with an RBF kernel on landmarks, for any number of vectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat

from classifiers.costs import MOVED, Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `nystroem-svm`; `classifiers._nystroem.NystroemSVM` says what each does."""

    C: float = Field(1.0, gt=0)
    gamma: PositiveFloat | Literal["scale", "auto"] = "scale"
    n_components: int = Field(2048, ge=1)
    n_neighbors: int = Field(5, ge=0)
    max_iter: int = Field(1000, ge=1)
    tol: float = Field(1e-3, gt=0)
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    # Off, as for `svm`, whose kernel this is.
    scale: Literal["none", "standard"] = "none"
    cache_size: float = Field(6000, gt=0)
    n_jobs: int | None = -1
    random_state: int | None = Field(0, ge=0)


#: As for `svm`, with a smaller C: the squared hinge loss weighs what is far on the wrong side more.
GRID: dict[str, list[Any]] = {"C": [0.1, 1.0, 10.0], "gamma": ["scale"]}


def build(**params: Any) -> Any:
    """Return a `classifiers._nystroem.NystroemSVM`."""
    from classifiers._nystroem import NystroemSVM

    return NystroemSVM(**params)


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what fitting the candidates does, and whether it is more than memory allows: never."""
    kinds = {(c["gamma"], c["n_components"], c["n_neighbors"]) for c in candidates}
    widths = [(min(components, sizes.rows), neighbours) for _, components, neighbours in kinds]
    total = Amount()
    for m, neighbours in widths:
        kernel = 4.0 * sizes.rows * m
        passes = 40 * len(candidates) / len(widths)
        products = 1.0 * sizes.rows * sizes.dims * m + 3.0 * max(8192, 3 * m) * m**2 + 1.0 * m**3
        held = 24.0 * m**2 + 4.0 * m * sizes.dims + min(kernel, sizes.memory * 1e9)
        total += Amount(products, 2 * kernel, 6.0 * sizes.rows * m / 16, held)
        total += Amount(products=2.0 * sizes.rows * m * sizes.classes, streamed=MOVED * kernel).times(passes)
        if neighbours and m < sizes.rows:
            total += _beside(m, neighbours, sizes)
    return total, False


def _beside(m: int, neighbours: int, sizes: Sizes) -> Amount:
    """Return what the vectors beside a query add: what is left of each one's kernel, and finding them."""
    left = 1.0 * sizes.rows * m**2 + 1.0 * m**3
    found = 1.0 * sizes.asked * (sizes.rows * sizes.dims + 2 * m**2 + (neighbours + 1) * m * sizes.dims)
    held = 4.0 * sizes.rows * sizes.dims + 24.0 * m**2 + 4.0 * m * sizes.dims
    return Amount(products=left + found, held=held)
