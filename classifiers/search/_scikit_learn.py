"""Strategies of scikit-learn's own estimators: theirs to fit, ours to share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import svm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import compute_class_weight

from classifiers._base import in_threads
from classifiers._knn import KNN
from classifiers._svc import SVC
from classifiers.search._others import sweep_knn
from classifiers.search._svm import OF_THE_FIT, Fold, alike, bag_answers, folds, sweep_svm
from classifiers.search._work import Answer, Found, NotSharedError, Work

_KERNELS = ("rbf", "linear", "poly")
_EUCLIDEAN, _CITY = ("euclidean", "l2"), ("manhattan", "cityblock", "l1")
#: What float32 may change of ``gamma |a - b|^2``.
_BLUR = 1e-3
_ROWS = 256
_OF_THE_BAGS = (
    *OF_THE_FIT, "break_ties", "decision_function_shape",
    "bag_max_samples", "bag_bootstrap", "bag_random_state",
)  # fmt: skip


def sweep_svc(work: Work) -> Found:
    """Yield (candidate, split, answer) for `sklearn.svm.SVC`, from one kernel matrix."""
    params = [svm_params(p, work) for p in work.params]
    check_blur(work.X, params)
    yield from sweep_svm(replace(work, estimator=SVC(), params=params))


def svm_params(theirs: Mapping[str, Any], work: Work) -> dict[str, Any]:
    """Return the parameters of our `SVC` that mean what those of scikit-learn's mean.

    Raises
    ------
    NotSharedError
        If ours has no such kernel, or scikit-learn's own probabilities are asked for.
    """
    checked_values(theirs)
    if theirs["kernel"] not in _KERNELS or theirs["gamma"] == 0:
        raise NotSharedError("the kernel is not rbf, linear or poly with a gamma above 0")
    if theirs["probability"] is True:
        raise NotSharedError("probabilities of SVC are calibrated by libsvm itself")
    if theirs["break_ties"] and theirs["decision_function_shape"] == "ovo":
        raise NotSharedError("ties of pairwise decisions cannot be broken")
    known = SVC().get_params()
    ours = {name: value for name, value in theirs.items() if name in known}
    return {**known, **ours, "probability": False, "scale": "none", "n_jobs": work.threads}


def checked_values(params: Mapping[str, Any]) -> None:
    """Refuse values outside the domain of scikit-learn's `SVC`: what they do is for it to say."""
    svm.SVC(**params)._validate_params()


def check_blur(X: NDArray[Any], params: list[dict[str, Any]]) -> None:
    """Refuse vectors so far apart that float32 cannot tell how near two of them are.

    Raises
    ------
    NotSharedError
        If the rounding of a squared distance, times gamma, is no longer small.
    """
    gammas = [p["gamma"] for p in params if p["kernel"] == "rbf" and not isinstance(p["gamma"], str)]
    if not gammas:
        return
    centred = X - X.mean(axis=0, dtype=np.float64)
    farthest = float(np.einsum("ij,ij->i", centred, centred).max(initial=0))
    if max(gammas) * farthest * 4 * np.finfo(np.float32).eps > _BLUR:
        raise NotSharedError("the vectors are so large that float32 does not do for their kernel; scale them")


def sweep_neighbours(work: Work) -> Found:
    """Yield (candidate, split, answer) for `sklearn.neighbors.KNeighborsClassifier`."""
    if work.weights is not None:
        raise NotSharedError("KNeighborsClassifier takes no sample weights")
    params = [_neighbour_params(p, work.threads) for p in work.params]
    yield from sweep_knn(replace(work, estimator=KNN(), params=params))


def _neighbour_params(theirs: Mapping[str, Any], threads: int) -> dict[str, Any]:
    metric = theirs["metric"]
    if metric == "minkowski":
        metric = {1: "manhattan", 2: "euclidean"}.get(theirs["p"], metric)
    metric = "euclidean" if metric in _EUCLIDEAN else "manhattan" if metric in _CITY else None
    weights = theirs["weights"] or "uniform"
    number = theirs["n_neighbors"]
    if metric is None or weights not in ("uniform", "distance") or theirs["metric_params"]:
        raise NotSharedError("the metric or the weights of the neighbours are of one's own")
    if not isinstance(number, int | np.integer) or number < 1:
        raise NotSharedError(f"n_neighbors={number!r} is no number of neighbours")
    return {
        **KNN().get_params(), "n_neighbors": int(number), "weights": weights, "metric": metric,
        "n_jobs": threads,
    }  # fmt: skip


def sweep_trees(work: Work) -> Found:
    """Yield (candidate, split, answer) for `RandomForestClassifier` and `ExtraTreesClassifier`.

    scikit-learn itself grows the trees of the largest forest; a smaller one is its first trees.
    """
    groups = list(work.groups(["n_estimators", "n_jobs", "verbose"]))
    if len(groups) == len(work.params):
        raise NotSharedError("no candidate is a part of another's forest")
    for members in groups:
        for s in range(len(work.splits)):
            yield from _forest(work, members, s)


