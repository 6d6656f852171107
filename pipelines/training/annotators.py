"""Annotators: how likely each label is, given the votes on the same sample; soft targets for a training.

Votes may name other classes than labels do, and people who vote need not agree with those who labelled. So
labels are regressed on votes; votes are not taken for shares of the label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Dataset
from pipelines.datasets.registry import load
from pipelines.datasets.splits import Indices

#: Added to each number of votes before its logarithm.
_SMALL = 0.3
_FOLDS = 5


def annotators(name: str) -> Dataset:
    """Return the set whose votes a recipe names, such as ``ferplus(target="all")``.

    Raises
    ------
    ValueError
        If it has no votes.
    OSError
        If it is not here.
    """
    found = load(name)
    if found.votes is None:
        raise ValueError(f'votes_from={name}: that set has no votes; ferplus(target="all") has')
    return found


def label_probabilities(voted: Dataset, dataset: Dataset, indices: Indices) -> NDArray[np.float32]:
    """Return how likely each label of a sample is, given its votes, without its own label.

    By a multinomial regression of labels on votes over five folds: each fold is predicted from the others.

    Parameters
    ----------
    voted : Dataset
        As `annotators` returns it; its samples are found by their content.
    dataset : Dataset
        With the labels.
    indices : (n,) int
        Training samples: no other label is read.

    Returns
    -------
    (n, classes) float32
        Probabilities; for a sample without votes its label.

    Raises
    ------
    ValueError
        If no sample has votes, or a class has fewer than five samples with votes.

    References
    ----------
    Lopez-Paz, Bottou, Schoelkopf, Vapnik: "Unifying distillation and privileged information", ICLR 2016: what
    is known of training samples alone teaches through soft targets.
    """
    place = {digest: i for i, digest in enumerate(voted.digests.tolist())}
    at = np.array([place.get(digest, -1) for digest in dataset.digests[indices].tolist()])
    there, labels = at >= 0, dataset.labels[indices]
    if not there.any():
        raise ValueError(f"votes_from={voted.name}: none of its samples is among the training samples here")
    found = np.eye(len(dataset.classes), dtype=np.float32)[labels]
    found[there] = _regressed(features(voted)[at[there]], labels[there], len(dataset.classes))
    return found


def features(voted: Dataset) -> NDArray[np.float32]:
    """Return what labels are regressed on: the share of each class in the votes, and logarithms of the votes.

    Returns
    -------
    (n, 2 x classes) float32
    """
    return np.hstack([voted.distribution, np.log(np.asarray(voted.votes) + _SMALL)])


def _regressed(x: NDArray[np.float32], labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    seen, counts = np.unique(labels, return_counts=True)
    if counts.min() < _FOLDS:
        raise ValueError(f"votes_from: a class has {counts.min()} samples with votes; {_FOLDS} are needed")
    found = np.zeros((len(labels), classes), np.float32)
    found[:, seen] = cross_val_predict(
        LogisticRegression(max_iter=1000), x, labels, cv=_FOLDS, method="predict_proba"
    )
    return found
