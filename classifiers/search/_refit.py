"""The best candidate on all samples: as scikit-learn would fit it, and sooner where ours can."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from joblib import effective_n_jobs, parallel_config
from numpy.typing import NDArray

from classifiers.memory import bounded, gigabytes
from classifiers.search._scikit_learn import check_blur, svm_params
from classifiers.search._strategies import checked_weights, head_of, split_params
from classifiers.search._work import Given, NotSharedError, Work, dense

#: Vectors on which a filled estimator is compared with the machines that it was filled from.
_COMPARED = 64


def refit(best: Any, X: Any, y: Any, fit_params: Mapping[str, Any], memory: Any, n_jobs: int | None) -> Any:
    """Return `best`, fitted on all samples with the jobs of the search."""
    from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.svm import SVC

    if type(best) is Pipeline and type(best.steps[-1][1]) is SVC:
        return _refit_pipeline(best, X, y, fit_params, memory, n_jobs)
    if type(best) is SVC:
        return _refit_svc(best, X, y, fit_params, memory, n_jobs)
    last = best.steps[-1][1] if type(best) is Pipeline else best
    if type(last) in (RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier):
        # Threads change the time and not the forest; one that names its own number keeps it.
        with parallel_config("threading", n_jobs=effective_n_jobs(n_jobs)):
            return best.fit(X, y, **fit_params)
    ours = best if head_of(best) is None else bounded(best, memory)
    return ours.fit(X, y, **fit_params)


def _refit_pipeline(
    best: Any, X: Any, y: Any, fit_params: Mapping[str, Any], memory: Any, n_jobs: int | None
) -> Any:
    name, last = best.steps[-1]
    if len(best.steps) > 1:
        front = best[:-1]
        given = {k: v for k, v in fit_params.items() if k.partition("__")[0] != name}
        X = front.fit_transform(X, y, **given)
        best.steps[:-1] = front.steps
    best.steps[-1] = (name, _refit_svc(last, X, y, split_params(fit_params, name), memory, n_jobs))
    return best


def _refit_svc(
    best: Any, X: Any, y: Any, fit_params: Mapping[str, Any], memory: Any, n_jobs: int | None
) -> Any:
    try:
        filled = filled_svc(best, X, y, fit_params.get("sample_weight"), memory, effective_n_jobs(n_jobs))
    except (NotSharedError, ValueError):
        filled = None
    return best.fit(X, y, **fit_params) if filled is None else filled


def filled_svc(best: Any, X: Any, y: Any, weights: Any, memory: Any, threads: int) -> Any:
    """Return scikit-learn's `SVC` with the machines that ours finds; None if it would not decide as they do.

    libsvm makes one iteration, so that everything it keeps is there in its own form; what an iteration more
    would change is put in afterwards.

    Parameters
    ----------
    best : unfitted sklearn.svm.SVC
    X, y, weights
        As `fit` takes them.
    memory
        What the kernel may take.
    threads : int

    Raises
    ------
    NotSharedError, ValueError
        If ours does not solve this problem.
    """
    from sklearn.base import clone

    from classifiers._svc import SVC

    vectors, labels = dense(X), np.asarray(y)
    used = None
    if weights is not None:
        used = checked_weights(weights, Given(X, labels, [(np.arange(len(labels)), _NONE)]))
    params = svm_params(best.get_params(), Work(best, [], vectors, labels, [], 0.0, used, threads))
    check_blur(vectors, [params])
    by_class = _fixed_class_weights(params["class_weight"], labels)
    ours = SVC(**{**params, "class_weight": by_class, "cache_size": gigabytes(memory) * 1000})
    ours.fit(vectors, labels, sample_weight=used)
    filled = clone(best).set_params(max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one iteration does not do
        filled.fit(X, y, **({} if weights is None else {"sample_weight": weights}))
    _fill(filled.set_params(max_iter=best.max_iter), ours, vectors)
    return filled if _agree(filled, ours, X, vectors) else None


_NONE = np.empty(0, np.intp)


def _fixed_class_weights(named: Any, labels: NDArray[Any]) -> dict[Any, float] | None:
    """Return weights of classes as numbers: scikit-learn's do not count the samples' weights."""
    from sklearn.utils import compute_class_weight

    if named is None:
        return None
    classes = np.unique(labels)
    return dict(zip(classes.tolist(), compute_class_weight(named, classes=classes, y=labels), strict=True))


def _fill(filled: Any, ours: Any, vectors: NDArray[Any]) -> None:
    filled.support_ = ours.support_.astype(np.int32)
    filled.support_vectors_ = np.ascontiguousarray(vectors[ours.support_], np.float64)
    filled._n_support = ours.n_support_.astype(np.int32)
    filled._dual_coef_ = ours.dual_coef_.astype(np.float64)
    filled._intercept_ = ours.intercept_.astype(np.float64)
    sign = -1.0 if len(ours.classes_) == 2 else 1.0
    filled.dual_coef_, filled.intercept_ = sign * filled._dual_coef_, sign * filled._intercept_
    filled.n_iter_ = filled._num_iter = ours.n_iter_.astype(np.int32)
    filled.fit_status_ = 0


def _agree(filled: Any, ours: Any, X: Any, vectors: NDArray[Any]) -> bool:
    """Return whether both decide alike; what a version of scikit-learn keeps elsewhere would show here."""
    from sklearn.utils import _safe_indexing

    rows = np.unique(np.linspace(0, len(vectors) - 1, _COMPARED).astype(np.intp))
    theirs = filled.decision_function(_safe_indexing(X, rows))
    alike = np.isclose(theirs, ours.decision_function(vectors[rows]), rtol=1e-2, atol=1e-2)
    # Where a decision is near 0 a vote may fall on the other side, and with it the score of its class.
    return bool(alike.reshape(len(rows), -1).all(axis=1).mean() > 0.8)
