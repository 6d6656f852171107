"""What heads are fitted on: labels, or the votes of annotators; as they come, or each class as often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Dataset


@dataclass(frozen=True)
class Learned:
    """Training samples as a head is given them.

    Attributes
    ----------
    rows : (m,) int
        Indices into the data set; one may stand there several times.
    labels : (m,) int
    weights : (m,) float or None
        None where all count alike.
    """

    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None


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


def learned(
    dataset: Dataset,
    indices: NDArray[np.intp],
    targets: Literal["labels", "votes"] = "labels",
    balanced: bool = False,
    seed: int = 0,
) -> Learned:
    """Return training samples as a head is to be fitted on them.

    Parameters
    ----------
    dataset : Dataset
    indices : (n,) int
        The training samples.
    targets : {"labels", "votes"}
        "votes": see `weighted_samples`.
    balanced : bool
        Draw the samples, with repetition, so that each class comes as often as the largest.
    seed : int
        Of the drawing.

    Raises
    ------
    ValueError
        If votes are asked for and the set has none.
    """
    if targets == "votes":
        if dataset.votes is None:
            raise ValueError(f"{dataset.name} has no votes; take targets: labels, or a set with votes")
        return Learned(*weighted_samples(dataset, indices))
    rows = np.asarray(indices)
    if balanced:
        rows = rows[balanced_order(dataset.labels[rows], seed)]
    return Learned(rows, dataset.labels[rows])


def balanced_order(labels: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    """Return positions, sorted, of which each class has as many as the largest class has samples.

    Every sample comes once before one comes twice; which come once more is drawn from `seed`.
    """
    rng, found = np.random.default_rng(seed), []
    most = int(np.bincount(labels).max())
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        whole, rest = divmod(most, len(members))
        found += [np.repeat(members, whole), rng.permutation(members)[:rest]]
    return np.sort(np.concatenate(found))
