"""Strategies of `knn`, `local-svm`, `forest`, `softmax`, `linear-svm` and `nystroem-svm`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from classifiers._base import Head, cores, in_threads, winner
from classifiers._forest import Forest, Layouts, bin_edges, binned, layouts
from classifiers._kernels import gamma_value
from classifiers._neighbours import neighbours, shares
from classifiers._rows import Rows, selected
from classifiers._softmax import fit_path
from classifiers.search._work import Answer, Found, NotSharedError, Work

_ROWS = 512
_TREES = 32


def _scaled(work: Work, candidate: int, split: int) -> tuple[Any, Any, Any]:
    """Return an unfitted model of a candidate, and the training and test vectors as it would scale them."""
    model: Head = clone(work.estimator).set_params(**work.params[candidate])
    train, test = (selected(work.X, rows) for rows in work.splits[split])
    model._fit_scaler(train, None)
    return model, model._scaled(train), model._scaled(test)


def sweep_knn(work: Work) -> Found:
    """Yield (candidate, split, answer): one search at the largest k for each metric and fold."""
    named = {"minkowski": "euclidean"}
    by_search: dict[tuple[str, str], list[int]] = {}
    for c, params in enumerate(work.params):
        by_search.setdefault((named.get(params["metric"], params["metric"]), params["scale"]), []).append(c)
    for (metric, _), members in by_search.items():
        largest = max(work.values(members, "n_neighbors"))
        for s, (train, _) in enumerate(work.splits):
            if largest > train.size:
                raise NotSharedError(f"n_neighbors={largest} is more than the {train.size} vectors of a fold")
            model, S, Q = _scaled(work, members[0], s)
            classes, codes = work.labels(s)
            S, Q = (A if isinstance(A, Rows) else np.ascontiguousarray(A) for A in (S, Q))
            distances, index = neighbours(S, Q, largest, metric, model.n_jobs)
            sizes, found = sorted(work.values(members, "n_neighbors")), codes[index]
            for weights in work.values(members, "weights"):
                every = shares(distances, found, sizes, len(classes), weights, model.n_jobs)
                for c in (c for c in members if work.params[c]["weights"] == weights):
                    proba = every[sizes.index(work.params[c]["n_neighbors"])]
                    yield c, s, Answer(classes, proba.argmax(axis=1), proba=proba)


def sweep_local(work: Work) -> Found:
    """Yield (candidate, split, answer): each sample's neighbours and their kernel, once for every k and C."""
    for members in work.groups(["n_neighbors", "C"]):
        costs = work.values(members, "C")
        for s in range(len(work.splits)):
            model, train, test = _scaled(work, members[0], s)
            model.classes_, codes = work.labels(s)
            model.gamma_ = gamma_value(model.gamma, train)
            of = {c: min(work.params[c]["n_neighbors"], len(train)) for c in members}
            sizes = sorted(set(of.values()))
            found = model._answers(np.ascontiguousarray(train), codes, test, sizes, costs)
            for c in members:
                each = found[sizes.index(of[c]), costs.index(work.params[c]["C"])]
                decision = each[:, 1] if each.shape[1] == 2 else each
                yield c, s, Answer(model.classes_, winner(decision), decision)


def sweep_softmax(work: Work) -> Found:
    """Yield (candidate, split, answer): a path over C, each fit started at the one before."""
    yield from _paths(
        work, lambda m, X, codes, w, costs: fit_path(X, codes, w, costs, m.max_iter, m.tol), proba=True
    )


def sweep_linear(work: Work) -> Found:
    """Yield (candidate, split, answer): a path over C, each fit started at the one before."""
    yield from _paths(work, _path_of_head, proba=False)


def sweep_nystroem(work: Work) -> Found:
    """Yield (candidate, split, answer): landmarks, their kernel for each gamma, and a path over C.

    The training vectors near the test fold are found once for all C.
    """
    for model, s, test, fitted in _fitted(work, _path_of_head):
        near = model.near(test)
        for c, solution in fitted:
            model.take(solution)
            decision = model.decided(test, near)
            yield c, s, Answer(model.classes_, winner(decision), decision)


def _path_of_head(model: Any, X: Any, codes: Any, weights: Any, costs: list[float]) -> Any:
    return model.path(X, codes, weights, costs)


def _paths(work: Work, path: Callable[..., Any], proba: bool) -> Found:
    for model, s, test, fitted in _fitted(work, path):
        vars(model).pop("scale", None)  # the vectors are scaled already
        model.n_features_in_ = test.shape[1]
        for c, (coef, intercept, _) in fitted:
            model.coef_, model.intercept_ = coef, intercept
            decision = _asked(model.decision_function, test)
            shares = _asked(model.predict_proba, test) if proba else None
            yield c, s, Answer(model.classes_, winner(decision), decision, shares)


