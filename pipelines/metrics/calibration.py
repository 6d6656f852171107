"""Whether probabilities mean what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.significance import Hits


@dataclass(frozen=True)
class Reliability:
    """How far confidences can be believed.

    Attributes
    ----------
    edges : (bins + 1,) float
    count : (bins,) int
    confidence, accuracy : (bins,) float
        Means over the samples of each bin; NaN where there is none.
    error : float
        Expected calibration error.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def reliability(
    confidence: NDArray[np.floating], hits: Hits | NDArray[np.floating], bins: int = 15
) -> Reliability:
    """Return accuracy against confidence in equal bins, and the expected calibration error.

    The error is the mean distance between confidence and accuracy of a bin, weighted by its samples (Guo et
    al., On calibration of modern neural networks, ICML 2017, with their 15 bins).

    Parameters
    ----------
    confidence : (n,) float in 0..1
        Probability given to the predicted class.
    hits : (n,) bool or float
        Whether the prediction was right, or how far.
    bins : int

    Raises
    ------
    ValueError
        If there is no sample, or a confidence outside 0..1.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    if not len(confidence) or confidence.min() < 0 or confidence.max() > 1 + 1e-6:
        raise ValueError("a calibration error needs confidences between 0 and 1")
    edges = np.linspace(0, 1, bins + 1)
    # Bins are open on the left: a confidence of 1 falls into the last, one of 0 into the first.
    which = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(which, weights=confidence, minlength=bins) / count
        accuracy = np.bincount(which, weights=hits, minlength=bins) / count
    error = float(np.nansum(np.abs(mean - accuracy) * count) / len(confidence))
    return Reliability(edges, count, mean, accuracy, error)


def calibration_error(
    scores: NDArray[np.floating], true: NDArray[np.int64], predicted: NDArray[np.int64]
) -> float:
    """Return the expected calibration error of (n, k) probabilities; NaN if a row is no distribution."""
    if not np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return math.nan
    confidence = np.clip(scores[np.arange(len(true)), predicted], 0, 1)
    return reliability(confidence, predicted == true).error


def error_against(scores: NDArray[np.floating], shares: NDArray[np.floating]) -> float:
    """Return the expected calibration error of probabilities against annotators' votes.

    In each bin the mean confidence is compared with the mean share of votes for the predicted class, where
    `calibration_error` takes the share of right labels.

    Parameters
    ----------
    scores : (n, k) float
        Probabilities.
    shares : (n, k) float
        Of the votes; rows sum to 1.

    Returns
    -------
    float
        NaN if a row of `scores` is no distribution.
    """
    if not np.allclose(scores.sum(axis=1), 1, atol=1e-3):
        return math.nan
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    return reliability(np.clip(scores[rows, best], 0, 1), shares[rows, best]).error
