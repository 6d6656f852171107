"""`GridSearchCV` whose candidates and folds share their work."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import model_selection
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, check_cv
from sklearn.utils.multiclass import type_of_target

from classifiers.memory import gigabytes
from classifiers.registry import PROJECTION, checked_params, head, head_spec, step_names
from classifiers.search._halving import best, check_halving, marked, rungs, stacked
from classifiers.search._pipelines import sweep
from classifiers.search._refit import refit
from classifiers.search._replay import Replay, Table
from classifiers.search._strategies import head_of
from classifiers.search._work import Given, NotSharedError, Splits

log = logging.getLogger(__name__)

_INNER = ("cv_results_", "best_index_", "best_params_", "best_score_", "multimetric_", "scorer_", "n_splits_")


class GridSearchCV(model_selection.GridSearchCV):
    """Exhaustive search that costs little more than its most expensive single fit.

    The interface, the results and the choice are those of `sklearn.model_selection.GridSearchCV`, and so is
    the scoring: any `scoring`, `refit`, `cv` and `error_score` that it takes. Changing one import is all.
    The fits behind them are shared:

    - `SVC`, `BaggingClassifier(SVC())`, and the heads svm and bagged-svm: one matrix of distances for every
      gamma, C, fold, pair and bag;
    - `KNeighborsClassifier`, knn: one search at the largest k for each metric and fold;
    - `RandomForestClassifier`, `ExtraTreesClassifier`: fewer trees are the first of more;
    - forest: fewer trees, shallower trees and larger `min_samples_split` are parts of one forest;
    - local-svm: each sample's neighbours and their kernel, for every k and C;
    - softmax: a path over C with warm starts;
    - a `Pipeline` before any of these, or before another classifier: each transformer is fitted once a fold.

    For anything else `sklearn.model_selection.GridSearchCV` itself runs, with the same `n_jobs`, and the log
    says why at INFO. `best_estimator_` is of the class that was given.

    Selection is as honest as `cv` is: pass the vectors of training (and validation) only, never the test's.
    With ``cv=holdout(...)`` candidates are fitted on train, scored on validation, and the best is fitted
    again on both.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in `sklearn.model_selection.GridSearchCV`. For estimators of scikit-learn `n_jobs` is the number of
        threads; a head of ours has a number of its own.
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
        As in `sklearn.model_selection.GridSearchCV`. Shared work has no time of its own for each cell:
        `mean_fit_time` is the whole time divided by the cells.
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

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, **params: Any) -> GridSearchCV:
        """Search, then fit the best on all of X, y.

        Parameters
        ----------
        X : (n, d) array, or what the estimator takes
        y : (n,) labels
        **params
            `groups` for `cv`; anything else is given to the estimator's `fit`, such as `sample_weight`.

        Raises
        ------
        ValueError
            If the grid names a value outside the domain of a head's parameter, `memory` or `halving` is
            none, or halving finds no strategy or several scores and no `refit` that names one.
        """
        self._check_grid()
        gigabytes(self.memory)  # a wrong one is an error at once
        check_halving(self.halving)
        with _kept_folds(self):
            try:
                given = self._given(X, y, params)
                self._search(given, y)
            except NotSharedError as reason:
                return self._hand_over(reason, X, y, params)
        self.shared_ = True
        if self.refit:
            self._refit(X, y, given.fit_params)
        return self

    def _hand_over(self, reason: NotSharedError, X: Any, y: Any, params: Mapping[str, Any]) -> GridSearchCV:
        if self.halving is not None:
            raise ValueError(f"halving needs a shared search, and there is none because {reason}") from None
        log.info("grid search by GridSearchCV, one fit a cell, because %s", reason)
        self.shared_ = False
        return super().fit(X, y, **params)

    def _check_grid(self) -> None:
        found = head_of(self.estimator)
        if found is None:
            return
        known = head_spec(found[0]).params.model_fields
        for point in ParameterGrid(self.param_grid):
            checked_params(found[0], {k: v for k, v in point.items() if k in known})

    def _given(self, X: Any, y: Any, params: Mapping[str, Any]) -> Given:
        """Return what is searched on, with its folds."""
        from sklearn import get_config

        if self.return_train_score:
            raise NotSharedError("return_train_score=True asks for predictions of the training folds")
        if get_config().get("enable_metadata_routing") or not is_classifier(self.estimator):
            raise NotSharedError("metadata is routed, or what is fitted is no classifier")
        labels = _labels(X, y)
        cv = check_cv(self.cv, labels, classifier=True)
        splits = [_fold(train, test, len(labels)) for train, test in cv.split(X, y, params.get("groups"))]
        for train, test in splits:
            if test.size == 0 or len(np.unique(labels[train])) < 2:
                raise NotSharedError("a training fold holds one class only, or a test fold nothing")
        extra = {name: value for name, value in params.items() if name != "groups" and value is not None}
        return Given(
            X, labels, splits, extra, gigabytes(self.memory), self.n_jobs, _methods_asked(self.scoring)
        )

    def _search(self, given: Given, y: Any) -> None:
        if self.halving is None:
            self._keep(self._scored(self.param_grid, given, y))
            return
        found: list[dict[str, Any]] = []
        points = list(ParameterGrid(self.param_grid))
        whole = len(given.splits[0][0])
        for rung, sampled in enumerate(rungs(given.y, given.splits, len(points), self.halving)):
            grid = [{k: [v] for k, v in p.items()} for p in points]
            inner = self._scored(grid, _with_folds(given, sampled), y)
            found.append(marked(inner.cv_results_, rung, sampled))
            if len(sampled[0][0]) < whole:
                points = [points[i] for i in best(inner, self.halving)]
        self._keep(inner)
        self.cv_results_ = stacked(found)
        if hasattr(self, "best_index_"):
            self.best_index_ += len(self.cv_results_["params"]) - len(inner.cv_results_["params"])

    def _scored(self, grid: Any, given: Given, y: Any) -> model_selection.GridSearchCV:
        """Answer for every cell, then let scikit-learn score the answers and choose."""
        started = time.perf_counter()
        table = self._answered(grid, given)
        seconds = (time.perf_counter() - started) / len(table.answers)
        inner = model_selection.GridSearchCV(
            Replay(table), grid, scoring=self.scoring, refit=self.refit, cv=given.splits, n_jobs=1,
            error_score=self.error_score, verbose=min(self.verbose, 1),
        )  # fmt: skip
        rows = np.arange(len(given.y))
        weights = {k: v for k, v in given.fit_params.items() if k == "sample_weight"}
        inner.fit(given.X if given.asked is None else rows[:, None], y, rows=rows, **weights)
        if table.lost:
            raise NotSharedError(table.lost)
        inner.cv_results_["mean_fit_time"][:] = seconds
        inner.cv_results_["std_fit_time"][:] = 0.0
        return inner

    def _answered(self, grid: Any, given: Given) -> Table:
        try:
            built = [
                clone(self.estimator).set_params(**clone(point, safe=False)) for point in ParameterGrid(grid)
            ]
            table = Table(built, given.splits)
            for c, s, answer in sweep(built, given):
                if isinstance(answer.error, NotSharedError):
                    raise answer.error
                table.answers[c, s] = answer
        except NotSharedError:
            raise
        except Exception as error:  # GridSearchCV knows what `error_score` makes of it
            raise NotSharedError(f"a candidate cannot be fitted: {error}") from error
        return table

    def _keep(self, inner: model_selection.GridSearchCV) -> None:
        for name in _INNER:
            if hasattr(inner, name):
                setattr(self, name, getattr(inner, name))

    def _refit(self, X: Any, y: Any, fit_params: Mapping[str, Any]) -> None:
        started = time.perf_counter()
        chosen = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = refit(chosen, X, y, fit_params, self.memory, self.n_jobs)
        self.refit_time_ = time.perf_counter() - started
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_


