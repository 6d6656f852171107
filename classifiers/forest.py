"""`forest`: random forest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, StrictInt

from classifiers.costs import Amount, Sizes
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `forest`; `classifiers._forest.Forest` says what each does."""

    # Trees cut features one by one: scaling would change nothing, so there is no `scale`.
    n_estimators: int = Field(300, ge=1)
    criterion: Literal["gini", "entropy", "log_loss"] = "gini"
    max_depth: Annotated[int, Field(ge=1)] | None = None
    min_samples_split: int = Field(2, ge=2)
    min_samples_leaf: int = Field(1, ge=1)
    max_features: (
        Annotated[StrictInt, Field(ge=1)]
        | Annotated[float, Field(gt=0, le=1)]
        | Literal["sqrt", "log2"]
        | None
    ) = "sqrt"
    bootstrap: bool = True
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    n_jobs: int | None = -1
    random_state: int | None = Field(0, ge=0)


#: Around the best of the published grid (no bootstrap, split 5, leaf 3, gini).
GRID: dict[str, list[Any]] = {
    "n_estimators": [300],
    "max_depth": [20, None],
    "bootstrap": [True, False],
    "min_samples_leaf": [1, 3],
}


def build(**params: Any) -> Any:
    """Return a `classifiers._forest.Forest`."""
    from classifiers._forest import Forest

    return Forest(**params)


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what growing the candidates' trees does, and whether it is more than memory allows: never."""
    from math import log2

    from classifiers._forest import features_tried

    shared = ("n_estimators", "max_depth", "min_samples_split")
    grown: dict[str, int] = {}
    for c in candidates:
        key = str({k: v for k, v in c.items() if k not in shared})
        grown[key] = max(grown.get(key, 0), c["n_estimators"])
    tried = features_tried(candidates[0]["max_features"], sizes.dims)
    levels = log2(max(2, sizes.rows))
    # Three steps a sample, level and feature tried, by the time of 300 trees on 28,709 vectors of 1,024.
    steps = 3.0 * sizes.rows * levels * tried * sum(grown.values())
    # 28 bytes a sample and tree, by the peak of 500 trees on 288,000 vectors (docs/results/scale-heads.txt).
    held = 2.0 * sizes.rows * sizes.dims + 256e6 + 28.0 * sizes.rows * max(grown.values())
    binning = Amount(steps=1.0 * sizes.rows * sizes.dims * 8)
    return Amount(steps=steps, held=held) + binning, False
