"""`knn`: nearest neighbours."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from classifiers.costs import Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `knn`; `classifiers._knn.KNN` says what each does."""

    n_neighbors: int = Field(5, ge=1)
    weights: Literal["uniform", "distance"] = "uniform"
    metric: Literal["minkowski", "euclidean", "manhattan"] = "minkowski"
    # Trees find the same neighbours; in hundreds of dimensions they only do it more slowly (see KNN).
    algorithm: Literal["auto", "brute", "ball_tree", "kd_tree"] = "auto"
    # Off, as the published systems did: the parts of HOG or of a normalised embedding compare as they are.
    scale: Literal["none", "standard"] = "none"
    n_jobs: int | None = -1


#: The published grid; minkowski (p = 2) is euclidean and is not searched twice.
GRID: dict[str, list[Any]] = {
    "n_neighbors": [1, 5, 10, 30, 50, 70, 100],
    "weights": ["uniform", "distance"],
    "metric": ["euclidean", "manhattan"],
}


def build(**params: Any) -> Any:
    """Return a `classifiers._knn.KNN`."""
    from classifiers._knn import KNN

    return KNN(**params)


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what the candidates' searches do, and whether it is more than memory allows: never."""
    total, compared = Amount(held=4.0 * sizes.rows * sizes.dims), 1.0 * sizes.rows * sizes.asked
    for metric in {c["metric"] == "manhattan" for c in candidates}:
        products = compared * sizes.dims * (4 if metric else 1)
        total += Amount(products=products, steps=compared / 4, held=400e6)
    return total, False
