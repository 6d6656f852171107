"""`local-svm`: a support vector machine of its own for each sample, fitted on its nearest neighbours."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat

from classifiers.costs import Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `local-svm`; `classifiers._local.LocalSVC` says what each does."""

    n_neighbors: int = Field(200, ge=2)
    C: float = Field(1.0, gt=0)
    kernel: Literal["linear", "rbf"] = "rbf"
    gamma: PositiveFloat | Literal["scale", "auto"] = "scale"
    # Off, as for `svm`: an embedding's dimensions carry meaning in their size.
    scale: Literal["none", "standard"] = "none"
    tol: float = Field(1e-3, gt=0)
    n_jobs: int | None = -1


#: Around the paper's 200 neighbours.
GRID: dict[str, list[Any]] = {"n_neighbors": [100, 200, 400], "C": [0.1, 1.0, 10.0]}


def build(**params: Any) -> Any:
    """Return a `classifiers._local.LocalSVC`."""
    from classifiers._local import LocalSVC

    return LocalSVC(**params)


#: Heads for more vectors than each can be compared with.
INSTEAD = ("nystroem-svm", "linear-svm")


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what answering for the candidates does, and whether the vectors are more than memory allows."""
    k = max(min(c["n_neighbors"], sizes.rows) for c in candidates)
    near = 1.0 * sizes.rows * sizes.dims
    solved = 10.0 * sizes.asked * k**2 * len(candidates)
    products = near * sizes.asked + 1.0 * sizes.asked * k**2 * sizes.dims
    held = 4 * near
    return Amount(products, steps=sizes.rows * sizes.asked / 4 + solved, held=held), held > sizes.memory * 1e9
