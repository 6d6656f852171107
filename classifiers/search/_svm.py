"""Strategies of `svm` and `bagged-svm`: one matrix of distances for every gamma, C, fold, pair and bag.

The matrix holds squared distances (or inner products); a fold, a pair of classes and a bag are index views
of it, and its exponential is taken of each view when that is gathered for the solver, so that no second
matrix of its size exists. All C of a kernel are solved in ascending order, each from the one before. Where
the matrix is larger than `memory`, the part of each pair is computed by itself; where even that is too large,
the pair is solved from cached rows (`classifiers._ovo`).
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from classifiers._bags import bag_decision_of, bag_products, bag_scores, bags, fit_bags
from classifiers._base import in_threads
from classifiers._calibration import apply_sigmoids, fit_sigmoids, folds_for
from classifiers._kernels import Base, Floats, Kernel, gamma_value
from classifiers._ovo import Gram, class_scores, fit_pairs, memory_plan
from classifiers._svc import decision_of, largest_pair, winner_of
from classifiers.search._work import Answer, Found, Work, signature

log = logging.getLogger(__name__)

_ROWS = 512
_OF_THE_KERNEL = ("kernel", "gamma", "degree", "coef0")
OF_THE_FIT = (*_OF_THE_KERNEL, "class_weight", "tol", "max_iter")


@dataclass(frozen=True)
class Fold:
    """A training and a test fold as rows of a matrix of distances or products.

    `full` is None where that matrix does not fit into memory; then the part of each pair is computed by
    itself, for every C at once.
    """

    number: int
    full: Floats | None
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    X: NDArray[Any]
    classes: NDArray[Any]
    codes: NDArray[np.intp]
    threads: int
    limit_mb: float
    sample_weight: NDArray[np.float64] | None = None

    def gram(self, params: Mapping[str, Any]) -> Gram:
        """Return the kernel of a candidate over the fold's matrix."""
        gamma = gamma_value(params["gamma"], self.X[self.train])
        kernel = Kernel(params["kernel"], gamma, params["degree"], params["coef0"])
        return Gram(self.X, kernel, self.full, self.limit_mb)

    def weights(self, estimator: Any, params: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return the weight of each training sample: its class's, times its own."""
        model = clone(estimator).set_params(class_weight=params["class_weight"])
        model.classes_ = self.classes
        by_class = model._by_class(np.ones(self.codes.size), self.codes)
        return by_class if self.sample_weight is None else by_class * self.sample_weight


def sweep_svm(work: Work) -> Found:
    """Yield (candidate, split, answer) for every candidate of an `SVC`."""
    for fold, members in folds(work):
        for same in alike(work, members, OF_THE_FIT):
            costs = work.values(same, "C")
            gram, params = fold.gram(work.params[same[0]]), work.params[same[0]]
            weights = fold.weights(work.estimator, params)
            shape = (gram, weights, costs, params, fold.threads)
            pairwise = _pairwise(fold, *shape, fold.train, fold.test, fold.codes)
            sigmoids = {}
            if any(work.params[c]["probability"] for c in same):
                sigmoids = _svm_sigmoids(fold, *shape)
            for c in same:
                at = costs.index(work.params[c]["C"])
                yield c, fold.number, _svm_answer(fold, pairwise[at], work.params[c], sigmoids.get(at))


def _svm_answer(
    fold: Fold, pairwise: NDArray[np.float64], params: Mapping[str, Any], sigmoids: NDArray[np.float64] | None
) -> Answer:
    k = len(fold.classes)
    return Answer(
        fold.classes,
        winner_of(pairwise, k, params["break_ties"]),
        decision_of(pairwise, k, params["decision_function_shape"]),
        apply_sigmoids(class_scores(pairwise, k), sigmoids)
        if params["probability"] and sigmoids is not None
        else None,
    )


def _pairwise(
    fold: Fold,
    gram: Gram,
    weights: NDArray[np.float64],
    costs: list[float],
    params: Mapping[str, Any],
    threads: int,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    codes: NDArray[np.intp],
) -> list[NDArray[np.float64]]:
    """Fit on `train` and return the (m, n_pairs) decisions of `test` for each C."""
    machines = fit_pairs(
        gram,
        codes,
        weights,
        costs,
        len(fold.classes),
        params["tol"],
        params["max_iter"],
        threads,
        index=train,
    )
    coef = np.concatenate(list(machines.coef), axis=1)
    out = _products(gram, test, train, lambda K: K @ coef, coef.shape[1], threads)
    return [part + b for part, b in zip(np.split(out, len(costs), axis=1), machines.intercept, strict=True)]


def _svm_sigmoids(
    fold: Fold,
    gram: Gram,
    weights: NDArray[np.float64],
    costs: list[float],
    params: Mapping[str, Any],
    threads: int,
) -> dict[int, NDArray[np.float64]]:
    """Return the calibration of each C, from inner folds of the training fold."""
    held_out = np.empty((len(costs), fold.codes.size, len(fold.classes)))
    for a, b in folds_for(fold.codes, None):
        found = _pairwise(
            fold, gram, weights[a], costs, params, threads, fold.train[a], fold.train[b], fold.codes[a]
        )
        held_out[:, b] = [class_scores(p, len(fold.classes)) for p in found]
    return {at: fit_sigmoids(held_out[at], fold.codes, weights) for at in range(len(costs))}


def sweep_bagged(work: Work) -> Found:
    """Yield (candidate, split, answer) for every candidate of a `BaggedSVC`; fewer bags start more."""
    for fold, members in folds(work):
        for same in alike(work, members, (*OF_THE_FIT, "max_samples", "bootstrap", "random_state")):
            yield from _bagged(work, fold, same)


def _bagged(work: Work, fold: Fold, same: list[int]) -> Found:
    params, costs = work.params[same[0]], work.values(same, "C")
    most = max(work.values(same, "n_estimators"))
    gram, weights = fold.gram(params), fold.weights(work.estimator, params)
    run = (fold, gram, weights, costs, params)
    each = _bag_decisions(*run, _drawn(params, most, fold.codes.size), fold.train, fold.test, fold.codes)
    held_out: list[Any] = []
    if any(work.params[c]["probability"] for c in same):
        held_out = [
            (
                b,
                _bag_decisions(
                    fold,
                    gram,
                    weights[a],
                    costs,
                    params,
                    _drawn(params, most, a.size),
                    fold.train[a],
                    fold.train[b],
                    fold.codes[a],
                ),
            )
            for a, b in folds_for(fold.codes, None)
        ]
    k = len(fold.classes)
    n_pairs = k * (k - 1) // 2
    for c in same:
        at, used = costs.index(work.params[c]["C"]), work.params[c]["n_estimators"] * n_pairs
        scores = bag_scores(each[at][:, :used], k)
        proba = None
        if work.params[c]["probability"]:
            inner = np.empty((fold.codes.size, k))
            for b, decisions in held_out:
                inner[b] = bag_scores(decisions[at][:, :used], k)
            proba = apply_sigmoids(scores, fit_sigmoids(inner, fold.codes, weights))
        yield c, fold.number, Answer(fold.classes, scores.argmax(axis=1), bag_decision_of(scores), proba)


def _drawn(params: Mapping[str, Any], most: int, n: int) -> NDArray[np.int64]:
    return bags(n, most, params["max_samples"], params["bootstrap"], params["random_state"])


def bag_answers(
    fold: Fold,
    params: Mapping[str, Any],
    weights: NDArray[np.float64],
    costs: list[float],
    drawn: NDArray[np.float64],
    sizes: list[int],
) -> dict[tuple[float, int], Answer]:
    """Return the answer of each (C, number of bags): the bags vote, and of tied classes the first wins.

    So scikit-learn's ensembles decide; those of ours order ties by the scores.

    Parameters
    ----------
    fold, params
        The kernel's, and what else holds for all.
    weights : (n,) float64
        Of the training samples.
    costs : list of float
        Values of C.
    drawn : (n_bags, n) float64
        How often each bag holds each training sample.
    sizes : list of int
        How many of the first bags vote.
    """
    gram, k = fold.gram(params), len(fold.classes)
    each = _bag_decisions(fold, gram, weights, costs, params, drawn, fold.train, fold.test, fold.codes)
    found: dict[tuple[float, int], Answer] = {}
    for cost, decisions in zip(costs, each, strict=True):
        votes, total = np.zeros((fold.test.size, k)), np.zeros(())
        for n, one in enumerate(np.split(decisions, len(drawn), axis=1), 1):
            votes[np.arange(len(votes)), winner_of(one, k, params["break_ties"])] += 1
            total = total + decision_of(one, k, params["decision_function_shape"])
            if n in sizes:
                found[cost, n] = Answer(fold.classes, votes.argmax(axis=1), total / n, votes / n)
    return found


def _bag_decisions(
    fold: Fold,
    gram: Gram,
    weights: NDArray[np.float64],
    costs: list[float],
    params: Mapping[str, Any],
    drawn: NDArray[Any],
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    codes: NDArray[np.intp],
) -> list[NDArray[np.float64]]:
    """Return the (m, n_bags * n_pairs) decisions of `test` for each C, of bags drawn (n_bags, n)."""
    threads, n_classes = fold.threads, len(fold.classes)
    n_pairs = n_classes * (n_classes - 1) // 2
    fitted = fit_bags(
        gram, codes, weights, drawn, costs, n_classes, params["tol"], params["max_iter"], threads, index=train
    )

    def multiply(K: Floats) -> Floats:
        return np.concatenate([bag_products(K, coef, n_pairs) for coef, _, _ in fitted], axis=1)

    out = _products(gram, test, train, multiply, len(costs) * len(drawn) * n_pairs, threads)
    return [part + f[1] for part, f in zip(np.split(out, len(costs), axis=1), fitted, strict=True)]


def _products(
    gram: Gram, test: NDArray[np.intp], train: NDArray[np.intp], multiply: Any, columns: int, threads: int
) -> NDArray[np.float64]:
    """Return the kernel of `test` against `train` times coefficients, some rows at a time."""
    out = np.empty((test.size, columns))
    if gram.full is None:
        for at, K in gram.strips(test, train):
            out[at] = multiply(K)
        return out

    def fill(start: int) -> None:
        rows = test[start : start + _ROWS]
        out[start : start + rows.size] = multiply(gram.rectangle(rows, train))

    in_threads(fill, range(0, test.size, _ROWS), threads)
    return out


def alike(work: Work, members: list[int], names: tuple[str, ...]) -> list[list[int]]:
    """Return `members` in groups that agree in the parameters named."""
    kept: dict[Hashable, list[int]] = {}
    for c in members:
        kept.setdefault(signature([work.params[c][n] for n in names]), []).append(c)
    return list(kept.values())


def folds(work: Work) -> Iterator[tuple[Fold, list[int]]]:
    """Yield each fold with the candidates that share its matrix: one for all folds if nothing is scaled."""
    by_base: dict[tuple[str, str], list[int]] = {}
    for c, params in enumerate(work.params):
        kind = "distance" if params["kernel"] == "rbf" else "product"
        by_base.setdefault((params["scale"], kind), []).append(c)
    for (scale, kind), members in by_base.items():
        if scale == "none":
            yield from _one_matrix(work, kind, members)
        else:
            yield from _scaled_matrices(work, kind, members)


def _one_matrix(work: Work, kind: Any, members: list[int]) -> Iterator[tuple[Fold, list[int]]]:
    whole, threads, limit = _plan(work, len(work.X))
    full = Base(work.X, kind).symmetric() if whole else None
    for s, (train, test) in enumerate(work.splits):
        yield (
            Fold(s, full, train, test, work.X, *work.labels(s), threads, limit, work.training_weights(s)),
            members,
        )


def _scaled_matrices(work: Work, kind: Any, members: list[int]) -> Iterator[tuple[Fold, list[int]]]:
    """Yield folds with a matrix each: a scaler learns from the training fold only."""
    for s, (train, test) in enumerate(work.splits):
        whole, threads, limit = _plan(work, train.size + test.size)
        scaler = clone(work.estimator).set_params(**work.params[members[0]])
        scaler._fit_scaler(work.X[train], work.training_weights(s))
        X = scaler._scaled(work.X[np.concatenate([train, test])])
        full = Base(X, kind).symmetric() if whole else None
        at = np.arange(len(X))
        ours, others = at[: train.size], at[train.size :]
        yield (
            Fold(s, full, ours, others, X, *work.labels(s), threads, limit, work.training_weights(s)),
            members,
        )


def _plan(work: Work, n: int) -> tuple[bool, int, float]:
    """Return whether the matrix of n vectors fits, the pairs in work at once, and the megabytes of each."""
    pair = max(largest_pair(work.labels(s)[1]) for s in range(len(work.splits)))
    budget = work.memory * 1000
    whole, threads = memory_plan(n, pair, budget, work.params[0]["n_jobs"])
    if not whole:
        log.info(
            "the kernel of %d vectors needs %.3g GB and memory allows %.3g: it is computed pair by pair of "
            "classes, for each gamma and fold anew", n, 4e-9 * (n**2 + pair**2), work.memory,
        )  # fmt: skip
    return whole, threads, budget
