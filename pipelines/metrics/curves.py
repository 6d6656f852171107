"""ROC and precision-recall curves of one class against the rest, and the areas under them.

The same points and areas as scikit-learn's, which the tests hold them to; by NumPy alone, because importing
scikit-learn takes longer than drawing a report's curves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Positive = NDArray[np.bool_]
Scores = NDArray[np.floating[Any]]
#: x, y and the area.
Curve = tuple[NDArray[np.float64], NDArray[np.float64], float]


def one_against_rest(y: NDArray[np.int64], k: int) -> Positive:
    """Return (n, k) bool: whether each sample is of each class."""
    return y[:, None] == np.arange(k)


def roc(positive: Positive, score: Scores) -> Curve:
    """Return false and true positive rates by falling threshold, and the area under them.

    Parameters
    ----------
    positive : (n,) bool
        With at least one of each.
    score : (n,) float
        The larger, the likelier positive; equal scores pass a threshold together.

    Returns
    -------
    x, y : (m,) float
        From (0, 0) to (1, 1).
    area : float
        By the trapezoidal rule (Fawcett, Pattern Recognition Letters 27, 2006); NaN where all are alike.
    """
    true, false = _passed(positive, score)
    if not true[-1] or not false[-1]:
        return np.array([0.0, 1.0]), np.array([0.0, 1.0]), math.nan
    x, y = (np.concatenate([[0.0], counts / counts[-1]]) for counts in (false, true))
    return x, y, float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2)


def precision_recall(positive: Positive, score: Scores) -> Curve:
    """Return recalls, precisions by falling threshold, and the average precision.

    Parameters
    ----------
    positive, score
        As in `roc`.

    Returns
    -------
    recall, precision : (m,) float
        From (0, 1) by convention.
    area : float
        Precision at each threshold, weighted by the recall it gains; NaN without a positive.
    """
    true, false = _passed(positive, score)
    if not true[-1]:
        return np.array([0.0]), np.array([1.0]), math.nan
    recall, precision = true / true[-1], true / (true + false)
    area = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return np.concatenate([[0.0], recall]), np.concatenate([[1.0], precision]), area


def _passed(positive: Positive, score: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many positives and negatives pass each threshold, the highest first."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # of each run of equal scores
    true = np.cumsum(positive[order], dtype=np.int64)[last]
    return true, last + 1 - true
