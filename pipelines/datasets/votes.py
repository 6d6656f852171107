"""Votes of annotators for heads that take sample weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Dataset


def weighted_samples(
    dataset: Dataset, indices: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float64]]:
    """Return samples once for each class that has votes, weighted by its share of them.

    A face with votes 7 to 3 stands twice, with .7 and .3. So a head that takes ``sample_weight`` learns the
    distribution: ``head("softmax").fit(X[rows], labels, sample_weight=weights)``.

    Parameters
    ----------
    dataset : Dataset
        With votes; without them each sample stands once, with its label.
    indices : (n,) int, optional
        Which samples; all by default.

    Returns
    -------
    rows : (m,) int
        Indices into the data set.
    labels : (m,) int
    weights : (m,) float
        Those of one sample sum to 1.
    """
    which = np.arange(len(dataset)) if indices is None else np.asarray(indices)
    shares = dataset.distribution[which]
    at, labels = np.nonzero(shares)
    return which[at], labels.astype(np.int64), shares[at, labels].astype(np.float64)
