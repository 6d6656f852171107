"""One-against-one machines over a shared kernel base: every pair, every C, every fold from one matrix."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import cores, in_threads
from classifiers._kernels import Base, Floats, Kernel

log = logging.getLogger(__name__)

#: libsvm's own limit, where `max_iter` is -1.
NO_LIMIT = 10_000_000


@dataclass(frozen=True)
class Machines:
    """Fitted pairs.

    Attributes
    ----------
    coef : (n_costs, n, n_pairs) float32
        Signed dual coefficients of the n training vectors.
    intercept : (n_costs, n_pairs) float64
    iterations : (n_costs, n_pairs) int
    """

    coef: Floats
    intercept: NDArray[np.float64]
    iterations: NDArray[np.int64]


def pairs(n_classes: int) -> list[tuple[int, int]]:
    """Return the pairs (i, j), i < j, in libsvm's order; a positive decision votes for i."""
    return list(combinations(range(n_classes), 2))


class Gram:
    """Blocks of the kernel among training vectors: views of one matrix, or computed pair by pair.

    Parameters
    ----------
    X : (n, d) ndarray
    kernel : Kernel
    full : (n, n) float32, optional
        The base among all of `X`; None computes the base of each block asked for.
    limit_mb : float
        Megabytes that one block may take. A pair that needs more is solved from cached rows.
    """

    def __init__(
        self, X: NDArray[Any] | None, kernel: Kernel, full: Floats | None, limit_mb: float = math.inf
    ) -> None:
        self.X, self.kernel, self.full, self.limit_mb = X, kernel, full, limit_mb

    def fits(self, n: int) -> bool:
        """Return whether the block of n vectors may be held."""
        return 4e-6 * n**2 <= self.limit_mb

    def block(self, index: NDArray[np.intp]) -> Floats:
        """Return the kernel among the vectors of `index`, contiguous."""
        if self.full is None:
            assert self.X is not None  # noqa: S101 - one of the two is always there
            return self.kernel.map(Base(self.X[index], self.kernel.base).symmetric())
        from classifiers._smo import gather

        out = np.empty((index.size, index.size), np.float32)
        gather(self.full, index, out)
        return self.kernel.map(out)

    def rectangle(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """Return the kernel of some vectors against others."""
        if self.full is not None:
            return self.kernel.map(self.full[np.ix_(rows, columns)])
        return np.concatenate([K for _, K in self.strips(rows, columns)])

    def strips(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Iterator[tuple[slice, Floats]]:
        """Yield ``(slice of rows, kernel of those against columns)``, computed from the vectors."""
        assert self.X is not None  # noqa: S101
        for at, block in Base(self.X[columns], self.kernel.base).rows(self.X[rows]):
            yield at, self.kernel.map(block)


def fit_pairs(
    gram: Gram,
    codes: NDArray[np.intp],
    weights: NDArray[np.float64],
    costs: Sequence[float],
    n_classes: int,
    tol: float = 1e-3,
    max_iter: int = -1,
    n_jobs: int | None = -1,
    index: NDArray[np.intp] | None = None,
) -> Machines:
    """Fit every pair of classes for every C.

    Parameters
    ----------
    gram : Gram
        Kernel blocks.
    codes : (n,) int
        Class of each row of `index`.
    weights : (n,) float64
        Multiplies C for each sample; a sample of weight 0 takes no part.
    costs : sequence of float
        Values of C. They are fitted in ascending order, each from the solution before it.
    index : (n,) int, optional
        Rows of the Gram matrix to use; all by default. `coef` follows this order.
    """
    index = np.arange(codes.size) if index is None else index
    todo = pairs(n_classes)
    coef = np.zeros((len(costs), codes.size, len(todo)), np.float32)
    intercept = np.zeros((len(costs), len(todo)))
    iterations = np.zeros((len(costs), len(todo)), np.int64)

    def fit(p: int) -> None:
        members = np.flatnonzero(((codes == todo[p][0]) | (codes == todo[p][1])) & (weights > 0))
        signs = np.where(codes[members] == todo[p][0], 1, -1).astype(np.float32)
        if not gram.fits(members.size):
            machines = _cached_rows(gram, index[members], signs, weights[members], costs, tol, max_iter)
        else:
            machines = cost_path(blocked(members), signs, weights[members], costs, tol, max_iter)
        for c, (beta, b, made) in machines.items():
            coef[c, members, p], intercept[c, p], iterations[c, p] = beta, b, made

    def blocked(members: NDArray[np.intp]) -> Floats:
        block = gram.block(index[members])
        if not np.isfinite(block.max(initial=0) - block.min(initial=0)):
            raise ValueError(f"the {gram.kernel.name} kernel of these vectors overflows; scale them")
        return block

    counts = np.bincount(codes[weights > 0], minlength=n_classes)
    largest_first = sorted(range(len(todo)), key=lambda p: -counts[list(todo[p])].sum())
    in_threads(fit, largest_first, n_jobs)
    return Machines(coef, intercept, iterations)


def cost_path(
    K: Floats, signs: Floats, weights: NDArray[np.float64], costs: Sequence[float], tol: float, max_iter: int
) -> dict[int, tuple[NDArray[np.float64], float, int]]:
    """Solve one pair for each C, from the smallest up; the solution is scaled to start the next."""
    from classifiers._smo import solve

    beta, g, last = np.zeros(signs.size), signs.copy(), 0.0
    found: dict[int, tuple[NDArray[np.float64], float, int]] = {}
    if signs.size == 0 or (signs == signs[0]).all():  # a class without a weighted sample: vote for the other
        b = float(signs[0]) if signs.size else 0.0
        return {c: (beta.copy(), b, 0) for c in range(len(costs))}
    limit = NO_LIMIT if max_iter < 0 else max_iter
    for c in np.argsort(costs, kind="stable"):
        cost = float(costs[c])
        if last:
            scale = _best_scale(beta, signs, g, cost / last)
            beta *= scale
            g = signs - np.float32(scale) * (signs - g)
        top = weights * cost
        lower, upper = np.where(signs > 0, 0.0, -top), np.where(signs > 0, top, 0.0)
        np.clip(beta, lower, upper, out=beta)
        b, made = solve(K, signs, lower, upper, beta, g, tol, limit)
        if made >= limit:
            _warn_not_converged(made, cost)
        found[int(c)] = (beta.copy(), b, made)
        last = cost
    return found


def _cached_rows(
    gram: Gram,
    index: NDArray[np.intp],
    signs: Floats,
    weights: NDArray[np.float64],
    costs: Sequence[float],
    tol: float,
    max_iter: int,
) -> dict[int, tuple[NDArray[np.float64], float, int]]:
    """Solve one pair by libsvm, which holds what rows of the kernel fit and computes the others anew."""
    from sklearn.svm import SVC

    if (signs == signs[0]).all():
        return {c: (np.zeros(signs.size), float(signs[0]), 0) for c in range(len(costs))}
    assert gram.X is not None  # noqa: S101 - a limit comes with the vectors
    kernel, found = gram.kernel, {}
    for c, cost in enumerate(costs):
        model = SVC(
            C=float(cost), kernel=kernel.name, gamma=kernel.gamma, degree=kernel.degree, coef0=kernel.coef0,
            tol=tol, max_iter=max_iter, cache_size=gram.limit_mb,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence: said below, in one line
            model.fit(gram.X[index], signs, sample_weight=weights)
        if model.fit_status_:
            _warn_not_converged(max_iter, cost)
        beta = np.zeros(signs.size)
        beta[model.support_] = model.dual_coef_[0]
        found[c] = (beta, float(model.intercept_[0]), int(model.n_iter_[0]))
    return found


def _warn_not_converged(iterations: int, cost: float) -> None:
    log.warning(
        "svm: not converged after %d iterations (C=%g); raise max_iter or scale the vectors",
        iterations,
        cost,
    )


def _best_scale(beta: NDArray[np.float64], signs: Floats, g: Floats, most: float) -> float:
    """Return the multiple of a solution, from 1 to `most`, with the best dual objective for a larger C.

    Of ``s a - s^2 q / 2`` with ``a = y beta`` and ``q = beta K beta`` the largest value is at ``a / q``.
    Where no vector is at its bound that is 1, and nothing is left to do.
    """
    a, q = float(signs @ beta), float(beta @ (signs - g))
    return min(max(a / q, 1.0), most) if q > 0 else most


def memory_plan(n: int, largest_pair: int, budget_mb: float, n_jobs: int | None) -> tuple[bool, int]:
    """Return whether the whole base fits into `budget_mb`, and how many pairs may be in work at once.

    Where not even one pair fits, pairs are in work one by one, and the log says at INFO what that costs.
    """
    threads, budget = cores(n_jobs), budget_mb * 1e6
    pair, whole = 4.0 * largest_pair**2, 4.0 * n**2
    if whole + pair <= budget:
        return True, max(1, min(threads, int((budget - whole) // pair)))
    if pair > budget:
        log.info(
            "svm: the kernel of the %d vectors of one pair of classes needs %.3g MB and %.3g are allowed; "
            "such pairs are solved from cached rows, which takes several times as long",
            largest_pair, pair / 1e6, budget_mb,
        )  # fmt: skip
        return False, 1
    return False, max(1, min(threads, int(budget // pair)))


def decisions(
    base: Base, kernel: Kernel, coef: Floats, intercept: NDArray[np.float64], X: NDArray[Any]
) -> NDArray[np.float64]:
    """Return (n, n_columns) decision values: kernel blocks times the coefficients of all machines at once."""
    out = np.empty((len(X), coef.shape[1]))
    for rows, block in base.rows(X):
        out[rows] = kernel.map(block) @ coef
    return out + intercept


def votes(decision: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return (n, n_classes) votes of pairwise decisions; class i takes a positive one, j any other."""
    out = np.zeros((len(decision), n_classes))
    for p, (i, j) in enumerate(pairs(n_classes)):
        for_i = decision[:, p] > 0
        out[:, i] += for_i
        out[:, j] += ~for_i
    return out


def class_scores(decision: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return (n, n_classes): `ovr_scores`; for two classes the decision itself and its negative."""
    return np.column_stack([decision, -decision]) if n_classes == 2 else ovr_scores(decision, n_classes)


def ovr_scores(decision: NDArray[np.float64], n_classes: int) -> NDArray[np.float64]:
    """Return (n, n_classes) scores: votes, ties ordered by summed decisions (scikit-learn's "ovr" shape)."""
    total = np.zeros((len(decision), n_classes))
    for p, (i, j) in enumerate(pairs(n_classes)):
        total[:, i] += decision[:, p]
        total[:, j] -= decision[:, p]
    return votes(decision, n_classes) + total / (3 * (np.abs(total) + 1))
