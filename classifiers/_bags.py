"""Bags of training vectors for `classifiers._svc.BaggedSVC`: drawn, fitted on one kernel, and their votes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import in_threads
from classifiers._ovo import Gram, fit_pairs, ovr_scores, votes

#: Columns of coefficients from which on a product for each bag is cheaper than one for all.
_MANY_COLUMNS = 512


def bags(
    n: int, n_estimators: int, max_samples: float, bootstrap: bool, random_state: Any
) -> NDArray[np.int64]:
    """Return (n_estimators, n) counts: how often each bag holds each vector."""
    from sklearn.utils import check_random_state

    rng = check_random_state(random_state)
    size = max_samples if isinstance(max_samples, int) else max(1, int(max_samples * n))
    if size > n:
        raise ValueError(f"bagged-svm: max_samples={size} is more than the {n} training vectors")
    drawn = [rng.randint(0, n, size) if bootstrap else rng.permutation(n)[:size] for _ in range(n_estimators)]
    return np.stack([np.bincount(d, minlength=n) for d in drawn])


def fit_bags(
    gram: Gram,
    codes: NDArray[Any],
    weights: NDArray[np.float64],
    drawn: NDArray[np.int64],
    costs: list[float],
    n_classes: int,
    tol: float,
    max_iter: int,
    threads: int,
    index: NDArray[np.intp] | None = None,
) -> list[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]]:
    """Return, for each C, (n, n_bags * n_pairs) coefficients, their intercepts and iterations."""
    fitted = in_threads(
        lambda bag: fit_pairs(gram, codes, weights * bag, costs, n_classes, tol, max_iter, None, index),
        drawn,
        threads,
    )
    return [
        (
            np.concatenate([m.coef[c] for m in fitted], axis=1),
            np.concatenate([m.intercept[c] for m in fitted]),
            np.concatenate([m.iterations[c] for m in fitted]),
        )
        for c in range(len(costs))
    ]


def bag_products(K: NDArray[np.float32], coef: NDArray[np.float32], n_pairs: int) -> NDArray[np.float32]:
    """Return ``K @ coef``; where bags are many, each is multiplied with its own vectors only."""
    if coef.shape[1] <= _MANY_COLUMNS:
        return K @ coef
    out = np.empty((len(K), coef.shape[1]), np.float32)
    for start in range(0, coef.shape[1], n_pairs):
        part = coef[:, start : start + n_pairs]
        used = np.flatnonzero(part.any(axis=1))
        out[:, start : start + n_pairs] = K[:, used] @ part[used]
    return out


def bag_decision_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `BaggedSVC.decision_function` gives for (n, n_classes) scores of the bags."""
    return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores


def bag_scores(each: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return (n, n_classes): the bags' votes, ties ordered by the sum of their scores."""
    n_pairs = n_classes * (n_classes - 1) // 2
    ballots, total = np.zeros((len(each), n_classes)), np.zeros((len(each), n_classes))
    for start in range(0, each.shape[1], n_pairs):
        decision = each[:, start : start + n_pairs]
        winner = votes(decision, n_classes).argmax(axis=1)
        ballots[np.arange(len(each)), winner] += 1
        total += ovr_scores(decision, n_classes)
    total -= total.mean(axis=1, keepdims=True)
    return ballots + total / (3 * (np.abs(total) + 1))
