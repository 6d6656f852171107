"""Networks that are trained in every fold, as a recipe names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.training.recipe import TrainRecipe
from pipelines.training.recipe import recipe as training_of


@dataclass(frozen=True)
class NetworkPlan:
    """A network to be trained in every fold; `epochs` are what is chosen from (or the one number)."""

    training: TrainRecipe
    epochs: tuple[int, ...]


def as_network(value: Any) -> NetworkPlan:
    """Read ``{backbone: ststnet, epochs: [20, 40], mirror: true}``; None of epochs: as its source did it.

    Raises
    ------
    ValueError
        If it is no mapping, a field is wrong, or epochs are no whole numbers above 0.
    """
    if isinstance(value, NetworkPlan):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"a network is a mapping with backbone and epochs, not {value!r}")
    fields = dict(value)
    if fields.keys() == {"training", "epochs"}:  # as a plan is written down
        fields = {**fields["training"], "epochs": fields["epochs"]}
    asked = fields.pop("epochs", None)
    plan = training_of(**fields)
    wanted: Any = asked if isinstance(asked, list | tuple) else [asked or plan.resolved().epochs]
    if not wanted or not all(type(e) is int and e > 0 for e in wanted):
        raise ValueError(f"epochs={asked!r}: give one whole number or several, each at least 1")
    return NetworkPlan(plan, tuple(sorted(set(wanted))))
