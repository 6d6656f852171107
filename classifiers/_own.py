"""`network-softmax`, the head whose vectors are scores already, one a class.

Saved models name this module and its class: neither may have another name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def _gives_probabilities(estimator: Own) -> bool:
    return bool(getattr(estimator, "probabilistic_", False))


class Own(ClassifierMixin, BaseEstimator):
    """Take the largest score.

    Attributes
    ----------
    label_is_largest : bool
        True, see `classifiers._base.Head`.
    classes_ : (k,) int
        0 .. k - 1: column i of the vectors is the score of class i.
    probabilistic_ : bool
        Whether the scores it was shown are probability distributions (a softmax), not margins (the hinge).
    """

    label_is_largest = True

    def fit(self, X: NDArray[np.floating[Any]], y: NDArray[np.int64]) -> Own:
        """Learn nothing but the number of classes.

        Raises
        ------
        ValueError
            If the vectors are too short to hold a score for each class in `y`.
        """
        X, y = np.asarray(X), np.asarray(y)
        if y.max(initial=-1) >= X.shape[1]:
            raise ValueError(
                f"head network-softmax takes a network's scores, one a class; {X.shape[1]} values cannot be "
                f"those of {int(y.max()) + 1} classes: use layer='scores'"
            )
        self.classes_ = np.arange(X.shape[1])
        self.n_features_in_ = X.shape[1]
        self.probabilistic_ = bool((X >= 0).all() and np.allclose(X.sum(axis=1), 1, atol=1e-2))
        return self

    def predict(self, X: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the class with the largest score."""
        check_is_fitted(self)
        return self.classes_[np.argmax(X, axis=1)].astype(np.int64)

    def decision_function(self, X: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the scores as they are."""
        check_is_fitted(self)
        return np.asarray(X)

    @available_if(_gives_probabilities)
    def predict_proba(self, X: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the scores, which are probabilities, with their rounding taken out."""
        p = np.asarray(X, np.float64)
        return p / p.sum(axis=1, keepdims=True)
