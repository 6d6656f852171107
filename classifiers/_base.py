"""What every head of ours shares: checked input, an optional scaler, labels to codes and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data

from classifiers._rows import Rows, blocks, is_finite

T = TypeVar("T")
R = TypeVar("R")


class Head(ClassifierMixin, BaseEstimator):
    """Base of the heads: a scikit-learn classifier whose fitted attributes are plain NumPy arrays.

    A subclass gives `_fit(X, codes, weights)` and `_scores(X)`, and a parameter `scale` where it scales.
    """

    #: Whether `fit` reads `Rows` block by block; a head that does not reads all of them first.
    by_blocks = False

    @property
    def label_is_largest(self) -> bool:
        """Whether `predict` gives the class of the largest number of `classifiers.scores`, ties aside."""
        return True

    def _checked_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.float64]]:
        """Return finite vectors, and the class code and weight of each; sets `classes_` and the scaler.

        Raises
        ------
        ValueError
            If X is not a finite 2-d array of numbers, or y holds one class only.
        """
        vectors, y = self._validated(X, y)
        check_classification_targets(y)
        self._refuse_not_finite(vectors)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__}: all {len(codes)} samples are of one class, {self.classes_[0]!r}; "
                "at least two classes are needed"
            )
        weights = _check_sample_weight(sample_weight, vectors, dtype=np.float64, ensure_non_negative=True)
        self._fit_scaler(vectors, None if sample_weight is None else weights)
        return self._scaled(vectors), codes, self._by_class(weights, codes)

    def _validated(self, X: Any, y: ArrayLike) -> tuple[Any, NDArray[Any]]:
        """Return vectors, of `Rows` unread where this head takes blocks, and labels."""
        if not isinstance(X, Rows) or not self.by_blocks:
            X = np.asarray(X) if isinstance(X, Rows) else X
            return validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
        self.n_features_in_ = X.shape[1]
        labels: NDArray[Any] = column_or_1d(y)
        if len(labels) != len(X):
            raise ValueError(f"{type(self).__name__}: {len(X)} vectors and {len(labels)} labels")
        return X, labels

    def _checked(self, X: Any) -> NDArray[Any]:
        """Return the vectors to predict, checked and scaled as in `fit`."""
        check_is_fitted(self)
        X = np.asarray(X) if isinstance(X, Rows) else X
        vectors = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], ensure_all_finite=False)
        self._refuse_not_finite(vectors)
        return self._scaled(vectors)

    def _refuse_not_finite(self, X: NDArray[Any] | Rows) -> None:
        if is_finite(X):
            return
        bad = np.flatnonzero(np.concatenate([~np.isfinite(block).all(axis=1) for _, block in blocks(X)]))
        if bad.size:
            raise ValueError(
                f"{type(self).__name__}: {bad.size} of {len(X)} vectors hold NaN or infinity "
                f"(the first is row {bad[0]}); repair or leave them out"
            )

    def _fit_scaler(self, X: NDArray[Any] | Rows, weights: NDArray[np.float64] | None) -> None:
        if getattr(self, "scale", "none") == "none":
            return
        if isinstance(X, Rows):
            self.mean_, spread = _moments(X, weights)
        elif weights is None:
            self.mean_ = X.mean(axis=0, dtype=np.float64)
            spread = X.std(axis=0, dtype=np.float64)
        else:
            self.mean_ = np.average(X, axis=0, weights=weights)
            spread = np.sqrt(np.average((X - self.mean_) ** 2, axis=0, weights=weights))
        # A constant feature keeps its size, as in scikit-learn's StandardScaler.
        constant = spread <= 10 * np.finfo(np.float64).eps * np.maximum(1, np.abs(self.mean_))
        self.scale_ = np.where(constant, 1.0, spread)

    def _scaled(self, X: Any) -> Any:
        if getattr(self, "scale", "none") == "none":
            return X
        if isinstance(X, Rows):
            return X.scaled(self.mean_, self.scale_)
        return ((X - self.mean_) / self.scale_).astype(X.dtype, copy=False)

    def _by_class(self, weights: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return each sample's weight times its class's (parameter `class_weight`)."""
        named = getattr(self, "class_weight", None)
        if named is None:
            return weights
        per_class = compute_class_weight(
            named, classes=self.classes_, y=self.classes_[codes], sample_weight=weights
        )
        return weights * per_class[codes]


class DecisionHead(Head):
    """A head whose label is the class of the largest decision."""

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) decisions; (n,) for two classes (positive: the second)."""
        raise NotImplementedError

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the (n,) labels of the largest decision."""
        codes = winner(self.decision_function(X))  # first: it is what says that nothing is fitted
        return self.classes_[codes]

    def answers(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return `predict` and `decision_function` together: they are computed once."""
        decided = self.decision_function(X)
        return self.classes_[winner(decided)], decided


class LinearHead(DecisionHead):
    """A head that has fitted ``coef_`` and ``intercept_``, of scaled features; one row for two classes."""

    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) decisions; (n,) for two classes (positive: the second)."""
        decided = self._checked(X) @ self.coef_.T + self.intercept_
        return decided[:, 0] if len(self.classes_) == 2 else decided


def _moments(X: Rows, weights: NDArray[np.float64] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and the standard deviation of each column, read twice: sums of squares lose digits."""
    w = np.ones(len(X)) if weights is None else weights
    mean = sum(w[at] @ block.astype(np.float64) for at, block in X.blocks()) / w.sum()
    variance = sum(w[at] @ (block - mean) ** 2 for at, block in X.blocks()) / w.sum()
    return mean, np.sqrt(variance)


def winner(decision: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return the (n,) class codes of (n, n_classes) decisions; of two classes from (n,), the second's."""
    return decision.argmax(axis=1) if decision.ndim == 2 else (decision > 0).astype(np.intp)


def cores(n_jobs: int | None) -> int:
    """Return how many threads `n_jobs` means, in joblib's sense (-1: all that this process may use).

    As for joblib, ``LOKY_MAX_CPU_COUNT`` says that this process may use no more: several share the machine.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get("LOKY_MAX_CPU_COUNT", "")
    available = min(available, int(told)) if told.isdecimal() and int(told) else available
    if n_jobs is None:
        return 1
    return max(1, available + 1 + n_jobs) if n_jobs < 0 else max(1, n_jobs)


def in_threads(work: Callable[[T], R], items: Iterable[T], n_jobs: int | None) -> list[R]:
    """Return ``[work(i) for i in items]``, computed by threads (the work releases the interpreter's lock)."""
    todo: Sequence[T] = list(items)
    threads = min(cores(n_jobs), len(todo))
    if threads < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, todo))