def _forest(work: Work, members: list[int], s: int) -> Found:
    (train, test), weights = work.splits[s], work.training_weights(s)
    sizes = work.values(members, "n_estimators")
    if any(not isinstance(size, int | np.integer) or size < 1 for size in sizes):
        raise NotSharedError("n_estimators is no number of trees")
    forest = work.built(members[0]).set_params(n_estimators=max(sizes), n_jobs=work.threads, warm_start=False)
    forest.fit(work.X[train], work.y[train], sample_weight=weights)
    found = _first_trees(forest, work.X[test].astype(np.float32), sizes, work.threads)
    for c in members:
        proba = found[sizes.index(work.params[c]["n_estimators"])]
        yield c, s, Answer(forest.classes_, proba.argmax(axis=1), proba=proba)


def _first_trees(forest: Any, X: NDArray[np.float32], sizes: list[int], threads: int) -> NDArray[np.float64]:
    """Return (n_sizes, m, n_classes): the mean share of each class among the first trees."""
    out = np.empty((len(sizes), len(X), len(forest.classes_)))

    def ask(start: int) -> None:
        rows = slice(start, start + _ROWS)
        total = np.zeros(out[0, rows].shape)
        for grown, tree in enumerate(forest.estimators_, 1):
            total += tree.predict_proba(X[rows])
            for at in (at for at, size in enumerate(sizes) if size == grown):
                out[at, rows] = total / grown

    in_threads(ask, range(0, len(X), _ROWS), threads)
    return out


class Recorder(ClassifierMixin, BaseEstimator):
    """Stands in an ensemble for its estimators, and keeps how often each sample is in its bag."""

    def fit(self, X: NDArray[Any], y: NDArray[Any], sample_weight: Any = None) -> Recorder:
        """Keep the weights."""
        self.classes_ = np.unique(y)
        self.weights_ = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        return self

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the first class."""
        return np.repeat(self.classes_[:1], len(X))


def sweep_bagging(work: Work) -> Found:
    """Yield (candidate, split, answer) for `BaggingClassifier(SVC(...))`; fewer bags start more."""
    bagging = [_bagging_params(p, work) for p in work.params]
    check_blur(work.X, bagging)
    one = replace(work, estimator=SVC(), params=bagging, weights=None)
    for fold, members in folds(one):
        for same in alike(one, members, _OF_THE_BAGS):
            yield from _bagging(work, one, fold, same)


def _bagging_params(theirs: Mapping[str, Any], work: Work) -> dict[str, Any]:
    """Return our parameters of the machines, and those of the bags."""
    if type(theirs["estimator"]) is not svm.SVC:
        raise NotSharedError(f"bags of {type(theirs['estimator']).__name__} have nothing in common")
    if (
        theirs["max_features"] != 1.0
        or isinstance(theirs["max_features"], int)
        or theirs["bootstrap_features"]
    ):
        raise NotSharedError("each bag has features of its own")
    drawn = {f"bag_{name}": theirs[name] for name in ("max_samples", "bootstrap", "random_state")}
    machines = svm_params(theirs["estimator"].get_params(), work)
    return {**machines, **drawn, "n_estimators": theirs["n_estimators"]}


def _bagging(work: Work, one: Work, fold: Fold, same: list[int]) -> Found:
    widest = max(same, key=lambda c: one.params[c]["n_estimators"])
    drawn = _bags(work, widest, fold.number)
    params, k = one.params[same[0]], len(fold.classes)
    # Inside the ensemble labels are codes, and those are what weights of classes are named by.
    by_class = compute_class_weight(params["class_weight"], classes=np.arange(k), y=fold.codes)
    costs = one.values(same, "C")
    sizes = one.values(same, "n_estimators")
    found = bag_answers(fold, params, by_class[fold.codes], costs, drawn, sizes)
    for c in same:
        yield c, fold.number, found[one.params[c]["C"], one.params[c]["n_estimators"]]


def _bags(work: Work, candidate: int, s: int) -> NDArray[np.float64]:
    """Return (n_estimators, n_train): how often each bag holds each sample, as the ensemble draws them."""
    train, _ = work.splits[s]
    ensemble = work.built(candidate).set_params(
        estimator=Recorder(), oob_score=False, warm_start=False, n_jobs=None, verbose=0
    )
    ensemble.fit(work.X[train], work.y[train], sample_weight=work.training_weights(s))
    drawn = [bag.weights_ for bag in ensemble.estimators_]
    classes = len(np.unique(work.y[train]))
    if any(w is None or len(np.unique(work.y[train][w > 0])) < classes for w in drawn):
        raise NotSharedError("a bag does not hold every class")
    return np.stack(drawn)