def _fitted(work: Work, path: Callable[..., Any]) -> Iterator[tuple[Any, int, Any, list[tuple[int, Any]]]]:
    """Yield (model, split, scaled test fold, solution of each candidate): one path over C serves them all."""
    for members in work.groups(["C"]):
        costs = work.values(members, "C")
        for s in range(len(work.splits)):
            model, train, test = _scaled(work, members[0], s)
            model.classes_, codes = work.labels(s)
            found = path(model, train, codes, model._by_class(np.ones(codes.size), codes), costs)
            yield model, s, test, [(c, found[costs.index(work.params[c]["C"])]) for c in members]


def _asked(method: Callable[[Any], NDArray[np.float64]], X: Any) -> NDArray[np.float64]:
    """Return what a model says of vectors, of `Rows` block by block."""
    return np.concatenate([method(block) for _, block in X.blocks()]) if isinstance(X, Rows) else method(X)


def sweep_forest(work: Work) -> Found:
    """Yield (candidate, split, answer): one forest for all n_estimators, max_depth and min_samples_split.

    Fewer trees are the first of more; a shallower tree, or one that splits larger nodes only, is the deepest
    one cut off, because every node draws its features by its own path.
    """
    binned_folds: dict[int, Any] = {}
    for members in work.groups(["n_estimators", "max_depth", "min_samples_split"]):
        for s, (train, test) in enumerate(work.splits):
            if s not in binned_folds:
                edges = bin_edges(selected(work.X, train))
                ours, others = (binned(selected(work.X, i), edges, -1) for i in (train, test))
                binned_folds[s] = layouts(ours), others
            yield from _one_forest(work, members, s, *binned_folds[s])


def _one_forest(work: Work, members: list[int], s: int, both: Layouts, test_bins: NDArray[np.uint8]) -> Found:
    model, (classes, codes) = _widest(work, members), work.labels(s)
    model.classes_ = classes
    weights = model._by_class(np.ones(codes.size), codes)
    cuts = list(dict.fromkeys((_depth(work.params[c]), work.params[c]["min_samples_split"]) for c in members))
    sizes, seeds = set(work.values(members, "n_estimators")), model._seeds()
    total = np.zeros((len(cuts), test_bins.shape[1], len(classes)))
    for start, stop in _blocks(len(seeds), sizes):
        grown = in_threads(
            lambda seed: model.grow(both, codes, weights, seed), seeds[start:stop], model.n_jobs
        )
        _add(grown, test_bins, cuts, total, cores(model.n_jobs))
        for c in (c for c in members if work.params[c]["n_estimators"] == stop):
            cut = cuts.index((_depth(work.params[c]), work.params[c]["min_samples_split"]))
            proba = total[cut] / stop
            yield c, s, Answer(classes, proba.argmax(axis=1), proba=proba)


def _blocks(trees: int, sizes: set[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of trees to grow at a time, so that every size is where a block ends."""
    stops = sorted({*range(_TREES, trees, _TREES), *sizes})
    yield from zip([0, *stops[:-1]], stops, strict=True)


def _widest(work: Work, members: list[int]) -> Forest:
    """Return the forest that all members are parts of."""
    depths = [work.params[c]["max_depth"] for c in members]
    return clone(work.estimator).set_params(**work.params[members[0]]).set_params(
        n_estimators=max(work.values(members, "n_estimators")),
        max_depth=None if None in depths else max(depths),
        min_samples_split=min(work.values(members, "min_samples_split")),
    )  # fmt: skip


def _depth(params: Any) -> int:
    return 2**31 - 1 if params["max_depth"] is None else params["max_depth"]


def _add(
    trees: list[tuple[NDArray[Any], ...]],
    bins: NDArray[np.uint8],
    cuts: list[tuple[int, int]],
    total: NDArray[np.float64],
    threads: int,
) -> None:
    """Add the trees' shares, cut off in each way, to `total` (n_cuts, m, n_classes)."""
    from classifiers._trees import add_cut_off

    def add(job: tuple[int, int]) -> None:
        cut, start = job
        rows = np.arange(start, min(start + _ROWS, total.shape[1]))
        for tree in trees:
            add_cut_off(bins, rows, *tree, *cuts[cut], total[cut, start : start + rows.size])

    jobs = [(c, r) for c in range(len(cuts)) for r in range(0, total.shape[1], _ROWS)]
    in_threads(add, jobs, threads if total.shape[1] > _ROWS else 1)
