"""Every cell of a grid on precomputed kernels: what nested cross-validation over subjects asks for.

A *cell* is one choice of hyperparameters. `SVMCandidates` and `RidgeCandidates` compute each kernel once for
all samples; every fold, inner or outer, reads its block from it. Neither learns anything from a sample that
is not in `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Scores = NDArray[np.float64]
#: Which samples, their labels, and their weights where some count more.
Drawn = tuple[Indices, NDArray[np.int64], NDArray[np.float64] | None]


class CandidateSet(Protocol):
    """Candidates that can be scored on held-out samples."""

    candidates: list[dict[str, Any]]

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """Fit on `train`, score `test`: (cells, n_test, n_classes); with `cell`, of that one alone."""
        ...

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """Score each fold (a part of `train`) by fits on the rest of `train`."""
        ...


class SVMCandidates:
    """One-against-one support vector machines on precomputed kernels, for every C and class weight.

    Parameters
    ----------
    kernels : mapping of str to (m, m) ndarray
        Among all samples. m is n, or a multiple of it where copies of the samples follow (mirrored ones,
        say): row ``i + c n`` is copy c of sample i. Then every copy of a training sample is trained on, and a
        test sample's score is the mean over its copies.
    y : (n,) int
        Classes 0 .. n_classes - 1.
    C : sequence of float
    class_weight : sequence of None or "balanced"
        "balanced" weighs a sample with n_train / (n_classes n_train of its class), over the classes present.
    """

    def __init__(
        self,
        kernels: Mapping[str, NDArray[Any]],
        y: NDArray[np.intp],
        C: Sequence[float] = (1.0,),
        class_weight: Sequence[str | None] = (None,),
    ) -> None:
        from classifiers._kernels import Kernel
        from classifiers._ovo import Gram

        linear = Kernel("linear")  # the map of a kernel that is there already
        self._grams = {
            name: Gram(None, linear, np.ascontiguousarray(K, np.float32)) for name, K in kernels.items()
        }
        self._y, self._C = np.asarray(y), sorted(C)
        self._n_classes = int(self._y.max()) + 1
        self._copies = {name: len(K) // len(y) for name, K in kernels.items()}
        for name, K in kernels.items():
            _check_kernel(name, K, len(y), self._copies[name])
        self._weighting = list(class_weight)
        self.candidates: list[dict[str, Any]] = [
            {"kernel": name, "class_weight": w, "C": c}
            for name in kernels
            for w in self._weighting
            for c in self._C
        ]

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `CandidateSet.scores`."""
        if cell is not None:
            one = self.candidates[cell]
            return self._path(one["kernel"], one["class_weight"], [one["C"]], train, test)
        every = [self._path(name, w, self._C, train, test) for name in self._grams for w in self._weighting]
        return np.concatenate(every)

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `CandidateSet.held_out`."""
        return [self.scores(np.setdiff1d(train, fold), fold) for fold in folds]

    def _path(
        self, name: str, weighting: str | None, C: Sequence[float], train: Indices, test: Indices
    ) -> Scores:
        """Return (len(C), n_test, n_classes), all from one block of the kernel."""
        from classifiers._ovo import fit_pairs, ovr_scores

        gram, copies, n = self._grams[name], self._copies[name], len(self._y)
        rows = np.concatenate([train + c * n for c in range(copies)])
        codes = np.tile(self._y[train], copies)
        machines = fit_pairs(
            gram, codes, _weights(codes, weighting), C, self._n_classes, n_jobs=1, index=rows
        )
        found = np.zeros((len(C), len(test), self._n_classes))
        for c in range(copies):
            block = gram.rectangle(test + c * n, rows)
            for k in range(len(C)):
                decision = block @ machines.coef[k] + machines.intercept[k]
                found[k] += ovr_scores(decision, self._n_classes) / copies
        return found


def _weights(codes: NDArray[np.intp], weighting: str | None) -> NDArray[np.float64]:
    if weighting is None:
        return np.ones(codes.size)
    counts = np.bincount(codes)
    return codes.size / (np.count_nonzero(counts) * counts[codes])


def _check_kernel(name: str, K: NDArray[Any], n: int, copies: int) -> None:
    if K.ndim != 2 or K.shape[0] != K.shape[1] or copies * n != len(K) or not len(K):
        raise ValueError(f"kernel {name!r} of shape {K.shape} does not fit {n} samples")
    if not np.isfinite(K).all():
        raise ValueError(f"kernel {name!r} holds NaN or an infinite value")


class RidgeCandidates:
    """Weighted kernel ridge regression on +1 / -1 targets, one for each class, for every ridge and weighting.

    A sample of class c counts ``w_c`` times: ``(K + b + ridge diag(1 / w)) alpha = Y``, with a constant `b`
    added to the kernel as the bias (Suykens and Vandewalle 1999 without the constraint). The scores of
    samples that are left out follow from the inverse over all samples by block inversion, exactly and without
    fitting again: with ``G`` the inverse, ``Y_S - G_SS^-1 (G Y)_S`` are the scores of S when S is left out.

    Parameters
    ----------
    kernels : mapping of str to (n, n) ndarray
        Symmetric. Divided by the mean of their diagonals, so that one ridge means the same for all.
    y : (n,) int
        Classes 0 .. n_classes - 1.
    ridge : sequence of float
        Above 0.
    weights : mapping of str to sequence of float
        Named weightings: how often a sample of each class counts. Constants, not counts of the data, so that
        they are hyperparameters like any other.
    """

    #: The constant added to a kernel whose diagonal is about 1: a bias that is hardly shrunk.
    BIAS = 10.0

    def __init__(
        self,
        kernels: Mapping[str, NDArray[Any]],
        y: NDArray[np.intp],
        ridge: Sequence[float],
        weights: Mapping[str, Sequence[float]],
    ) -> None:
        self._y = np.asarray(y)
        n_classes = int(self._y.max()) + 1
        if min(ridge, default=0) <= 0 or any(len(w) != n_classes or min(w) <= 0 for w in weights.values()):
            raise ValueError(f"need ridges above 0 and {n_classes} weights above 0 in each weighting")
        self._Y = np.where(self._y[:, None] == np.arange(n_classes), 1.0, -1.0)
        self._inverses: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self.candidates: list[dict[str, Any]] = []
        for name, K in kernels.items():
            _check_kernel(name, K, len(self._y), 1)
            scaled = np.asarray(K, np.float64) / np.mean(np.diag(K)) + self.BIAS
            for weighting, w in weights.items():
                for value in sorted(ridge, reverse=True):
                    self.candidates.append({"kernel": name, "weights": weighting, "ridge": value})
                    penalty = value / np.asarray(w, np.float64)[self._y]
                    G = np.linalg.inv(scaled + np.diag(penalty))
                    self._inverses.append((G, G @ self._Y))

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `CandidateSet.scores`; `train` and `test` must be disjoint."""
        which = range(len(self.candidates)) if cell is None else [cell]
        out = np.setdiff1d(np.arange(len(self._y)), train)
        at = np.searchsorted(out, test)
        return np.stack([self._left_out(*self._inverses[c], out)[at] for c in which])

    def _left_out(self, G: NDArray[Any], alpha: NDArray[Any], out: Indices) -> NDArray[np.float64]:
        return self._Y[out] - np.linalg.solve(G[np.ix_(out, out)], alpha[out])

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `CandidateSet.held_out`."""
        out = np.setdiff1d(np.arange(len(self._y)), train)
        found = [np.empty((len(self._inverses), len(fold), self._Y.shape[1])) for fold in folds]
        for c, (G, alpha) in enumerate(self._inverses):
            # Take out what is outside `train` once; the folds then come from the smaller inverse.
            share = np.linalg.solve(G[np.ix_(out, out)], G[out]).T if out.size else np.zeros((len(G), 0))
            beta = alpha - share @ alpha[out]
            for k, fold in enumerate(folds):
                block = G[np.ix_(fold, fold)] - share[fold] @ G[np.ix_(out, fold)]
                found[k][c] = self._Y[fold] - np.linalg.solve(block, beta[fold])
        return found


class MeanCandidate:
    """The mean score of all candidates of a set, as one candidate: nothing is left to choose.

    For candidates whose scores are on one scale, such as ridge regressions on the same targets.

    Parameters
    ----------
    members : CandidateSet
    """

    def __init__(self, members: CandidateSet) -> None:
        self._members = members
        self.candidates: list[dict[str, Any]] = [{"mean of": members.candidates}]

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `CandidateSet.scores`."""
        return np.mean(self._members.scores(train, test), axis=0, keepdims=True)

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `CandidateSet.held_out`."""
        return [np.mean(found, axis=0, keepdims=True) for found in self._members.held_out(train, folds)]


class HeadCandidates:
    """Any registered head with any candidates, fitted afresh for each fold; see `CandidateSet`.

    Parameters
    ----------
    head : str
        One of `classifiers.list_heads()`.
    candidates : sequence of dict
        Parameters by their scikit-learn names.
    X : (n, d) float32
    y : (n,) int
    copies : (n, d) float32, optional
        Altered copies (mirrored ones, say): training samples' copies are trained on too, and a test sample's
        scores are the mean of its own and its copy's.
    memory : str, float or None
        What the kernels of one fold may take, as in `classifiers.search.GridSearchCV`.
    drawn : callable, optional
        Takes training samples, and returns them as they are fitted on: which, their labels, and their
        weights or None. By default each once, with its label.

    Raises
    ------
    ValueError
        If a parameter is wrong; before anything is fitted.
    """

    def __init__(
        self,
        head: str,
        candidates: Sequence[dict[str, Any]],
        X: NDArray[np.float32],
        y: NDArray[np.intp],
        copies: NDArray[np.float32] | None = None,
        memory: float | str | None = None,
        drawn: Callable[[Indices], Drawn] | None = None,
    ) -> None:
        from classifiers.registry import checked_params

        self.head, self.candidates = head, list(candidates) or [{}]
        for one in self.candidates:
            checked_params(head, one)
        self._parts = [X] if copies is None else [X, copies]
        self._memory, self._drawn = memory, drawn
        self._y, self._n_classes = np.asarray(y), int(np.max(y)) + 1

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `CandidateSet.scores`; a class that `train` lacks scores below all others."""
        from classifiers.search import try_candidates

        which = self.candidates if cell is None else [self.candidates[cell]]
        rows, labels, weights = self._drawn(train) if self._drawn else (train, self._y[train], None)
        y = np.tile(labels, len(self._parts))
        weighing = None if weights is None else np.tile(weights, len(self._parts))
        present = np.unique(y)
        found = np.full((len(which), len(test), self._n_classes), -np.inf)
        if len(present) < 2:
            found[..., present] = 0.0
            return found
        fitted, asked = (np.concatenate([X[at] for X in self._parts]) for at in (rows, test))
        found_by = try_candidates(self.head, which, fitted, y, asked, self._memory, sample_weight=weighing)
        for c, tried in enumerate(found_by):
            parts = tried.scores.reshape(len(self._parts), len(test), -1)
            found[c][:, present] = parts.mean(axis=0)
        return found

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `classifiers.candidates.CandidateSet.held_out`."""
        return [self.scores(np.setdiff1d(train, fold), fold) for fold in folds]
