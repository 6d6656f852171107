"""`GridSearchCV` whose candidates and folds share their work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv

from classifiers.memory import bounded, gigabytes
from classifiers.registry import checked_params, head, head_spec
from classifiers.search._work import Answer, NotSharedError, Replay, Splits, Table, Work, watched

log = logging.getLogger(__name__)

Strategy = Callable[[Work], Iterator[tuple[int, int, Answer]]]
#: What a search with halving adds to `cv_results_`: the rung, and the training samples of each fold in it.
RUNG, RESOURCES = "iter", "n_resources"
#: What the candidates of a head share, as the log says it.
SHARED = {
    "svm": "one kernel matrix",
    "bagged-svm": "one kernel matrix, of which bags are views",
    "knn": "one neighbour search for each metric and fold",
    "local-svm": "each sample's neighbours and their kernel",
    "forest": "the trees of the largest forest",
    "softmax": "a path over C",
}
_INNER = ("cv_results_", "best_index_", "best_params_", "best_score_", "multimetric_", "scorer_", "n_splits_")


class SharedGridSearch(GridSearchCV):
    """Exhaustive search over a head's parameters, which costs little more than its dearest single fit.

    The interface, the results and the choice are `GridSearchCV`'s, and so is the scoring: any `scoring`,
    `refit` and `cv` that it takes. For our heads the fits behind them are shared:

    - svm, bagged-svm: one matrix of distances for every gamma, C, fold, pair and bag (see `_svm`);
    - knn: one search at the largest k for each metric and fold;
    - local-svm: each sample's neighbours and their kernel, for every k and C;
    - forest: fewer trees, shallower trees and larger `min_samples_split` are parts of one forest;
    - softmax: a path over C with warm starts.

    For anything else (a Pipeline, another estimator, sample weights, ``return_train_score=True``)
    `GridSearchCV` itself runs, and the log says why at INFO.

    Selection is as honest as `cv` is: pass the vectors of training (and validation) only, never the test's.
    With ``cv=holdout(...)`` candidates are fitted on train, scored on validation, and the best is fitted
    again on both.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in `GridSearchCV`. `n_jobs`, `verbose` and `pre_dispatch` concern the fallback; a strategy uses
        the threads of the head, and says at INFO what is shared and, now and then, how long it will take.
    memory : str, float or None
        What kernels may take: "4GB", "500MB", a number of gigabytes, or None for 8 GB, or half of the
        machine's memory if that is less. A kernel that is larger is computed in parts, pair by pair of
        classes, or its rows are cached as libsvm does; results are the same, it takes longer, and the log
        says so at INFO.
    halving : int or None, default=None
        Successive halving, from 2: candidates start on a share of each training fold, drawn by class; the
        best 1 / halving of them go on to `halving` times as many samples, the last to the whole folds.
        `cv_results_` then has a row for each candidate and rung, with the columns "iter" and "n_resources".

    Attributes
    ----------
    cv_results_, best_index_, best_params_, best_score_, best_estimator_, refit_time_, n_splits_ ...
        As in `GridSearchCV`. Shared work has no time of its own for each cell: `mean_fit_time` is the whole
        time divided by the cells.
    shared_ : bool
        Whether a strategy did the fits.
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        error_score: Any = np.nan,
        return_train_score: bool = False,
        memory: float | str | None = None,
        halving: int | None = None,
    ) -> None:
        super().__init__(
            estimator, param_grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, verbose=verbose,
            pre_dispatch=pre_dispatch, error_score=error_score, return_train_score=return_train_score,
        )  # fmt: skip
        self.memory = memory
        self.halving = halving

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> SharedGridSearch:
        """Search, then fit the best on all of X, y.

        Parameters
        ----------
        X : (n, d) array
        y : (n,) labels
        **params
            `groups` for `cv`; anything else is given to the head's `fit` (and not shared).

        Raises
        ------
        ValueError
            If the grid names a value outside the domain of a head's parameter, `memory` or `halving` is
            none, or halving finds no strategy or several scores and no `refit` that names one.
        """
        self._check_grid()
        gigabytes(self.memory)  # a wrong one is an error at once
        _check_halving(self.halving)
        try:
            vectors, labels, splits = self._given(X, y, params)
            self._search(vectors, labels, splits)
        except NotSharedError as reason:
            if self.halving is not None:
                raise ValueError(
                    f"halving needs a shared search, and there is none because {reason}"
                ) from None
            log.info("grid search by GridSearchCV, one fit a cell, because %s", reason)
            self.shared_ = False
            return super().fit(X, y, **params)
        self.shared_ = True
        if self.refit:
            self._refit(X, y)
        return self

    def _check_grid(self) -> None:
        found = _head_of(self.estimator)
        if found is None:
            return
        known = head_spec(found[0]).params.model_fields
        for point in ParameterGrid(self.param_grid):
            checked_params(found[0], {k: v for k, v in point.items() if k in known})

    def _given(
        self, X: ArrayLike, y: ArrayLike | None, params: Mapping[str, Any]
    ) -> tuple[NDArray[Any], NDArray[Any], Splits]:
        """Return checked vectors, labels and splits."""
        extra = [name for name, value in params.items() if name != "groups" and value is not None]
        if extra:
            raise NotSharedError(f"fit was given {extra[0]}")
        if self.return_train_score:
            raise NotSharedError("return_train_score=True asks for predictions of the training folds")
        vectors, labels = _arrays(X, y)
        cv = check_cv(self.cv, labels, classifier=True)
        splits = [(np.asarray(a), np.asarray(b)) for a, b in cv.split(X, y, params.get("groups"))]
        for train, test in splits:
            if train.dtype.kind not in "iu" or test.size == 0 or len(np.unique(labels[train])) < 2:
                raise NotSharedError("a training fold holds one class only, or a test fold nothing")
        return vectors, labels, [(a.astype(np.intp), b.astype(np.intp)) for a, b in splits]

    def _search(self, X: NDArray[Any], y: NDArray[Any], splits: Splits) -> None:
        if self.halving is None:
            self._keep(self._scored(self.param_grid, X, y, splits))
            return
        rungs: list[dict[str, Any]] = []
        points = list(ParameterGrid(self.param_grid))
        for rung, sampled in enumerate(_rungs(y, splits, len(points), self.halving)):
            inner = self._scored([{k: [v] for k, v in p.items()} for p in points], X, y, sampled)
            rungs.append(_marked(inner.cv_results_, rung, sampled))
            if len(sampled[0][0]) < len(splits[0][0]):
                points = [points[i] for i in _best(inner, self.halving)]
        self._keep(inner)
        self.cv_results_ = _stacked(rungs)
        if hasattr(self, "best_index_"):
            self.best_index_ += len(self.cv_results_["params"]) - len(inner.cv_results_["params"])

    def _scored(self, grid: Any, X: NDArray[Any], y: NDArray[Any], splits: Splits) -> GridSearchCV:
        """Answer for every cell, then let scikit-learn score the answers and choose."""
        strategy = strategy_of(self.estimator)
        own = self.estimator.get_params()
        candidates = [{**own, **point} for point in ParameterGrid(grid)]
        if any(set(c) != set(own) for c in candidates):
            raise NotSharedError("the grid names a parameter that the head does not have")
        table, started = Table(candidates, splits), time.perf_counter()
        work = Work(self.estimator, candidates, X, y, splits, gigabytes(self.memory))
        try:
            for c, s, answer in answers(strategy, work):
                table.answers[c, s] = answer
        except ValueError as error:  # GridSearchCV knows what `error_score` makes of it
            raise NotSharedError(f"a candidate cannot be fitted: {error}") from error
        for c, params in enumerate(candidates):  # the same candidate may stand in a grid twice
            for s in range(len(splits)):
                table.answers.setdefault((table.number(params), s), table.answers[c, s])
        seconds = (time.perf_counter() - started) / (len(candidates) * len(splits))
        inner = GridSearchCV(
            Replay(table, own), grid, scoring=self.scoring, refit=self.refit, cv=splits,
            error_score=self.error_score,
        )  # fmt: skip
        inner.fit(np.arange(len(X))[:, None], y)
        inner.cv_results_["mean_fit_time"][:] = seconds
        inner.cv_results_["std_fit_time"][:] = 0.0
        return inner

    def _keep(self, inner: GridSearchCV) -> None:
        for name in _INNER:
            if hasattr(inner, name):
                setattr(self, name, getattr(inner, name))

    def _refit(self, X: ArrayLike, y: ArrayLike | None) -> None:
        started = time.perf_counter()
        best = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = bounded(best, self.memory)
        self.best_estimator_.fit(X, y)
        self.refit_time_ = time.perf_counter() - started
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


