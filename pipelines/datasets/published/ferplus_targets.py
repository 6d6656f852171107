"""From ten annotators' votes on a face to a target, as the authors of FER+ define it.

Barsoum, Zhang, Canton Ferrer, Zhang: "Training deep networks for facial expression recognition with
crowd-sourced label distribution", ICMI 2016 (arXiv:1608.01041), and the code beside it
(https://github.com/microsoft/FERPlus, src/ferplus.py).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Target = Literal["majority", "crossentropy", "probability", "all"]
TARGETS = ("majority", "crossentropy", "probability", "all")
#: The columns of fer2013new.csv, in order, by the names that emotions have here.
COLUMNS = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt", "unknown", "NF")
#: Columns that are emotions.
EMOTIONS = 8
_UNKNOWN = 8


def processed(votes: NDArray[np.float64], target: Target) -> NDArray[np.float64]:
    """Return what of the votes counts.

    A single vote for a class is an outlier and does not count. For "majority" a class needs more than half of
    the votes that are left. For "crossentropy" and "probability" the classes with most votes count, until
    they have three quarters, three of them at most; they need more than half together. For "all", which is
    not the authors', every vote for an emotion counts, single ones too.

    Parameters
    ----------
    votes : (n, 10) float
        In the order of `COLUMNS`.
    target : {"majority", "crossentropy", "probability", "all"}
        "crossentropy" and "probability" differ only in training: the distribution is the target, or labels
        are drawn by it.

    Returns
    -------
    (n, 10) float64
        Where the votes do not agree, all of "unknown".
    """
    if target == "all":
        return np.where(np.arange(len(COLUMNS)) < EMOTIONS, votes, 0)
    one = _majority if target == "majority" else _leading
    rows, again = np.unique(np.where(votes > 1, votes, 0), axis=0, return_inverse=True)
    return np.array([one(row) for row in rows]).reshape(-1, len(COLUMNS))[again.ravel()]


def _unknown() -> NDArray[np.float64]:
    found = np.zeros(len(COLUMNS))
    found[_UNKNOWN] = 1
    return found


def _majority(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    best = int(votes.argmax())
    if not votes[best] > 0.5 * votes.sum():
        return _unknown()
    found = np.zeros_like(votes)
    found[best] = votes[best]
    return found


def _leading(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the leading classes; as the authors' loop does, classes with equal votes come in together."""
    left, found = votes.copy(), np.zeros_like(votes)
    total, reached, count, valid = votes.sum(), 0.0, 0, True
    while reached < 0.75 * total and count < 3 and valid:
        most = left.max()
        for i in np.flatnonzero(left == most):
            found[i], left[i] = most, 0
            reached, count = reached + most, count + 1
            if i >= EMOTIONS:  # unknown or no face is among those with most votes
                valid = False
                if found.sum() > most:  # and emotions were before it
                    found[i], count = 0, count - 1
                break
    agreed = found.sum() > 0.5 * total and count <= 3
    return found if agreed else _unknown()


def labelled(
    votes: NDArray[np.float64], target: Target, classes: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which faces show an emotion by their votes, and the votes for each emotion.

    Parameters
    ----------
    votes : (n, 10) float
    target : str
        See `processed`.
    classes : {7, 8}
        With 7, faces of contempt are left out, and votes for it do not count.

    Returns
    -------
    kept : (n,) bool
        Those whose leading class is an emotion; with "all" those with any vote for one.
    votes : (n, classes) float64
        In the order of `COLUMNS`. For "majority" all votes but outliers, of which the majority is the label.
    """
    found = processed(votes, target)
    counted = (np.where(votes > 1, votes, 0) if target == "majority" else found)[:, :classes]
    leading = found.argmax(axis=1) < classes
    return np.asarray(counted.any(axis=1) if target == "all" else leading), counted
