"""What a strategy is given, and what it gives back."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

log = logging.getLogger(__name__)

#: Seconds between two lines of the log that say how far a search is.
SAID_EVERY = 30.0
Splits = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


class NotSharedError(Exception):
    """No strategy applies; the message says why in words that follow "because"."""


@dataclass(frozen=True)
class Given:
    """What a search is given besides its candidates.

    Attributes
    ----------
    X : sequence of n samples
        In any form that the estimator takes.
    y : (n,) labels
    splits : sequence of (train, test) indices
    fit_params : mapping
        What `fit` is to be given besides, by its name.
    memory : float
        Gigabytes that kernels may take.
    n_jobs : int or None
        Of the search.
    asked : set of str or None
        Methods of an estimator that the scoring calls; None where that is not known.
    """

    X: Any
    y: NDArray[Any]
    splits: Splits
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    memory: float = 8.0
    n_jobs: int | None = None
    asked: frozenset[str] | None = None

    def asks_for(self, method: str) -> bool:
        """Return whether the scoring may call a method."""
        return self.asked is None or method in self.asked


@dataclass(frozen=True)
class Work:
    """Candidates of one kind on one matrix of vectors.

    Attributes
    ----------
    estimator : unfitted estimator
    params : sequence of dict
        All parameters of each candidate, the estimator's own where the grid does not name them.
    X : (n, d) float, or Rows where the estimator reads them in blocks
    y : (n,) labels
    splits : sequence of (train, test) indices
    memory : float
        Gigabytes that kernels may take.
    weights : (n,) float64 or None
        Weights of the samples.
    threads : int
        For estimators that are not ours; a head of ours has its own `n_jobs`.
    """

    estimator: Any
    params: Sequence[Mapping[str, Any]]
    X: Any
    y: NDArray[Any]
    splits: Splits
    memory: float
    weights: NDArray[np.float64] | None = None
    threads: int = 1

    def groups(self, shared: Iterable[str]) -> Iterator[list[int]]:
        """Yield candidates that differ in nothing but the parameters named."""
        without, kept = set(shared), {}  # type: set[str], dict[Hashable, list[int]]
        for c, params in enumerate(self.params):
            key = signature({k: v for k, v in params.items() if k not in without})
            kept.setdefault(key, []).append(c)
        yield from kept.values()

    def values(self, members: Iterable[int], name: str) -> list[Any]:
        """Return the different values of a parameter, in order of appearance."""
        return list(dict.fromkeys(self.params[c][name] for c in members))

    def labels(self, split: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return the classes of a training fold and each sample's code."""
        classes, codes = np.unique(self.y[self.splits[split][0]], return_inverse=True)
        return classes, codes

    def built(self, candidate: int) -> Any:
        """Return a candidate, unfitted, with copies of its parameters: fitting draws from a random state."""
        return clone(clone(self.estimator).set_params(**self.params[candidate]))

    def training_weights(self, split: int) -> NDArray[np.float64] | None:
        """Return the weights of a training fold, if there are any."""
        return None if self.weights is None else self.weights[self.splits[split][0]]


def signature(value: Any) -> Hashable:
    """Return a key that is equal for equal parameters: of estimators, containers, arrays and plain values.

    Things that cannot be compared are different, unless they are the same object.
    """
    if hasattr(value, "get_params") and not isinstance(value, type):
        return type(value), signature(value.get_params(deep=False))
    if isinstance(value, Mapping):
        return "mapping", tuple((signature(k), signature(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(signature(v) for v in value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.random.RandomState):
        return "state", signature(value.get_state(legacy=True))
    try:
        hash(value)
    except TypeError:
        return "object", id(value)
    return type(value), value


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
    error : Exception or None
        Why the candidate cannot be fitted; the others are empty then.
    """

    classes: NDArray[Any]
    winner: NDArray[np.intp]
    decision: NDArray[np.float64] | None = None
    proba: NDArray[np.float64] | None = None
    error: Exception | None = None


Found = Iterator[tuple[int, int, Answer]]


def watched(found: Iterable[tuple[int, int, Answer]], cells: int) -> Found:
    """Yield answers as they come; now and then the log says at INFO how long the others will take, about."""
    started = said = time.perf_counter()
    for done, answer in enumerate(found, 1):
        yield answer
        now = time.perf_counter()
        if now - said >= SAID_EVERY and done < cells:
            said, spent = now, now - started
            left = spent / done * (cells - done)
            log.info("%d of %d cells in %.0f s, about %.0f s left", done, cells, spent, left)


def dense(X: Any) -> NDArray[Any]:
    """Return plain finite vectors (n, d), float32 or float64.

    Raises
    ------
    NotSharedError
        If `X` is sparse, no matrix of numbers, or not finite.
    """
    if hasattr(X, "toarray"):
        raise NotSharedError("the vectors are sparse")
    vectors = np.asarray(X)  # of Rows: all of them
    if vectors.dtype.kind not in "fiub" or vectors.ndim != 2:
        raise NotSharedError("the vectors are no matrix of numbers")
    if vectors.dtype not in (np.float32, np.float64):
        vectors = vectors.astype(np.float64)
    if not np.isfinite(vectors.sum(dtype=np.float64)):
        raise NotSharedError("vectors are not finite")
    return vectors
