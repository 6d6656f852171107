"""Multinomial logistic regression as plain arrays."""

from __future__ import annotations

import logging
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifiers._base import LinearHead
from classifiers._rows import Rows

log = logging.getLogger(__name__)

#: Values in a matrix below which a second thread gains nothing.
_SMALL = 2_000_000


class Softmax(LinearHead):
    """Linear layer and softmax: scikit-learn's `LogisticRegression` by L-BFGS, its scaler inside.

    Parameters
    ----------
    C : float, default=1.0
        Inverse of the L2 penalty.
    max_iter : int, default=1000
    tol : float, default=1e-4
        Largest gradient component at which the fit stops.
    class_weight : dict, "balanced" or None
    scale : {"standard", "none"}, default="standard"

    Attributes
    ----------
    classes_ : (n_classes,)
    coef_ : (n_classes, d) float64, of scaled features; one row for two classes
    intercept_ : (n_classes,) float64
    n_iter_ : int

    Notes
    -----
    Vectors that come as `classifiers._rows.Rows` are never in memory as a whole: `classifiers._linear` then
    minimises the same function by blocks, to a slope `tol` as long as at the start.
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
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.scale = scale

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Softmax:
        """Fit on (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite or all labels are the same.
        """
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        fitted = fit_path(vectors, codes, weights, [self.C], self.max_iter, self.tol)
        self.coef_, self.intercept_, self.n_iter_ = fitted[0]
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) probabilities; rows sum to 1."""
        return _shares(self.decision_function(X))

    def answers(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return `predict` and `predict_proba` together."""
        labels, logits = super().answers(X)
        return labels, _shares(logits)


def _shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, n_classes) probabilities of what `Softmax.decision_function` gives."""
    from scipy.special import expit, softmax

    if logits.ndim == 2:
        return softmax(logits, axis=1)
    return np.column_stack([expit(-logits), expit(logits)])


def _threads_for(values: int) -> AbstractContextManager[Any]:
    """Keep small products on one thread: on a busy machine a second costs more than it brings."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1) if values < _SMALL else nullcontext()


def fit_path(
    X: NDArray[Any] | Rows,
    codes: NDArray[np.intp],
    weights: NDArray[np.float64],
    costs: list[float],
    max_iter: int,
    tol: float,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], int]]:
    """Return (coef, intercept, iterations) for each C, fitted upwards, each from the one before."""
    if isinstance(X, Rows):
        from classifiers._linear import Problem, logistic
        from classifiers._linear import fit_path as by_blocks

        problem = Problem(X, codes, weights, int(codes.max()) + 1, logistic, 0.15)
        return by_blocks(problem, costs, max_iter, tol, "softmax")
    return _fit_path_in_memory(X, codes, weights, costs, max_iter, tol)


def _fit_path_in_memory(
    X: NDArray[Any],
    codes: NDArray[np.intp],
    weights: NDArray[np.float64],
    costs: list[float],
    max_iter: int,
    tol: float,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], int]]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=max_iter, tol=tol, warm_start=len(costs) > 1)
    found: dict[int, Any] = {}
    for c in np.argsort(costs, kind="stable"):
        model.set_params(C=costs[c])
        with warnings.catch_warnings(), _threads_for(X.size):
            warnings.simplefilter("ignore")  # said below in one line
            model.fit(X, codes, sample_weight=weights)
        made = int(np.max(model.n_iter_))
        if made >= max_iter:
            log.warning("softmax: not converged after %d iterations (C=%g); raise max_iter", made, costs[c])
        found[int(c)] = (
            np.array(model.coef_, np.float64),
            np.array(model.intercept_, np.float64),
            made,
        )
    return [found[c] for c in range(len(costs))]