def grid_search(
    name: str,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]] | str = "default",
    fixed: Mapping[str, Any] | None = None,
    **options: Any,
) -> SharedGridSearch:
    """Return a search over the head registered as `name`.

    Parameters
    ----------
    name : str
        One of `classifiers.list_heads()`.
    grid : mapping, list of mappings, or "default"
        Values of the head's parameters by their names; "default" is the head's own `GRID`.
    fixed : mapping, optional
        Parameters that do not vary; they are left out of the default grid.
    **options
        Of `SharedGridSearch`: cv, scoring, refit, memory, halving ...

    Raises
    ------
    ValueError
        If the head, a parameter or a value is unknown.
    """
    fixed = dict(fixed or {})
    if grid == "default":
        grid = {k: v for k, v in head_spec(name).grid.items() if k not in fixed}
    elif isinstance(grid, str):
        raise ValueError(f"grid={grid!r}: give 'default', or values for each parameter")
    search = SharedGridSearch(head(name, **fixed), grid, **options)
    for point in ParameterGrid(grid):
        checked_params(name, point)
    return search


def _head_of(estimator: Any) -> tuple[str, Strategy] | None:
    """Return the registered name and the strategy of one of our heads."""
    from classifiers._forest import Forest
    from classifiers._knn import KNN
    from classifiers._local import LocalSVC
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
    }.get(type(estimator))