@contextmanager
def _kept_folds(search: GridSearchCV) -> Iterator[None]:
    """Let folds of a generator be read twice: by a strategy, and by what takes over from it."""
    given = search.cv
    if isinstance(given, Iterator):
        search.cv = list(given)
    try:
        yield
    finally:
        search.cv = given


def _labels(X: Any, y: Any) -> NDArray[Any]:
    if y is None:
        raise NotSharedError("there are no labels")
    labels = np.asarray(y)
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    if labels.ndim != 1 or len(labels) != n or type_of_target(labels) not in ("binary", "multiclass"):
        raise NotSharedError("the labels are no list of one class for each sample")
    return labels


def _fold(train: Any, test: Any, n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of a fold, in the form of indices from 0."""
    rows = np.arange(n)
    return rows[np.asarray(train)], rows[np.asarray(test)]


def _with_folds(given: Given, splits: Splits) -> Given:
    from dataclasses import replace

    return replace(given, splits=splits)


def _methods_asked(scoring: Any) -> frozenset[str] | None:
    """Return the methods that the scoring calls; None where it may look at anything."""
    from sklearn.metrics import get_scorer

    if scoring is None:
        return frozenset({"predict"})
    if isinstance(scoring, str):
        found = getattr(get_scorer(scoring), "_response_method", None)
        return None if found is None else frozenset([found] if isinstance(found, str) else found)
    several = list(scoring.values()) if isinstance(scoring, dict) else scoring
    if callable(several) and hasattr(several, "_response_method"):  # made by make_scorer
        found = several._response_method
        return frozenset([found] if isinstance(found, str) else found)
    if not isinstance(several, list | tuple | set):
        return None
    each = [_methods_asked(one) for one in several]
    return None if None in each else frozenset().union(*each)  # type: ignore[arg-type]


def grid_search(
    name: str,
    grid: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Sequence[Any]]] | str = "default",
    fixed: Mapping[str, Any] | None = None,
    **options: Any,
) -> GridSearchCV:
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
        Of `GridSearchCV`: cv, scoring, refit, memory, halving ...

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
    for point in ParameterGrid(grid):
        checked_params(name, point)
    return GridSearchCV(head(name, **fixed), in_steps(name, grid) if PROJECTION in fixed else grid, **options)


def in_steps(name: str, grid: Any) -> Any:
    """Return a grid of a head's parameters as one of the Pipeline with principal components before it."""
    if isinstance(grid, Mapping):
        names = step_names(name, grid)
        return {names[key]: values for key, values in grid.items()}
    return [in_steps(name, part) for part in grid]
