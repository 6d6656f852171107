"""How a choice is kept apart from what it is evaluated by."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import LeaveOneGroupOut, PredefinedSplit, StratifiedGroupKFold, StratifiedKFold


def holdout(validation: ArrayLike) -> PredefinedSplit:
    """Fit on the rest, choose on these samples; the search then fits the best on all of them.

    Parameters
    ----------
    validation : (n,) bool
        Which of the samples given to the search choose.

    Raises
    ------
    ValueError
        If none, or all, are held out.
    """
    mask = np.asarray(validation, bool)
    if mask.all() or not mask.any():
        raise ValueError(
            f"holdout: {int(mask.sum())} of {mask.size} samples are held out; some must be, not all"
        )
    return PredefinedSplit(np.where(mask, 0, -1))


def kfold(n_splits: int = 5, seed: int = 0) -> StratifiedKFold:
    """Choose by the mean over folds that hold the classes in their shares."""
    return StratifiedKFold(n_splits, shuffle=True, random_state=seed)


def by_subject(n_splits: int | None = None, seed: int = 0) -> LeaveOneGroupOut | StratifiedGroupKFold:
    """Choose by folds that share no subject; None holds out one subject at a time.

    Pass the subjects as ``fit(X, y, groups=subjects)``.
    """
    if n_splits is None:
        return LeaveOneGroupOut()
    return StratifiedGroupKFold(n_splits, shuffle=True, random_state=seed)


def folds_of(
    splitter: Any, y: NDArray[Any], groups: NDArray[Any] | None = None
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the (train, test) indices of a splitter, without its warning of classes smaller than its folds.

    For who has checked that such classes are no fault.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(y)), y, groups))


@dataclass(frozen=True)
class NestedFold:
    """One outer fold.

    Attributes
    ----------
    train, test : (n,) int
    params : dict
        Chosen by the inner search, on `train` only.
    search : fitted search
        Its `best_estimator_` is fitted on `train`.
    score : float
        Of `test`, by the search's scoring.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    params: dict[str, Any]
    search: Any
    score: float


def nested(
    search: Any, X: ArrayLike, y: ArrayLike, outer: Any, groups: ArrayLike | None = None
) -> Iterator[NestedFold]:
    """Choose inside each outer training fold, evaluate on the outer test fold, which chose nothing.

    Parameters
    ----------
    search : GridSearchCV
        With the inner `cv`; cloned for each fold.
    X, y : (n, d) vectors, (n,) labels
    outer : cross-validator or list of (train, test)
    groups : (n,) subjects, optional
        For the outer and the inner folds.

    Yields
    ------
    NestedFold
    """
    X, y = np.asarray(X), np.asarray(y)
    subjects = None if groups is None else np.asarray(groups)
    folds = outer.split(X, y, subjects) if hasattr(outer, "split") else outer
    for train, test in folds:
        inner = clone(search)
        inner.fit(X[train], y[train], **({} if subjects is None else {"groups": subjects[train]}))
        yield NestedFold(train, test, inner.best_params_, inner, float(inner.score(X[test], y[test])))
