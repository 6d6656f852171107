"""One question to any head, its label and how much each class gets, and one form of answer."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifiers._rows import Rows


def scores(estimator: Any, X: ArrayLike) -> NDArray[np.float64]:
    """Return one score a class, larger for a likelier class.

    Probabilities where the head has them, else its `decision_function`. For two classes a head gives one
    number, positive for the second class: here it becomes two columns, the number and its negative.

    Parameters
    ----------
    estimator : fitted head
    X : (n, d) array of float

    Returns
    -------
    (n, n_classes) ndarray of float64
        Columns follow `estimator.classes_`.

    Raises
    ------
    ValueError
        If the estimator gives neither, or not one score a class (``decision_function_shape="ovo"``).
    """
    if isinstance(X, Rows):
        return np.concatenate([scores(estimator, block) for _, block in X.blocks()])
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(X), np.float64)
    if not hasattr(estimator, "decision_function"):
        raise ValueError(f"{type(estimator).__name__} gives neither probabilities nor scores")
    return _columns(estimator, np.asarray(estimator.decision_function(X), np.float64))


def answers(estimator: Any, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64], float]:
    """Return the (n,) labels, the `scores`, and the seconds that the labels took.

    The labels are those of `predict`, the only definition of a head's label: fitting measures it, and
    whatever predicts shows it. The largest score need not be of that class (see `label_is_largest`).

    A head with a method ``answers(X)`` is asked once for both: it returns what `predict` gives, and what
    `predict_proba` gives or, where the head has none, `decision_function`.

    Raises
    ------
    ValueError
        As `scores`.
    """
    if isinstance(X, Rows):
        labels, found, seconds = zip(*(answers(estimator, block) for _, block in X.blocks()), strict=True)
        return np.concatenate(labels), np.concatenate(found), sum(seconds)
    together, started = getattr(estimator, "answers", None), time.perf_counter()
    labels, found = together(X) if together else (estimator.predict(X), None)
    seconds = time.perf_counter() - started
    if found is None:
        return labels, scores(estimator, X), seconds
    return labels, _columns(estimator, np.asarray(found, np.float64)), seconds


def label_is_largest(estimator: Any) -> bool:
    """Return whether the label always has the largest of the head's `scores`, ties aside.

    Not so where probabilities are calibrated class by class beside a vote (`svm`, `bagged-svm` with
    ``probability=True``), nor where the first of tied votes wins (`svm` without ``break_ties``). Of a head
    that does not state it, it is not known, and taken as no.
    """
    return bool(getattr(estimator, "label_is_largest", False))


def in_order_of_labels(
    found: NDArray[np.float64], labels: NDArray[np.intp], least: float = 1e-9
) -> NDArray[np.float64]:
    """Return (n, k) scores in which the first largest of each row is that of its label.

    A row is changed only where the head decided otherwise, as between tied votes: there the label's score is
    raised above the largest, by `least` of it (at least of 1).
    """
    off = np.flatnonzero(found.argmax(axis=1) != labels) if found.size else np.empty(0, np.intp)
    raised, top = found.copy(), found[off].max(axis=1, initial=-np.inf)
    raised[off, labels[off]] = top + least * np.maximum(1, np.abs(top))
    return raised


def _columns(estimator: Any, found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return decisions as one column a class."""
    if found.ndim == 1:
        found = np.column_stack([-found, found])
    if found.shape[1] != len(estimator.classes_):
        raise ValueError(
            f"{type(estimator).__name__} gives {found.shape[1]} scores, not one for each of "
            f"{len(estimator.classes_)} classes; "
            'build it with decision_function_shape="ovr"'
        )
    return found


def probabilities(estimator: Any, X: ArrayLike) -> NDArray[np.float64]:
    """Return (n, n_classes) probabilities, rows summing to 1.

    Votes of support vector machines are scores and no probabilities, and are not dressed up as such.

    Raises
    ------
    ValueError
        If the head gives scores only.
    """
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"{type(estimator).__name__} gives scores, not probabilities; build it with probability=True"
        )
    return np.asarray(estimator.predict_proba(X), np.float64)
