"""What a strategy is given, what it gives back, and how scikit-learn's scorers read it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if

log = logging.getLogger(__name__)

#: Seconds between two lines of the log that say how far a search is.
SAID_EVERY = 30.0
Splits = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


class NotSharedError(Exception):
    """No strategy applies; the message says why in words that follow "because"."""


@dataclass(frozen=True)
class Work:
    """A search to be made.

    Attributes
    ----------
    estimator : unfitted head
    params : sequence of dict
        All parameters of each candidate, the estimator's own where the grid does not name them.
    X : (n, d) float
    y : (n,) labels
    splits : sequence of (train, test) indices
    memory : float
        Gigabytes that kernels may take.
    """

    estimator: Any
    params: Sequence[Mapping[str, Any]]
    X: NDArray[Any]
    y: NDArray[Any]
    splits: Splits
    memory: float

    def groups(self, shared: Iterable[str]) -> Iterator[list[int]]:
        """Yield candidates that differ in nothing but the parameters named."""
        kept: dict[str, list[int]] = {}
        for c, params in enumerate(self.params):
            kept.setdefault(_key(params, shared), []).append(c)
        yield from kept.values()

    def values(self, members: Iterable[int], name: str) -> list[Any]:
        """Return the different values of a parameter, in order of appearance."""
        return list(dict.fromkeys(self.params[c][name] for c in members))

    def labels(self, split: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the classes of a training fold and each sample's code."""
        classes, codes = np.unique(self.y[self.splits[split][0]], return_inverse=True)
        return classes, codes


def _key(params: Mapping[str, Any], without: Iterable[str]) -> str:
    kept = {k: v for k, v in params.items() if k not in set(without)}
    return json.dumps(kept, sort_keys=True, default=repr)


@dataclass(frozen=True)
class Answer:
    """What a candidate says of a test fold.

    Attributes
    ----------
    classes : (n_classes,) labels
        Of the training fold.
    winner : (m,) int
        Class code predicted.
    decision, proba : ndarray or None
        What `decision_function` and `predict_proba` would give.
    """

    classes: NDArray[Any]
    winner: NDArray[np.intp]
    decision: NDArray[np.float64] | None = None
    proba: NDArray[np.float64] | None = None


def watched(found: Iterable[tuple[int, int, Answer]], cells: int) -> Iterator[tuple[int, int, Answer]]:
    """Yield answers as they come; now and then the log says at INFO how long the others will take, about."""
    started = said = time.perf_counter()
    for done, answer in enumerate(found, 1):
        yield answer
        now = time.perf_counter()
        if now - said >= SAID_EVERY and done < cells:
            said, spent = now, now - started
            left = spent / done * (cells - done)
            log.info("%d of %d cells in %.0f s, about %.0f s left", done, cells, spent, left)


class Table:
    """Answers by candidate and split; a split is known by its training rows."""

    def __init__(self, params: Sequence[Mapping[str, Any]], splits: Splits) -> None:
        self.answers: dict[tuple[int, int], Answer] = {}
        self._candidate = {_key(p, ()): c for c, p in enumerate(params)}
        self._split = {train.tobytes(): s for s, (train, _) in enumerate(splits)}
        if len(self._split) < len(splits):
            raise NotSharedError("two splits have the same training samples")

    def number(self, params: Mapping[str, Any]) -> int:
        """Return the number of a candidate: of equal ones, the last."""
        return self._candidate[_key(params, ())]

    def find(self, params: Mapping[str, Any], train: NDArray[np.intp]) -> Answer | None:
        """Return the answer of a candidate fitted on some rows; None for rows that are no training fold."""
        split = self._split.get(train.tobytes())
        return None if split is None else self.answers[self.number(params), split]


class Replay(ClassifierMixin, BaseEstimator):
    """A head that answers from a `Table`, for scikit-learn's own search and scorers to run on.

    Its vectors are row numbers, its parameters those of the head it stands for.
    """

    def __init__(self, table: Table, params: Mapping[str, Any]) -> None:
        self.table = table
        self.params = dict(params)

    def __sklearn_clone__(self) -> Replay:
        return Replay(self.table, self.params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the head's parameters."""
        return dict(self.params)

    def set_params(self, **params: Any) -> Replay:
        """Change the head's parameters."""
        self.params |= params
        return self

    def fit(self, rows: NDArray[np.intp], y: NDArray[Any]) -> Replay:
        """Find the answer for the training fold `rows` (none for the refit, whose result is not used)."""
        self.answer_ = self.table.find(self.params, np.ascontiguousarray(rows[:, 0]))
        self.classes_ = np.unique(y)
        return self

    def predict(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return the labels of the test fold."""
        assert self.answer_ is not None  # noqa: S101
        return self.answer_.classes[self.answer_.winner]

    # Only the methods that the head would have exist: scorers choose by that.
    @available_if(lambda self: self._has("decision"))
    def decision_function(self, rows: NDArray[np.intp]) -> Any:
        """Return the scores of the test fold."""
        return self.answer_.decision  # type: ignore[union-attr]

    @available_if(lambda self: self._has("proba"))
    def predict_proba(self, rows: NDArray[np.intp]) -> Any:
        """Return the probabilities of the test fold."""
        return self.answer_.proba  # type: ignore[union-attr]

    def _has(self, name: str) -> bool:
        return getattr(getattr(self, "answer_", None), name, None) is not None
