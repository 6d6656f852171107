"""Scores of a classifier, with the names of the field's papers; the tests hold them to scikit-learn's."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.curves import one_against_rest, precision_recall, roc


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
    predicted, counts, present = _counted(y, scores, predicted)
    each, support = class_scores(counts), counts.sum(axis=1)
    accuracy = float(np.mean(predicted == y))
    low, high = accuracy_interval(accuracy, len(y))
    return {
        "accuracy": accuracy,
        "balanced_accuracy": float(each["recall"][present].mean()),
        "f1_macro": float(each["f1"][present].mean()),
        "f1_weighted": float(each["f1"] @ support / len(y)),
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
    from sklearn.metrics import matthews_corrcoef

    predicted, counts, present = _counted(y, scores, predicted)
    mean = {name: float(values[present].mean()) for name, values in class_scores(counts).items()}
    accuracy = float(np.mean(predicted == y))
    return {
        "precision_macro": mean["precision"],
        "recall_macro": mean["recall"],
        "specificity_macro": mean["specificity"] if len(present) > 1 else math.nan,
        "f1_macro": mean["f1"],
        "f1_micro": accuracy,
        "hamming_loss": 1 - accuracy,
        "zero_one_loss": 1 - accuracy,
        "jaccard_macro": mean["jaccard"],
        "matthews": float(matthews_corrcoef(y, predicted)),
        **_areas(y, scores),
    }


def _counted(
    y: NDArray[np.int64], scores: NDArray[np.floating[Any]], predicted: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the predictions, (k, k) counts of true by predicted, and the classes present in `y`."""
    if not len(y):
        raise ValueError("no samples to score")
    predicted = np.argmax(scores, axis=1) if predicted is None else predicted
    return predicted, confusion(y, predicted, scores.shape[1]), np.unique(y)


def confusion(y: NDArray[np.int64], predicted: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return (k, k) counts, true by predicted."""
    return np.bincount(y * k + predicted, minlength=k * k).reshape(k, k)


def class_scores(counts: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall, f1, specificity and jaccard of each class, (k,) each.

    Parameters
    ----------
    counts : (k, k) int
        True by predicted.

    Returns
    -------
    dict
        A score whose denominator is zero is 0, as scikit-learn's `classification_report` has it.
    """
    hits, true, given = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    others = counts.sum() - true
    return {
        "precision": _share(hits, given),
        "recall": _share(hits, true),
        "f1": _share(2 * hits, true + given),
        "specificity": _share(others - (given - hits), others),
        "jaccard": _share(hits, true + given - hits),
    }


def uf1_uar(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """Return the mean of UF1 and UAR over the classes present in `y`: what candidates are chosen by."""
    k = int(max(y.max(), predicted.max())) + 1
    each, present = class_scores(confusion(y, predicted, k)), np.unique(y)
    return float((each["f1"][present].mean() + each["recall"][present].mean()) / 2)


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
    recall = class_scores(confusion(y, predicted, len(classes)))["recall"]
    return {str(classes[k]): round(float(recall[k]), 4) for k in np.unique(y)}


def _share(part: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, of, out=np.zeros(len(part)), where=of > 0)


def _areas(y: NDArray[np.int64], scores: NDArray[np.floating[Any]]) -> dict[str, float]:
    """Return the areas under ROC and precision-recall curves, pooled and of each class."""
    positive = one_against_rest(y, scores.shape[1])
    found = dict(zip(("roc_auc_micro", "pr_auc_micro"), _two(positive.ravel(), scores.ravel()), strict=True))
    for k in range(scores.shape[1]):
        found[f"roc_auc_{k}"], found[f"pr_auc_{k}"] = _two(positive[:, k], scores[:, k])
    return found


def _two(positive: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> tuple[float, float]:
    if positive.all():
        return math.nan, math.nan
    return roc(positive, scores)[2], precision_recall(positive, scores)[2]


def auc_ovr(y: NDArray[np.int64], scores: NDArray[np.floating[Any]]) -> float:
    """Return the mean over classes of the one-against-rest area under the ROC curve.

    Classes without a positive or a negative sample are left out; NaN if none is left. Unlike scikit-learn's
    ``multi_class="ovr"`` this takes scores that are no probabilities.
    """
    positive = one_against_rest(y, scores.shape[1])
    areas = np.array([roc(positive[:, k], scores[:, k])[2] for k in range(scores.shape[1])])
    return float(np.nanmean(areas)) if np.isfinite(areas).any() else math.nan


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
