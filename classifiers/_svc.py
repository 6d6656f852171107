"""Support vector classification on blocked float32 kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from classifiers._bags import bag_decision_of, bag_products, bag_scores, bags, fit_bags
from classifiers._base import Head
from classifiers._calibration import apply_sigmoids, fit_sigmoids, folds_for
from classifiers._kernels import Base, Kernel, gamma_value
from classifiers._ovo import (
    Gram,
    class_scores,
    decisions,
    fit_pairs,
    memory_plan,
    ovr_scores,
    pairs,
    votes,
)


def _asked_for_probability(head: Any) -> bool:
    if not head.probability:
        raise AttributeError("svm: probabilities are there only with probability=True")
    return True


class KernelHead(Head):
    """What `SVC` and `BaggedSVC` share: parameters, kernel, memory."""

    @property
    def label_is_largest(self) -> bool:
        """Whether the label has the largest number: not among probabilities, calibrated class by class."""
        return not self.probability

    def _kernel(self, X: NDArray[Any]) -> Kernel:
        self.gamma_ = gamma_value(self.gamma, X)
        return self._kernel_now()

    def _kernel_now(self) -> Kernel:
        return Kernel(self.kernel, self.gamma_, self.degree, self.coef0)

    def _gram(self, X: NDArray[Any], largest_pair: int, whole: bool) -> tuple[Gram, int]:
        """Return kernel blocks, and how many pairs may be fitted at once within `cache_size`."""
        kernel = self._kernel(X)
        fits, threads = memory_plan(len(X), largest_pair, self.cache_size, self.n_jobs)
        full = Base(X, kernel.base).symmetric() if fits and whole else None
        return Gram(X, kernel, full, self.cache_size), threads


class SVC(KernelHead):
    """One-against-one support vector machines, equal to scikit-learn's `SVC` and many times quicker.

    The kernel is computed once by a product of float32 matrices; each pair of classes is a view of it and is
    solved by a compiled SMO with libsvm's working sets and stopping rule (Fan, Chen and Lin, JMLR 6, 2005).
    Prediction is a product of matrices too. tests/classifiers compares it with scikit-learn's.

    Parameters
    ----------
    C : float, default=1.0
        Penalty.
    kernel : {"rbf", "linear", "poly"}, default="rbf"
    gamma : float, "scale" or "auto", default="scale"
        1 / (d Var X), 1 / d, or a number.
    degree, coef0 : int, float
        Of the polynomial kernel.
    class_weight : dict, "balanced" or None
    scale : {"none", "standard"}, default="none"
        Whether features are brought to mean 0 and variance 1 first.
    probability : bool, default=False
        Calibrate probabilities: Platt's sigmoid on each class's score, fitted on held-out scores of
        five folds that share the kernel; `predict` is not changed by it.
    decision_function_shape : {"ovr", "ovo"}
        (n, n_classes) votes with ties ordered, or (n, n_pairs) decisions.
    break_ties : bool
        Whether `predict` orders tied votes by the scores; if not, the first class wins, as in scikit-learn.
    tol : float
        Largest violation of the optimality conditions.
    max_iter : int
        Limit of iterations a pair; -1 for libsvm's ten million.
    cache_size : float
        Megabytes for kernels; beyond it the kernel of each pair is computed by itself, and a pair that is
        larger yet is solved by libsvm from cached rows, which is slower; the log says so at INFO.
    n_jobs : int or None, default=-1
        Threads.
    random_state : int, RandomState or None
        Of the calibration's folds.

    Attributes
    ----------
    classes_ : (n_classes,)
    support_ : (n_sv,) int32
        Rows of the training vectors that are support vectors, ordered by class.
    support_vectors_ : (n_sv, d) float32
    n_support_ : (n_classes,) int32
    dual_coef_ : (n_classes - 1, n_sv) float32
        In scikit-learn's layout.
    intercept_ : (n_pairs,) float64
    n_iter_ : (n_pairs,) int
    gamma_ : float
    """

    def __init__(
        self,
        C: float = 1.0,
        *,
        kernel: str = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        scale: str = "none",
        probability: bool = False,
        decision_function_shape: str = "ovr",
        break_ties: bool = False,
        tol: float = 1e-3,
        max_iter: int = -1,
        cache_size: float = 6000,
        n_jobs: int | None = -1,
        random_state: Any = None,
    ) -> None:
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.class_weight = class_weight
        self.scale = scale
        self.probability = probability
        self.decision_function_shape = decision_function_shape
        self.break_ties = break_ties
        self.tol = tol
        self.max_iter = max_iter
        self.cache_size = cache_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def label_is_largest(self) -> bool:
        """See `KernelHead`; and among scores the first of tied votes wins, unless `break_ties`."""
        return super().label_is_largest and (self.break_ties or len(self.classes_) == 2)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SVC:
        """Fit on (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite or all labels are the same.
        """
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        gram, threads = self._gram(vectors, largest_pair(codes), whole=True)
        machines = fit_pairs(
            gram, codes, weights, [self.C], len(self.classes_), self.tol, self.max_iter, threads
        )
        self.n_iter_ = machines.iterations[0]
        self._keep(vectors, codes, machines.coef[0], machines.intercept[0])
        if self.probability:
            self._calibrate(gram, codes, weights, threads)
        return self

    def _keep(
        self, X: NDArray[Any], codes: NDArray[Any], coef: NDArray[Any], intercept: NDArray[Any]
    ) -> None:
        used = np.flatnonzero(coef.any(axis=1))
        used = used[np.argsort(codes[used], kind="stable")]
        self.support_ = used.astype(np.int32)
        self.support_vectors_ = np.ascontiguousarray(X[used], np.float32)
        self.n_support_ = np.bincount(codes[used], minlength=len(self.classes_)).astype(np.int32)
        self.dual_coef_ = pack(coef[used], codes[used], len(self.classes_))
        self.intercept_ = intercept

    def _calibrate(self, gram: Gram, codes: NDArray[Any], weights: NDArray[np.float64], threads: int) -> None:
        """Fit the sigmoids on held-out scores; the folds are views of the kernel already there."""
        n_classes = len(self.classes_)
        held_out = np.empty((codes.size, n_classes))
        for train, test in folds_for(codes, self.random_state):
            machines = fit_pairs(
                gram, codes[train], weights[train], [self.C], n_classes,
                self.tol, self.max_iter, threads, index=train,
            )  # fmt: skip
            rows = gram.rectangle(test, train) @ machines.coef[0] + machines.intercept[0]
            held_out[test] = class_scores(rows, n_classes)
        self.sigmoids_ = fit_sigmoids(held_out, codes, weights)

    def _pairwise(self, X: ArrayLike) -> NDArray[np.float64]:
        vectors = self._checked(X)
        codes = np.repeat(np.arange(len(self.classes_)), self.n_support_)
        coef = unpack(self.dual_coef_, codes, len(self.classes_))
        kernel = self._kernel_now()
        return decisions(Base(self.support_vectors_, kernel.base), kernel, coef, self.intercept_, vectors)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) scores, (n, n_pairs) for "ovo", (n,) of the second class if there are two."""
        return decision_of(self._pairwise(X), len(self.classes_), self.decision_function_shape)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the (n,) labels with the most votes; tied votes go to the first class (see `break_ties`)."""
        winner = winner_of(self._pairwise(X), len(self.classes_), self.break_ties)
        return self.classes_[winner]

    @available_if(_asked_for_probability)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) calibrated probabilities; rows sum to 1."""
        return apply_sigmoids(class_scores(self._pairwise(X), len(self.classes_)), self.sigmoids_)

    def answers(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return `predict`, and `predict_proba` or else `decision_function`, of one product of kernels."""
        pairwise, k = self._pairwise(X), len(self.classes_)
        labels = self.classes_[winner_of(pairwise, k, self.break_ties)]
        if self.probability:
            return labels, apply_sigmoids(class_scores(pairwise, k), self.sigmoids_)
        return labels, decision_of(pairwise, k, self.decision_function_shape)


def decision_of(pairwise: NDArray[np.float64], n_classes: int, shape: str) -> NDArray[np.float64]:
    """Return what `SVC.decision_function` gives for (n, n_pairs) pairwise decisions."""
    if n_classes == 2:
        return -pairwise[:, 0]
    return pairwise if shape == "ovo" else ovr_scores(pairwise, n_classes)


def winner_of(pairwise: NDArray[np.float64], n_classes: int, break_ties: bool) -> NDArray[np.intp]:
    """Return the class code that `SVC.predict` chooses for (n, n_pairs) pairwise decisions."""
    return (ovr_scores if break_ties else votes)(pairwise, n_classes).argmax(axis=1)


def largest_pair(codes: NDArray[Any]) -> int:
    """Return the number of vectors of the two largest classes."""
    return int(np.sort(np.bincount(codes))[-2:].sum())


def pack(coef: NDArray[Any], codes: NDArray[Any], n_classes: int) -> NDArray[np.float32]:
    """Return (n_classes - 1, n_sv) from (n_sv, n_pairs): a vector takes part in its class's pairs only."""
    out = np.zeros((n_classes - 1, len(coef)), np.float32)
    for p, (i, j) in enumerate(pairs(n_classes)):
        out[j - 1, codes == i] = coef[codes == i, p]
        out[i, codes == j] = coef[codes == j, p]
    return out


def unpack(dual: NDArray[Any], codes: NDArray[Any], n_classes: int) -> NDArray[np.float32]:
    """Undo `pack`."""
    out = np.zeros((dual.shape[1], n_classes * (n_classes - 1) // 2), np.float32)
    for p, (i, j) in enumerate(pairs(n_classes)):
        out[codes == i, p] = dual[j - 1, codes == i]
        out[codes == j, p] = dual[i, codes == j]
    return out


class BaggedSVC(KernelHead):
    """Support vector machines on random shares of the training vectors, voting.

    What scikit-learn's ``BaggingClassifier(SVC(...))`` does, with one kernel for all bags: a vector drawn k
    times counts k times in C, which gives the same machine as k copies, and prediction computes the kernel
    against the union of all support vectors once.

    Parameters
    ----------
    n_estimators : int, default=10
    max_samples : float or int, default=0.2
        Share (float) or number (int) of vectors drawn for each bag.
    bootstrap : bool, default=True
        Whether they are drawn with replacement.
    C, kernel, gamma, degree, coef0, class_weight, scale, probability, tol, max_iter, cache_size, n_jobs
        As in `SVC`. "scale" takes the variance of all training vectors, not of each bag.
    random_state : int, RandomState or None
        Of the bags.

    Attributes
    ----------
    support_vectors_ : (n_sv, d) float32
        Union over the bags.
    coef_ : (n_sv, n_estimators * n_pairs) float32
    intercept_ : (n_estimators * n_pairs,) float64
    n_iter_ : (n_estimators * n_pairs,) int
    """

    def __init__(
        self,
        n_estimators: int = 10,
        *,
        max_samples: float = 0.2,
        bootstrap: bool = True,
        C: float = 1.0,
        kernel: str = "rbf",
        gamma: float | str = "scale",
        degree: int = 3,
        coef0: float = 0.0,
        class_weight: dict[Any, float] | str | None = None,
        scale: str = "none",
        probability: bool = False,
        tol: float = 1e-3,
        max_iter: int = -1,
        cache_size: float = 6000,
        n_jobs: int | None = -1,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.bootstrap = bootstrap
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.class_weight = class_weight
        self.scale = scale
        self.probability = probability
        self.tol = tol
        self.max_iter = max_iter
        self.cache_size = cache_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> BaggedSVC:
        """Fit on (n, d) vectors and n labels. Raises as `SVC.fit` does."""
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        drawn = bags(len(codes), self.n_estimators, self.max_samples, self.bootstrap, self.random_state)
        gram, threads = self._bag_gram(vectors, codes, drawn)
        coef, self.intercept_, self.n_iter_ = fit_bags(
            gram, codes, weights, drawn, [self.C], len(self.classes_), self.tol, self.max_iter, threads
        )[0]
        used = np.flatnonzero(coef.any(axis=1))
        self.support_vectors_ = np.ascontiguousarray(vectors[used], np.float32)
        self.coef_ = coef[used]
        if self.probability:
            self._calibrate(gram, codes, weights, threads)
        return self

    def _bag_gram(self, X: NDArray[Any], codes: NDArray[Any], drawn: NDArray[np.int64]) -> tuple[Gram, int]:
        largest = max(largest_pair(codes[np.flatnonzero(bag)]) for bag in drawn)
        # Many small bags touch little of the whole matrix: then blocks are cheaper.
        touched = sum(2.0 * np.count_nonzero(bag) ** 2 for bag in drawn)
        return self._gram(X, largest, whole=bool(touched > len(codes) ** 2 or self.probability))

    def _calibrate(self, gram: Gram, codes: NDArray[Any], weights: NDArray[np.float64], threads: int) -> None:
        n_classes = len(self.classes_)
        held_out = np.empty((codes.size, n_classes))
        for train, test in folds_for(codes, self.random_state):
            drawn = bags(train.size, self.n_estimators, self.max_samples, self.bootstrap, self.random_state)
            coef, intercept, _ = fit_bags(
                gram, codes[train], weights[train], drawn, [self.C], n_classes,
                self.tol, self.max_iter, threads, index=train,
            )[0]  # fmt: skip
            each = bag_products(gram.rectangle(test, train), coef, len(intercept) // self.n_estimators)
            held_out[test] = bag_scores(each + intercept, n_classes)
        self.sigmoids_ = fit_sigmoids(held_out, codes, weights)

    def _bagged(self, X: ArrayLike) -> NDArray[np.float64]:
        vectors, kernel = self._checked(X), self._kernel_now()
        each = decisions(
            Base(self.support_vectors_, kernel.base), kernel, self.coef_, self.intercept_, vectors
        )
        return bag_scores(each, len(self.classes_))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) bags' votes, ties ordered by summed scores; (n,) for two classes."""
        return bag_decision_of(self._bagged(X))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the (n,) labels that most bags voted for; ties are ordered by the bags' summed scores."""
        best = self._bagged(X).argmax(axis=1)
        return self.classes_[best]

    @available_if(_asked_for_probability)
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) calibrated probabilities; rows sum to 1."""
        return apply_sigmoids(self._bagged(X), self.sigmoids_)

    def answers(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return `predict`, and `predict_proba` or else `decision_function`, of one product of kernels."""
        found = self._bagged(X)
        labels = self.classes_[found.argmax(axis=1)]
        given = apply_sigmoids(found, self.sigmoids_) if self.probability else bag_decision_of(found)
        return labels, given
