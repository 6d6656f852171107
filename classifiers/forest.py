"""`forest`: random forest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, StrictInt

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
