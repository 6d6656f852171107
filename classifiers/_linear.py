"""Linear models over vectors that are read in blocks: a path over C, each fit started at the one before.

What is minimised is ``|W|^2 / 2 + C sum_i w_i loss(W x_i + b, y_i)`` for all classes at once. A pass reads
every block once and multiplies it twice. L-BFGS works in coordinates in which the curvature is nearly the
same in all directions: those of the Cholesky factor of the penalty plus the second moments of a sample of
the vectors. It then takes some tens of passes where it took hundreds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import in_threads
from classifiers._rows import Rows, selected, spans

log = logging.getLogger(__name__)

Floats = NDArray[np.floating[Any]]
#: ``(outputs, codes, weights)`` to the summed loss and its slope by each output.
Loss = Callable[[Floats, NDArray[np.intp], NDArray[np.float64]], tuple[float, Floats]]
#: Vectors whose second moments stand for all, at least; and as many for each dimension.
_SAMPLED, _EACH_DIM = 8192, 3
#: Dimensions beyond which the factor is that of a diagonal.
WHOLE = 4500
#: Pairs of steps and slopes that L-BFGS remembers.
_MEMORY = 12


def squared_hinge(Z: Floats, codes: NDArray[np.intp], weights: NDArray[np.float64]) -> tuple[float, Floats]:
    """Return the sum and the slope of max(0, 1 - s z)^2 of each class against the rest, s being 1 or -1."""
    return weighted_squared_hinge(None)(Z, codes, weights)


def weighted_squared_hinge(class_costs: NDArray[np.float64] | None) -> Loss:
    """Return `squared_hinge` in which a class's own vectors count as LIBLINEAR weighs them.

    Where a class stands against the rest its own vectors count `class_costs` times, the others once; of two
    classes those of each count as theirs says.
    """

    def loss(Z: Floats, codes: NDArray[np.intp], weights: NDArray[np.float64]) -> tuple[float, Floats]:
        signs = _signs(codes, Z.shape[1]).astype(Z.dtype)
        short = np.maximum(0, 1 - signs * Z)
        each = weights[:, None]
        if class_costs is not None:
            others = class_costs[0] if Z.shape[1] == 1 else 1.0
            own = class_costs[1:] if Z.shape[1] == 1 else class_costs
            each = each * np.where(signs > 0, own, others)
        slope = signs * short * (-2 * each).astype(Z.dtype)
        return float((each * short.astype(np.float64) ** 2).sum()), slope

    return loss


def logistic(Z: Floats, codes: NDArray[np.intp], weights: NDArray[np.float64]) -> tuple[float, Floats]:
    """Return the sum and the slope of the negative log-likelihood: a softmax, of one output a sigmoid."""
    full = np.column_stack([np.zeros_like(Z), Z]) if Z.shape[1] == 1 else Z
    shifted = full - full.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    total = shares.sum(axis=1, keepdims=True)
    rows = np.arange(len(codes))
    lost = np.log(total[:, 0], dtype=np.float64) - shifted[rows, codes]
    shares /= total
    shares[rows, codes] -= 1
    shares *= weights[:, None].astype(Z.dtype)
    return float(weights @ lost), shares[:, 1:] if Z.shape[1] == 1 else shares


def _signs(codes: NDArray[np.intp], outputs: int) -> NDArray[np.float64]:
    if outputs == 1:
        return np.where(codes == 1, 1.0, -1.0)[:, None]
    return np.where(codes[:, None] == np.arange(outputs), 1.0, -1.0)


@dataclass(frozen=True)
class Problem:
    """What is minimised, but for C.

    Attributes
    ----------
    X : (n, d) array or Rows
    codes, weights : (n,)
    n_classes : int
        Two classes have one output, of the second.
    loss : Loss
    curvature : float
        Mean second derivative of the loss, about: it decides the steps and not where they lead.
    penalty : (d, d) array or None
        Of ``W``; None for the identity.
    penalised_intercept : bool
        As LIBLINEAR does, which takes the intercept for the weight of a feature that is 1.
    n_jobs : int or None
    """

    X: NDArray[Any] | Rows
    codes: NDArray[np.intp]
    weights: NDArray[np.float64]
    n_classes: int
    loss: Loss
    curvature: float
    penalty: NDArray[np.float64] | None = None
    penalised_intercept: bool = False
    n_jobs: int | None = -1

    @property
    def outputs(self) -> int:
        """Columns of the weights."""
        return 1 if self.n_classes == 2 else self.n_classes

    def value_and_slope(self, W: NDArray[np.float64], cost: float) -> tuple[float, NDArray[np.float64]]:
        """Return the value at (d + 1, outputs) weights, the intercepts last, and its slope."""
        coef, intercept = W[:-1].astype(self.X.dtype), W[-1].astype(self.X.dtype)

        def one(at: slice) -> tuple[float, NDArray[Any], NDArray[np.float64]]:
            block = self.X[at]
            lost, slope = self.loss(block @ coef + intercept, self.codes[at], self.weights[at])
            return lost, block.T @ slope, slope.sum(axis=0, dtype=np.float64)

        smooth, pulled = self._penalty(W)
        total, slope = 0.0, np.zeros(W.shape)
        for lost, of_coef, of_intercept in in_threads(one, spans(*self.X.shape), self.n_jobs):
            total += lost
            slope[:-1] += of_coef
            slope[-1] += of_intercept
        return smooth + cost * total, pulled + cost * slope

    def slopes(self, W: NDArray[np.float64], cost: float) -> NDArray[np.float32]:
        """Return (n, outputs): minus `cost` times the slope of the loss of each vector by its outputs.

        At the solution these are the vectors' dual coefficients, signed.
        """
        coef, intercept = W[:-1].astype(self.X.dtype), W[-1].astype(self.X.dtype)
        found = np.empty((len(self.codes), W.shape[1]), np.float32)

        def one(at: slice) -> None:
            slope = self.loss(self.X[at] @ coef + intercept, self.codes[at], self.weights[at])[1]
            found[at] = -cost * slope

        in_threads(one, spans(*self.X.shape), self.n_jobs)
        return found

    def _penalty(self, W: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        pulled = W.copy()
        if self.penalty is not None:
            pulled[:-1] = self.penalty @ W[:-1]
        if not self.penalised_intercept:
            pulled[-1] = 0.0
        return float((W * pulled).sum()) / 2, pulled

    def moments(self) -> NDArray[np.float64]:
        """Return (d + 1, d + 1) second moments, of a sample scaled to all; of many d the diagonal."""
        n, d = self.X.shape
        if d > WHOLE:
            return self._squares()
        wanted = max(_SAMPLED, _EACH_DIM * d)
        rows = np.unique(np.linspace(0, n - 1, min(n, wanted)).astype(np.intp))
        sample, w = selected(self.X, rows), self.weights[rows]
        found = np.zeros((d + 1, d + 1))
        for at in spans(len(rows), d):
            block = np.column_stack([sample[at], np.ones(at.stop - at.start)]).astype(self.X.dtype)
            found += block.T @ (block * w[at, None].astype(block.dtype))
        return found * (self.weights.sum() / max(w.sum(), 1e-300))

    def _squares(self) -> NDArray[np.float64]:
        found = np.zeros(self.X.shape[1] + 1)
        for at in spans(*self.X.shape):
            found[:-1] += self.weights[at] @ np.square(self.X[at], dtype=np.float64)
        found[-1] = self.weights.sum()
        return found

    def factor(self, cost: float, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the upper Cholesky factor of the curvature, about; its diagonal where moments are one."""
        about = self.curvature * cost * moments
        if about.ndim == 1:
            own = np.ones(len(about)) if self.penalty is None else np.append(np.diag(self.penalty), 1.0)
            return np.sqrt(about + own)[:, None]
        if self.penalty is None:
            about.flat[:: len(about) + 1] += 1.0
        else:
            about[:-1, :-1] += self.penalty
            about[-1, -1] += 1.0
        return cholesky(about)


