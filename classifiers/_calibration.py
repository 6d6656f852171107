"""Probabilities from scores: one sigmoid a class (Platt 1999), fitted on held-out scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


def folds_for(codes: NDArray[Any], random_state: Any) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield (train, test) of stratified folds, as many as the smallest class allows, five at most.

    Raises
    ------
    ValueError
        If a class has one sample: no score of it can be held out.
    """
    from sklearn.model_selection import StratifiedKFold

    fewest = int(np.bincount(codes).min())
    if fewest < 2:
        raise ValueError(
            "probability=True needs at least two samples of each class, and one class has 1; add samples, or "
            "leave probability out"
        )
    folds = StratifiedKFold(min(FOLDS, fewest))
    yield from folds.split(np.zeros(codes.size), codes)


def fit_sigmoids(
    scores: NDArray[np.float64], codes: NDArray[Any], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n_classes, 2): slope and offset a, b of ``1 / (1 + exp(a s + b))`` for each class's score s."""
    return np.array([_sigmoid(scores[:, c], codes == c, weights) for c in range(scores.shape[1])])


def apply_sigmoids(scores: NDArray[np.float64], sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, n_classes) probabilities: each class's sigmoid, brought to the sum 1."""
    from scipy.special import expit

    raw = expit(-(scores * sigmoids[:, 0] + sigmoids[:, 1]))
    if raw.shape[1] == 2:  # two classes: the scores mirror each other, one sigmoid says all
        return np.column_stack([1 - raw[:, 1], raw[:, 1]])
    total = raw.sum(axis=1, keepdims=True)
    return np.divide(raw, total, out=np.full_like(raw, 1 / raw.shape[1]), where=total > 0)


def _sigmoid(
    score: NDArray[np.float64], positive: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit slope and offset by maximum likelihood with Platt's smoothed targets."""
    from scipy.optimize import minimize

    pos, neg = weights[positive].sum(), weights[~positive].sum()
    target = np.where(positive, (pos + 1) / (pos + 2), 1 / (neg + 2))
    spread = max(1.0, float(np.abs(score).max()))

    def loss(ab: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = ab[0] * score / spread + ab[1]
        residual = weights * (target - 1 / (1 + np.exp(np.clip(z, -700, 700))))
        value = weights * (target * np.logaddexp(0, z) + (1 - target) * np.logaddexp(0, -z))
        return float(value.sum()), np.array([(residual * score / spread).sum(), residual.sum()])

    found = minimize(loss, np.array([0.0, np.log((neg + 1) / (pos + 1))]), jac=True, method="BFGS").x
    return np.array([found[0] / spread, found[1]])
