"""Which estimators share their fits, and by which strategy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray

from classifiers._rows import Rows
from classifiers.search._work import Found, Given, NotSharedError, Work, dense, watched

log = logging.getLogger(__name__)

Strategy = Callable[[Work], Found]
#: What the candidates of an estimator share, as the log says it.
SHARED = {
    "svm": "one kernel matrix",
    "bagged-svm": "one kernel matrix, of which bags are views",
    "knn": "one neighbour search for each metric and fold",
    "local-svm": "each sample's neighbours and their kernel",
    "forest": "the trees of the largest forest",
    "softmax": "a path over C",
    "linear-svm": "a path over C",
    "nystroem-svm": "landmarks, their kernel for each gamma and fold, and a path over C",
    "SVC": "one kernel matrix",
    "KNeighborsClassifier": "one neighbour search for each metric and fold",
    "RandomForestClassifier": "the trees of the largest forest",
    "ExtraTreesClassifier": "the trees of the largest forest",
    "BaggingClassifier": "one kernel matrix, of which bags are views",
    "Pipeline": "transformers, each fitted once a fold",
}


def head_of(estimator: Any) -> tuple[str, Strategy] | None:
    """Return the registered name and the strategy of one of our heads."""
    from classifiers._forest import Forest
    from classifiers._knn import KNN
    from classifiers._linear_svm import LinearSVM
    from classifiers._local import LocalSVC
    from classifiers._nystroem import NystroemSVM
    from classifiers._softmax import Softmax
    from classifiers._svc import SVC, BaggedSVC
    from classifiers.search import _others, _svm

    return {
        SVC: ("svm", _svm.sweep_svm),
        BaggedSVC: ("bagged-svm", _svm.sweep_bagged),
        KNN: ("knn", _others.sweep_knn),
        LocalSVC: ("local-svm", _others.sweep_local),
        Forest: ("forest", _others.sweep_forest),
        Softmax: ("softmax", _others.sweep_softmax),
        LinearSVM: ("linear-svm", _others.sweep_linear),
        NystroemSVM: ("nystroem-svm", _others.sweep_nystroem),
    }.get(type(estimator))


def _scikit_learns(estimator: Any) -> tuple[str, Strategy] | None:
    """Return the name and the strategy of an estimator of scikit-learn (of a subclass: none)."""
    from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    from classifiers.search import _scikit_learn as theirs

    strategy: Strategy | None = {
        SVC: theirs.sweep_svc,
        KNeighborsClassifier: theirs.sweep_neighbours,
        RandomForestClassifier: theirs.sweep_trees,
        ExtraTreesClassifier: theirs.sweep_trees,
        BaggingClassifier: theirs.sweep_bagging,
    }.get(type(estimator))
    return None if strategy is None else (type(estimator).__name__, strategy)


def strategy_of(estimator: Any) -> tuple[str, Strategy]:
    """Return the name and the strategy of an estimator.

    Raises
    ------
    NotSharedError
        If there is none.
    """
    found = head_of(estimator) or _scikit_learns(estimator)
    if found is None:
        raise NotSharedError(f"the fits of {type(estimator).__name__} have nothing in common")
    return found


def by_kind(built: Sequence[Any]) -> list[list[int]]:
    """Return candidates in groups of one class each."""
    kept: dict[type, list[int]] = {}
    for c, estimator in enumerate(built):
        kept.setdefault(type(estimator), []).append(c)
    return list(kept.values())


def sweep_alike(built: Sequence[Any], given: Given, echo: bool = True) -> Found:
    """Yield (candidate, split, answer) for estimators of one class on vectors as they come."""
    name, strategy = strategy_of(built[0])
    extra = [key for key in given.fit_params if key != "sample_weight"]
    weights = given.fit_params.get("sample_weight")
    if extra or (weights is not None and head_of(built[0]) is not None):
        raise NotSharedError(f"fit was given {(extra or ['sample_weight'])[0]}")
    X = given.X if isinstance(given.X, Rows) and getattr(built[0], "by_blocks", False) else dense(given.X)
    work = Work(
        built[0], [b.get_params(deep=False) for b in built], X, given.y, given.splits, given.memory,
        None if weights is None else checked_weights(weights, given),
        max(effective_n_jobs(given.n_jobs), effective_n_jobs(getattr(built[0], "n_jobs", None) or 1)),
    )  # fmt: skip
    return answers(name, strategy, work) if echo else strategy(work)


def checked_weights(weights: Any, given: Given) -> NDArray[np.float64]:
    """Return sample weights as numbers.

    Raises
    ------
    NotSharedError
        If one is negative or not finite, or a class of a training fold has none above 0.
    """
    found = np.asarray(weights, np.float64)
    if found.shape != given.y.shape or not np.isfinite(found).all() or (found < 0).any():
        raise NotSharedError("sample weights are not one number from 0 for each sample")
    for train, _ in given.splits:
        present = train[found[train] > 0]
        if len(np.unique(given.y[present])) < len(np.unique(given.y[train])):
            raise NotSharedError("the samples of a class all have the weight 0 in a fold")
    return found


def answers(name: str, strategy: Strategy, work: Work) -> Found:
    """Yield what a strategy finds, and say at INFO what is shared and how far it is."""
    n, folds = len(work.params), len(work.splits)
    say_shared(name, n, folds)
    return watched(strategy(work), n * folds)


def say_shared(name: str, n: int, folds: int) -> None:
    """Say at INFO what the candidates share."""
    each = "1 fold" if folds == 1 else f"{folds} folds"
    log.info("%s: %d candidates on %s share %s", name, n, each, SHARED[name])


def split_params(params: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Return the parameters ``step__name`` of a step of a Pipeline, by their names."""
    return {key.partition("__")[2]: v for key, v in params.items() if key.partition("__")[0] == step}


def rows_of(params: Mapping[str, Any], n: int, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Return fit parameters, of those with a value a sample the rows asked for."""
    from sklearn.utils import _safe_indexing

    def long(value: Any) -> bool:
        return hasattr(value, "__len__") and not isinstance(value, str | dict) and len(value) == n

    return {k: _safe_indexing(v, rows) if long(v) else v for k, v in params.items()}