def strategy_of(estimator: Any) -> Strategy:
    """Return the strategy of a head.

    Raises
    ------
    NotSharedError
        If there is none.
    """
    found = _head_of(estimator)
    if found is None:
        raise NotSharedError(f"{type(estimator).__name__} is no head of mueca")
    return found[1]


def answers(strategy: Strategy, work: Work) -> Iterator[tuple[int, int, Answer]]:
    """Yield what a strategy finds, and say at INFO what is shared and how far it is."""
    n, folds, found = len(work.params), len(work.splits), _head_of(work.estimator)
    if found is not None:
        each = "1 fold" if folds == 1 else f"{folds} folds"
        log.info("%s: %d candidates on %s share %s", found[0], n, each, SHARED[found[0]])
    return watched(strategy(work), n * folds)


def _arrays(X: ArrayLike, y: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return plain finite vectors and labels, as the heads themselves would take them."""
    if hasattr(X, "toarray") or y is None:
        raise NotSharedError("the vectors are sparse or without labels")
    vectors, labels = np.asarray(X), np.asarray(y)
    if vectors.dtype.kind not in "fiub" or vectors.ndim != 2 or labels.ndim != 1:
        raise NotSharedError("the vectors are no matrix of numbers, or the labels no list")
    if vectors.dtype not in (np.float32, np.float64):
        vectors = vectors.astype(np.float64)
    if len(vectors) != len(labels) or not np.isfinite(vectors.sum(dtype=np.float64)):
        raise NotSharedError("vectors are not finite, or not as many as the labels")
    return vectors, labels


def _check_halving(factor: Any) -> None:
    if factor is None or (isinstance(factor, int | np.integer) and factor >= 2):
        return
    raise ValueError(
        f"halving={factor!r}: give a whole number from 2, or None for every candidate on all data"
    )


def _rungs(y: NDArray[Any], splits: Splits, n_candidates: int, factor: int) -> Iterator[Splits]:
    """Yield the splits of each rung; a fold's samples of a rung are among those of the next."""
    rungs = max(1, int(np.floor(np.log(max(n_candidates, 1)) / np.log(factor) + 1e-9)) + 1)
    orders = [_by_class_shuffled(y[train]) for train, _ in splits]
    for rung in range(rungs):
        share = factor ** (rungs - 1 - rung)
        yield [
            (train if share == 1 else train[np.sort(order[: max(train.size // share, 2)])], test)
            for (train, test), order in zip(splits, orders, strict=True)
        ]


def _by_class_shuffled(labels: NDArray[Any]) -> NDArray[np.intp]:
    """Return an order whose every beginning holds the classes in their shares, each class at once."""
    rng = np.random.default_rng(0)
    place = np.empty(labels.size)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = np.arange(members.size) / members.size
    return np.argsort(place, kind="stable")


def _best(inner: GridSearchCV, factor: int) -> list[int]:
    """Return the candidates that go on, in the grid's order."""
    known = [k for k in (f"rank_test_{inner.refit}", "rank_test_score") if k in inner.cv_results_]
    if not known:
        raise ValueError("halving with several scores: name the one that candidates are ranked by as refit")
    rank = inner.cv_results_[known[0]]
    kept = np.argsort(rank, kind="stable")[: max(1, len(rank) // factor)]
    return sorted(kept.tolist())


def _marked(results: Mapping[str, Any], rung: int, splits: Splits) -> dict[str, Any]:
    n = len(results["params"])
    return {RUNG: np.full(n, rung), RESOURCES: np.full(n, len(splits[0][0])), **results}


def _stacked(rungs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the rows of all rungs one after the other."""
    out: dict[str, Any] = {}
    for name in rungs[0]:
        parts = [r[name] for r in rungs]
        if name == "params":
            out[name] = [p for part in parts for p in part]
        else:
            out[name] = np.ma.concatenate(parts) if name.startswith("param_") else np.concatenate(parts)
    return out
