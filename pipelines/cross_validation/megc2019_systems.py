"""Named systems on motion maps, such as a recipe calls by name.

They read motion maps (`pipelines.datasets.micro_expressions.megc2019`): every registered head on the
maps as they are, STSTNet, and systems of this project. Each is a set of candidates
(`classifiers.candidates`); which one is used is chosen inside each fold by
`pipelines.cross_validation.nested`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.candidates import CandidateSet, HeadCandidates, RidgeCandidates, SVMCandidates
from featurize.clips.maps import Maps, altered
from featurize.registry import parse
from pipelines.cross_validation.committee import EXTRACTORS, WEIGHTS, committee
from pipelines.cross_validation.kernels import Matrix, invariant_kernels, squared_distances
from pipelines.cross_validation.network_candidates import STSTNetCandidates
from pipelines.datasets.base import Dataset

Labels = NDArray[np.int64]
Build = Callable[..., CandidateSet]

#: Penalties and (as multiples of one over the median squared distance) kernel widths of 25 plain ones.
C_GRID = (0.1, 1.0, 10.0, 100.0, 1000.0)
GAMMA_GRID = (0.125, 0.25, 0.5, 1.0, 2.0)
#: What the other heads choose from.
HEAD_GRIDS: dict[str, dict[str, list[Any]]] = {
    "softmax": {"C": [0.001, 0.01, 0.1], "max_iter": [300]},
    "knn": {"n_neighbors": [1, 3, 5, 9, 15, 25], "weights": ["uniform", "distance"]},
    "forest": {"n_estimators": [100], "min_samples_leaf": [1, 3], "class_weight": [None, "balanced"]},
    "bagged-svm": {"n_estimators": [10], "max_samples": [0.5], "C": [1, 10, 100]},
}
#: Of STSTNet.
EPOCHS = tuple(range(2, 61, 2))
#: What the invariant systems look at.
VIEWS = "flow-field+flow-hoof+flow-hog"


def linear_svm(maps: Maps, y: Labels) -> CandidateSet:
    """Return linear SVMs on the maps as they are."""
    X = _pixels(maps)
    X -= X.mean(axis=0)
    K = X @ X.T
    return SVMCandidates({"linear": K / np.mean(np.diag(K))}, y, C_GRID, (None, "balanced"))


def rbf_svm(maps: Maps, y: Labels) -> CandidateSet:
    """Return 25 Gaussian SVMs on the maps as they are."""
    return SVMCandidates(_gaussian(_pixels(maps)), y, C_GRID)


def mirrored_rbf_svm(maps: Maps, y: Labels) -> CandidateSet:
    """Return the same with mirrored maps to train on, and the mean score of both at the test."""
    both = np.concatenate([maps, altered(maps, mirror=True)])
    return SVMCandidates(_gaussian(_pixels(both)), y, C_GRID)


def invariant_svm(maps: Maps, y: Labels) -> CandidateSet:
    """Return SVMs on kernels of three views averaged over mirrors and shifts."""
    return SVMCandidates(
        invariant_kernels(maps, VIEWS, (0.25, 0.5, 1.0, 2.0)), y, (0.3, 1.0, 3.0, 10.0), ("balanced",)
    )


def invariant_ridge(maps: Maps, y: Labels) -> CandidateSet:
    """Return kernel ridge regressions on kernels of three views averaged over mirrors and shifts."""
    kernels = invariant_kernels(maps, VIEWS, (0.25, 0.5, 1.0, 2.0))
    return RidgeCandidates(kernels, y, (0.1, 0.2, 0.4, 0.8), WEIGHTS)


def head_on_pixels(head: str, maps: Maps, y: Labels) -> CandidateSet:
    """Return a registered head on the maps as they are."""
    from sklearn.model_selection import ParameterGrid

    return HeadCandidates(
        head, list(ParameterGrid(HEAD_GRIDS[head])), parse("flow-pixels")[0].transform(maps), y
    )


def ststnet(maps: Maps, y: Labels, mirror: bool = False) -> CandidateSet:
    """Return STSTNet: batches of 256 as published, at sixty times the published rate and for fewer epochs.

    Its authors' program takes 5e-5 and 800 epochs, for which nothing is chosen.
    """
    return STSTNetCandidates(maps, y, EPOCHS, learning_rate=3e-3, batch=256, mirror=mirror)


@dataclass(frozen=True)
class System:
    """What a recipe calls by name.

    Attributes
    ----------
    build : callable
        (maps, labels) -> `CandidateSet`.
    spec : str
        The extractors it reads the maps by.
    placed : bool
        `build` takes each map's subject and set too: (maps, labels, subjects, sources) -> `CandidateSet`.
    groups : int
        Into how many groups outer folds are assigned to choose with shared fits
        (`pipelines.cross_validation.nested.choose_together`): for what is expensive to fit. 0: inner folds in
        each outer fold.
    """

    build: Build
    spec: str = "flow-pixels"
    groups: int = 0
    placed: bool = False

    def candidates(self, dataset: Dataset) -> CandidateSet:
        """Return its candidates on a data set; errors as `maps_of`."""
        where = (dataset.groups, dataset.split) if self.placed else ()
        return self.build(maps_of(dataset), dataset.labels, *where)


SYSTEMS: dict[str, System] = {
    "linear SVM": System(linear_svm),
    "RBF SVM, 25 cells": System(rbf_svm),
    "RBF SVM, mirrored": System(mirrored_rbf_svm),
    "softmax": System(partial(head_on_pixels, "softmax"), groups=5),
    "nearest neighbours": System(partial(head_on_pixels, "knn"), groups=5),
    "random forest": System(partial(head_on_pixels, "forest"), groups=5),
    "bagged SVMs": System(partial(head_on_pixels, "bagged-svm"), groups=5),
    "invariant SVM": System(invariant_svm, VIEWS),
    "invariant ridge": System(invariant_ridge, VIEWS),
    "ridge committee": System(committee, "+".join(EXTRACTORS), placed=True),
    "STSTNet": System(ststnet, groups=5),
    "STSTNet, mirrored": System(partial(ststnet, mirror=True), groups=5),
}


def _pixels(maps: Maps) -> Matrix:
    return parse("flow-pixels")[0].transform(maps).astype(np.float64)


def _gaussian(X: Matrix) -> dict[str, Matrix]:
    base = squared_distances(X, X)
    base /= np.median(base[np.triu_indices(len(X), 1)])
    return {f"{gamma:g}": np.exp(-gamma * base) for gamma in GAMMA_GRID}


def maps_of(dataset: Dataset) -> Maps:
    """Return all motion maps of a set, after checking that it can be divided by subject.

    Raises
    ------
    ValueError
        If the set holds no motion maps or names no subjects.
    """
    if dataset.kind != "flow" or dataset.groups is None:
        raise ValueError(f"{dataset.name}: need motion maps of named subjects")
    return np.stack([dataset.samples[i] for i in range(len(dataset))])
