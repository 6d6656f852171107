"""Linear support vector machines, one class against the rest, over vectors read in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import compute_class_weight

from classifiers._base import LinearHead
from classifiers._linear import Problem, fit_path, weighted_squared_hinge


class LinearSVM(LinearHead):
    """Linear SVM with a squared hinge loss, as scikit-learn's `LinearSVC`, its scaler inside.

    All classes are fitted at once, by passes over blocks of the vectors: memory does not grow with their
    number, and a C starts at the solution of the one before. Equal to `LinearSVC` up to its tolerance, which
    tests/classifiers measures; the intercept is penalised as LIBLINEAR does.

    Parameters
    ----------
    C : float, default=1.0
        Penalty.
    max_iter : int, default=1000
    tol : float, default=1e-4
        Length of the slope at which the fit stops, as a part of its length at the start.
    class_weight : dict, "balanced" or None
        How often the vectors of a class count where it stands against the rest, as in `LinearSVC`.
    scale : {"standard", "none"}, default="standard"
    n_jobs : int or None, default=-1
        Threads.

    Attributes
    ----------
    classes_ : (n_classes,)
    coef_ : (n_classes, d) float64, of scaled features; one row for two classes
    intercept_ : (n_classes,) float64
    n_iter_ : int
    """

    by_blocks = True

    def __init__(
        self,
        C: float = 1.0,
        *,
        max_iter: int = 1000,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        scale: str = "standard",
        n_jobs: int | None = -1,
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.scale = scale
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> LinearSVM:
        """Fit on (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite or all labels are the same.
        """
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        fitted = self.path(vectors, codes, weights, [self.C])
        self.coef_, self.intercept_, self.n_iter_ = fitted[0]
        return self

    def _by_class(self, weights: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the samples' own weights; keep the classes', which count as LIBLINEAR has them."""
        self.class_costs_ = None
        if self.class_weight is not None:
            labels = self.classes_[codes]
            self.class_costs_ = compute_class_weight(
                self.class_weight, classes=self.classes_, y=labels, sample_weight=weights
            )
        return weights

    def path(self, X: Any, codes: NDArray[np.intp], weights: NDArray[np.float64], costs: list[float]) -> Any:
        """Return (coef, intercept, iterations) for each C on scaled vectors."""
        problem = Problem(
            X, codes, weights, len(self.classes_), weighted_squared_hinge(self.class_costs_), 1.0,
            penalised_intercept=True, n_jobs=self.n_jobs,
        )  # fmt: skip
        return fit_path(problem, costs, self.max_iter, self.tol, "linear-svm")
