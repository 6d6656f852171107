"""`softmax`: multinomial logistic regression."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat

from classifiers.costs import Amount, Sizes, linear
from classifiers.registry import HeadParams


class Params(HeadParams):
    """Parameters of `softmax`; `classifiers._softmax.Softmax` says what each does."""

    C: float = Field(1.0, gt=0)
    max_iter: int = Field(1000, ge=1)
    tol: float = Field(1e-4, gt=0)
    class_weight: Literal["balanced"] | dict[str | int, PositiveFloat] | None = None
    # On: the penalty weighs all features alike, and L-BFGS needs far fewer steps on scaled ones.
    scale: Literal["none", "standard"] = "standard"


#: The network's own layer had no penalty to choose; three decades cover hand-crafted vectors and embeddings.
GRID: dict[str, list[Any]] = {"C": [0.001, 0.01, 0.1, 1.0]}


def build(**params: Any) -> Any:
    """Return a `classifiers._softmax.Softmax`."""
    from classifiers._softmax import Softmax

    return Softmax(**params)


def cost(candidates: list[dict[str, Any]], sizes: Sizes) -> tuple[Amount, bool]:
    """Return what fitting the candidates does, and whether it is more than memory allows: never."""
    return linear(len(candidates), sizes, 160, 40), False
