"""ROC and precision-recall curves of one class against the rest, by scikit-learn, and their areas."""

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
    from sklearn.metrics import auc, roc_curve

    if positive.all() or not positive.any():
        return np.array([0.0, 1.0]), np.array([0.0, 1.0]), math.nan
    x, y, _ = roc_curve(positive, score, drop_intermediate=False)
    return x, y, float(auc(x, y))


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
    from sklearn.metrics import precision_recall_curve

    if not positive.any():
        return np.array([0.0]), np.array([1.0]), math.nan
    precision, recall = (side[::-1] for side in precision_recall_curve(positive, score)[:2])
    # The sum of `average_precision_score`, from the other end.
    return recall, precision, float(np.sum(np.diff(recall) * precision[1:]))
