"""Parameters and FLOPs of the networks behind a result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pipelines.results.load import Cell


@dataclass(frozen=True)
class NetworkCost:
    """Of one sample, up to the layer that gives the vector; FLOPs as `featurize.backbones.flops` counts."""

    parameters: int
    flops: int


def network_cost(cell: Cell) -> NetworkCost | None:
    """Return what the networks of a run's extractor cost; None for hand-crafted vectors.

    None also where the extractor is no longer known here: a report of old results is still a report.
    """
    p = cell.predictions
    return _cost(cell.test.spec or cell.test.extractor, 7 if p is None else len(p.classes))


def size_mb(cell: Cell) -> float:
    """Return megabytes of the fitted head and of the networks before it, 4 bytes a parameter.

    A network's own softmax is a head of no size: what answers is the network.
    """
    cost = network_cost(cell)
    return (cell.test.model_bytes + (0 if cost is None else 4 * cost.parameters)) / 1e6


def is_learned(cell: Cell) -> bool:
    """Return whether a network gives some of a run's vectors, or its scores."""
    from featurize.registry import extractor_class, split_expression

    parts = split_expression((cell.test.spec or cell.test.extractor).partition(" [")[0])
    names = [part.partition("(")[0].strip() for part in parts]
    try:
        return any(hasattr(extractor_class(name), "network") for name in names)
    except ValueError:
        return False


@cache
def _cost(expression: str, classes: int) -> NetworkCost | None:
    from featurize.registry import extractor_class, parse, split_expression

    try:
        names = [part.partition("(")[0].strip() for part in split_expression(expression)]
        if not any(hasattr(extractor_class(name), "network") for name in names):
            return None
        made: list[Any] = [one for one in parse(expression) if hasattr(one, "network")]
        found = [_of(one.sized, one.layer, classes) for one in made]
    except (ValueError, OSError):
        return None
    return NetworkCost(sum(c.parameters for c in found), sum(c.flops for c in found))


def _of(network: Any, layer: str, classes: int) -> NetworkCost:
    from featurize.backbones.flops import total_cost

    model = network.headless(network.build(classes), layer)
    return NetworkCost(int(model.count_params()), total_cost(model).flops)
