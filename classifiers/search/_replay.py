"""Answers as an estimator, so that scikit-learn's own search scores them and chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

from classifiers.search._work import Answer, Splits

_METHODS = ("decision_function", "predict_proba", "predict_log_proba")


class Table:
    """Answers by candidate and split, given out in the order in which a search in one process asks.

    Attributes
    ----------
    answers : dict of (candidate, split) to Answer
    lost : str
        Why the answers do not do for what was asked of them; empty where they do.
    """

    def __init__(self, built: Sequence[Any], splits: Splits) -> None:
        self.answers: dict[tuple[int, int], Answer] = {}
        self.built, self.splits, self.lost, self._fits = built, splits, "", 0

    def next(self, rows: NDArray[np.intp]) -> tuple[Any, Answer | None]:
        """Return the next candidate and its answer for the training fold `rows`; None for the refit."""
        candidate, split = divmod(self._fits, len(self.splits))
        self._fits += 1
        if candidate >= len(self.built):
            return self.built[0], None
        if not np.array_equal(rows, self.splits[split][0]):
            self.lost = "folds were asked for in another order"
        return self.built[candidate], self.answers[candidate, split]


class Replay(ClassifierMixin, BaseEstimator):
    """Stands for the candidates of a `Table`: its n-th fit is the n-th cell, candidate by candidate."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __sklearn_clone__(self) -> Replay:
        return Replay(self.table)

    def set_params(self, **params: Any) -> Replay:
        """Take any parameter: the candidates have theirs already."""
        return self

    def fit(self, X: Any, y: NDArray[Any], rows: NDArray[np.intp], sample_weight: Any = None) -> Replay:
        """Find the answer for the training fold `rows` (none for the refit, whose result is not used).

        `sample_weight` is for the scorer, to which the search hands it on.
        """
        self.built_, self.answer_ = self.table.next(np.asarray(rows))
        if self.answer_ is not None and self.answer_.error is not None:
            raise self.answer_.error
        self.classes_ = np.unique(y) if self.answer_ is None else self.answer_.classes
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the labels of the test fold."""
        return self.answer_.classes[self._whole(X, self.answer_.winner)]  # type: ignore[union-attr]

    # Only the methods that the estimator would have exist: scorers choose by that.
    @available_if(lambda self: self._has("decision"))
    def decision_function(self, X: Any) -> Any:
        """Return the scores of the test fold."""
        return self._whole(X, self.answer_.decision)  # type: ignore[union-attr]

    @available_if(lambda self: self._has("proba"))
    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the test fold."""
        return self._whole(X, self.answer_.proba)  # type: ignore[union-attr]

    def _has(self, name: str) -> bool:
        return getattr(self.__dict__.get("answer_"), name, None) is not None

    def _whole(self, X: Any, found: Any) -> Any:
        if (X.shape[0] if hasattr(X, "shape") else len(X)) != len(self.answer_.winner):  # type: ignore[union-attr]
            self.table.lost = "the scoring asks for a part of a test fold"
        return found

    def __getattr__(self, name: str) -> Any:
        """Note what the fitted estimator would have and its answers have not."""
        if not name.startswith("_") and self.__dict__.get("answer_") is not None:
            fitted = name.endswith("_") and not name.endswith("__")
            if fitted or (name in _METHODS and hasattr(self.built_, name)):
                self.table.lost = f"the scoring looks at {name} of the fitted estimator"
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
