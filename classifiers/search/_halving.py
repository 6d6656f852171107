"""Successive halving: which samples a rung trains on, and which candidates go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.search._work import Splits

#: What a search with halving adds to `cv_results_`: the rung, and the training samples of each fold in it.
RUNG, RESOURCES = "iter", "n_resources"


def check_halving(factor: Any) -> None:
    """Raise `ValueError` if `factor` is no whole number from 2, nor None."""
    if factor is None or (isinstance(factor, int | np.integer) and factor >= 2):
        return
    raise ValueError(
        f"halving={factor!r}: give a whole number from 2, or None for every candidate on all data"
    )


def rungs(y: NDArray[Any], splits: Splits, n_candidates: int, factor: int) -> Iterator[Splits]:
    """Yield the splits of each rung; a fold's samples of a rung are among those of the next."""
    n_rungs = max(1, int(np.floor(np.log(max(n_candidates, 1)) / np.log(factor) + 1e-9)) + 1)
    orders = [_by_class_shuffled(y[train]) for train, _ in splits]
    for rung in range(n_rungs):
        share = factor ** (n_rungs - 1 - rung)
        yield [
            (train if share == 1 else train[np.sort(order[: max(train.size // share, 2)])], test)
            for (train, test), order in zip(splits, orders, strict=True)
        ]


def _by_class_shuffled(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return an order whose every beginning holds the classes in their shares, each class at once."""
    rng = np.random.default_rng(0)
    place = np.empty(labels.size)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = np.arange(members.size) / members.size
    return np.argsort(place, kind="stable")


def best(inner: Any, factor: int) -> list[int]:
    """Return the candidates that go on, in the grid's order."""
    known = [k for k in (f"rank_test_{inner.refit}", "rank_test_score") if k in inner.cv_results_]
    if not known:
        raise ValueError("halving with several scores: name the one that candidates are ranked by as refit")
    rank = inner.cv_results_[known[0]]
    kept = np.argsort(rank, kind="stable")[: max(1, len(rank) // factor)]
    return sorted(kept.tolist())


def marked(results: Mapping[str, Any], rung: int, splits: Splits) -> dict[str, Any]:
    """Return results with the rung and its training samples as columns."""
    n = len(results["params"])
    return {RUNG: np.full(n, rung), RESOURCES: np.full(n, len(splits[0][0])), **results}


def stacked(rungs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rows of all rungs one after the other."""
    out: dict[str, Any] = {}
    for name in rungs[0]:
        parts = [r[name] for r in rungs]
        if name == "params":
            out[name] = [p for part in parts for p in part]
        else:
            out[name] = np.ma.concatenate(parts) if name.startswith("param_") else np.concatenate(parts)
    return out