def cholesky(about: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the upper factor, of a matrix raised along its diagonal as far as rounding demands."""
    from scipy.linalg import LinAlgError
    from scipy.linalg import cholesky as factored

    for part in (1e-9, 1e-7, 1e-5, 1e-3, 1e-1):
        raised = about.copy()
        raised.flat[:: len(about) + 1] += part * np.trace(about) / len(about)
        with suppress(LinAlgError):
            return np.asarray(factored(raised, overwrite_a=True, check_finite=False))
    return np.diag(np.sqrt(np.abs(np.diag(about)) + 1e-300))


def _solved(
    factor: NDArray[np.float64], right: NDArray[np.float64], transposed: bool = False
) -> NDArray[np.float64]:
    """Return what an upper factor, or a column that is its diagonal, multiplies to `right`."""
    from scipy.linalg import solve_triangular

    if factor.shape[1] == 1 < len(factor):
        return right / factor
    return np.asarray(solve_triangular(factor, right, trans="T" if transposed else "N", check_finite=False))


def fit_path(
    problem: Problem,
    costs: Sequence[float],
    max_iter: int,
    tol: float,
    name: str,
    weights: Callable[[float], NDArray[np.float64]] | None = None,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], int]]:
    """Return (coef, intercept, iterations) for each C, fitted upwards, each from the one before.

    Parameters
    ----------
    problem : Problem
    costs : sequence of float
    max_iter : int
    tol : float
        Length of the slope at which a fit stops, as a part of its length at 0, in the solver's coordinates.
    name : str
        Of the head, for a warning.
    weights : callable, optional
        C to the weights of the vectors, where those of the problem do not stand for every C.
    """
    moments, whole = problem.moments(), problem.weights.sum()
    W = np.zeros((problem.X.shape[1] + 1, problem.outputs))
    found: dict[int, Any] = {}
    for c in np.argsort(costs, kind="stable"):
        one = problem if weights is None else replace(problem, weights=weights(float(costs[c])))
        about = moments * (one.weights.sum() / max(whole, 1e-300))
        W, made, stopped = _minimised(one, float(costs[c]), W, about, max_iter, tol)
        if not stopped:
            log.warning("%s: not converged after %d iterations (C=%g); raise max_iter", name, made, costs[c])
        found[int(c)] = np.ascontiguousarray(W[:-1].T), W[-1].copy(), made
    return [found[c] for c in range(len(costs))]


def _minimised(
    problem: Problem,
    cost: float,
    start: NDArray[np.float64],
    moments: NDArray[np.float64],
    max_iter: int,
    tol: float,
) -> tuple[NDArray[np.float64], int, bool]:
    from scipy.optimize import minimize

    factor, shape = problem.factor(cost, moments), start.shape
    length = {"now": np.inf, "zero": 0.0}

    def evaluated(u: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = problem.value_and_slope(_solved(factor, u.reshape(shape)), cost)
        slope = _solved(factor, slope, transposed=True).ravel()
        length["now"] = float(np.linalg.norm(slope))
        return value, slope

    def near(intermediate_result: Any) -> None:
        if length["now"] <= tol * length["zero"]:
            raise StopIteration

    evaluated(np.zeros(start.size))
    length["zero"] = length["now"]
    single = problem.X.dtype == np.float32  # sums of rounded products: a smaller gain than this is noise
    options = {"maxiter": max_iter, "maxcor": _MEMORY, "gtol": 0.0, "ftol": 1e-9 if single else 1e-13}
    at = factor * start if factor.shape[1] == 1 else factor @ start
    found = minimize(
        evaluated, at.ravel(), jac=True, method="L-BFGS-B", callback=near,
        options=options | {"maxfun": 20 * max_iter},
    )  # fmt: skip
    return _solved(factor, found.x.reshape(shape)), int(found.nit), int(found.nit) < max_iter
