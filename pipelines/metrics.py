"""Scores of a classifier, by scikit-learn, with the names of the field's papers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def evaluate(
    y: NDArray[np.int64],
    scores: NDArray[np.floating[Any]],
    probabilistic: bool = False,
    predicted: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Return every score of the result rows.

    Parameters
    ----------
    y : (n,) int
        True classes.
    scores : (n, k) float
        One score a class, the larger the likelier.
    probabilistic : bool
        Whether each row of `scores` is a probability distribution; the log loss is NaN otherwise.
    predicted : (n,) int, optional
        The head's own predictions, where they are not the largest score (an SVM votes by pairs, and its
        votes can tie).

    Returns
    -------
    dict
        accuracy; balanced_accuracy (UAR, the mean recall over the classes present in `y`); f1_macro (UF1)
        and f1_weighted over the classes present in `y`; auc_ovr (mean over classes of the area under the
        one-against-rest ROC); log_loss (natural logarithm); ci_low and ci_high, the 95 % bootstrap interval
        of the accuracy. Areas and losses that are not defined are NaN.

    Raises
    ------
    ValueError
        If there is no sample.
    """
    from sklearn.metrics import f1_score, recall_score

    if not len(y):
        raise ValueError("no samples to score")
    predicted = np.argmax(scores, axis=1) if predicted is None else predicted
    present = np.unique(y)
    accuracy = float(np.mean(predicted == y))
    low, high = accuracy_interval(accuracy, len(y))
    return {
        "accuracy": accuracy,
        "balanced_accuracy": float(
            recall_score(y, predicted, labels=present, average="macro", zero_division=0)
        ),
        "f1_macro": float(f1_score(y, predicted, labels=present, average="macro", zero_division=0)),
        "f1_weighted": float(f1_score(y, predicted, labels=present, average="weighted", zero_division=0)),
        "auc_ovr": auc_ovr(y, scores),
        "log_loss": _log_loss(y, scores) if probabilistic else math.nan,
        "ci_low": low,
        "ci_high": high,
    }


def detailed(
    y: NDArray[np.int64],
    scores: NDArray[np.floating[Any]],
    predicted: NDArray[np.int64] | None = None,
) -> dict[str, float]:
    """Return the scores that papers on micro-expressions show beside accuracy (R2's tables).

    Parameters
    ----------
    y, scores, predicted
        As in `evaluate`.

    Returns
    -------
    dict
        precision_macro, recall_macro, specificity_macro (true negative rate) and f1_macro, means over the
        classes present in `y`; f1_micro; hamming_loss and zero_one_loss (equal where each sample has one
        class); jaccard_macro; matthews (correlation coefficient); roc_auc_micro, pr_auc_micro (average
        precision, all classes' decisions pooled); and roc_auc_K and pr_auc_K of each class K. Areas that
        are not defined are NaN.

    Raises
    ------
    ValueError
        If there is no sample.
    """
    from sklearn import metrics as m

    if not len(y):
        raise ValueError("no samples to score")
    predicted = np.argmax(scores, axis=1) if predicted is None else predicted
    mean: dict[str, Any] = {"labels": np.unique(y), "average": "macro", "zero_division": 0}
    return {
        "precision_macro": float(m.precision_score(y, predicted, **mean)),
        "recall_macro": float(m.recall_score(y, predicted, **mean)),
        "specificity_macro": _specificity(y, predicted),
        "f1_macro": float(m.f1_score(y, predicted, **mean)),
        "f1_micro": float(m.f1_score(y, predicted, average="micro")),
        "hamming_loss": float(m.hamming_loss(y, predicted)),
        "zero_one_loss": float(m.zero_one_loss(y, predicted)),
        "jaccard_macro": float(m.jaccard_score(y, predicted, **mean)),
        "matthews": _matthews(y, predicted),
        **_areas(y, scores),
    }


def recall_by_class(
    y: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str] | NDArray[np.str_]
) -> dict[str, float]:
    """Return the share of each class's samples that were recognised, 0..1; a class without samples is absent.

    Parameters
    ----------
    y, predicted : (n,) int
        Indices into `classes`.
    classes : (k,) str
    """
    members = {str(name): y == k for k, name in enumerate(classes)}
    return {
        name: round(float((predicted[of] == y[of]).mean()), 4) for name, of in members.items() if of.any()
    }


def _matthews(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    from sklearn.metrics import matthews_corrcoef

    if len(np.union1d(y, predicted)) < 2:
        return 0.0  # scikit-learn's own answer, without its warning
    return float(matthews_corrcoef(y, predicted))


def _specificity(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean over classes of the recall of "not this class"; NaN where one class is all there is."""
    from sklearn.metrics import recall_score

    present = np.unique(y)
    if len(present) < 2:
        return math.nan
    return float(np.mean([recall_score(y != k, predicted != k, zero_division=0) for k in present]))


def _areas(y: NDArray[np.int64], scores: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Return the areas under ROC and precision-recall curves, pooled and of each class."""
    positive = y[:, None] == np.arange(scores.shape[1])
    found = dict(zip(("roc_auc_micro", "pr_auc_micro"), _two(positive.ravel(), scores.ravel()), strict=True))
    for k in range(scores.shape[1]):
        found[f"roc_auc_{k}"], found[f"pr_auc_{k}"] = _two(positive[:, k], scores[:, k])
    return found


def _two(positive: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> tuple[float, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    if positive.all() or not positive.any():
        return math.nan, math.nan
    return float(roc_auc_score(positive, scores)), float(average_precision_score(positive, scores))


def auc_ovr(y: NDArray[np.int64], scores: NDArray[np.floating[Any]]) -> float:
    """Return the mean over classes of the one-against-rest area under the ROC curve.

    Classes without a positive or a negative sample are left out; NaN if none is left. Unlike scikit-learn's
    ``multi_class="ovr"`` this takes scores that are no probabilities.
    """
    from sklearn.metrics import roc_auc_score

    positive = y[:, None] == np.arange(scores.shape[1])
    usable = np.flatnonzero(positive.any(axis=0) & ~positive.all(axis=0))
    areas = [roc_auc_score(positive[:, k], scores[:, k]) for k in usable]
    return float(np.mean(areas)) if areas else math.nan


def _log_loss(y: NDArray[np.int64], probabilities: NDArray[np.floating[Any]]) -> float:
    from sklearn.metrics import log_loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # float32 rows that sum to one within 1e-7
        return float(log_loss(y, probabilities, labels=np.arange(probabilities.shape[1])))


def accuracy_interval(accuracy: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the bootstrap percentile interval of an accuracy.

    Resampling n hits and misses with replacement and counting the hits is drawing from a binomial
    distribution, so that the interval is read off its quantiles, without resampling noise.

    Parameters
    ----------
    accuracy : float in 0..1
    n : int
        Samples behind it.
    level : float
        Coverage.

    Returns
    -------
    low, high : float
    """
    from scipy.stats import binom

    low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], n, accuracy) / n
    return float(low), float(high)
