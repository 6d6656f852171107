"""Kernels over float32 vectors, in blocks.

A kernel is a *base* (squared distances, or inner products) that does not depend on the parameters that a
grid varies, and a cheap map of it: one base serves every gamma, C, fold and bag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from classifiers._rows import Rows

Floats = NDArray[np.float32]
_ROWS = 1024
# Elements in one pass of the exponential: what stays in a core's second-level cache.
_CACHED = 1 << 17
# gamma times the squared distance below which the kernel is taken less 1.
_NEAR_ONE = 0.1


@dataclass(frozen=True)
class Kernel:
    """``exp(-gamma |a-b|^2)``, ``a.b`` or ``(gamma a.b + coef0)^degree``."""

    name: Literal["rbf", "linear", "poly"]
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 0.0

    @property
    def base(self) -> Literal["distance", "product"]:
        """What the kernel is a map of."""
        return "distance" if self.name == "rbf" else "product"

    def map(self, base: Floats) -> Floats:
        """Return the kernel for a block of the base, computed in place; rbf possibly less 1.

        The coefficients of a machine sum to 0, so a constant may be taken off its kernel. Where gamma is so
        small that all values lie near 1, float32 keeps the digits of ``exp(x) - 1`` and not those of
        ``exp(x)``.
        """
        if self.name == "linear":
            return base
        flat = base.reshape(-1)
        exp = np.expm1 if self.gamma * flat[:_CACHED].max(initial=0) < _NEAR_ONE else np.exp
        for start in range(0, flat.size, _CACHED):
            part = flat[start : start + _CACHED]
            if self.name == "rbf":
                np.multiply(part, np.float32(-self.gamma), out=part)
                exp(part, out=part)
            else:
                part *= np.float32(self.gamma)
                part += np.float32(self.coef0)
                with np.errstate(over="ignore"):  # who solves on it says so in words
                    np.power(part, np.float32(self.degree), out=part)
        return base


def gamma_value(gamma: float | str, X: NDArray[Any] | Rows) -> float:
    """Return the number that "scale" (1 / (d Var X)) or "auto" (1 / d) stands for, as in scikit-learn."""
    if gamma == "scale":
        # float64 by rows: float32 sums of millions lose digits, and a whole copy costs half a gigabyte.
        mean = (
            sum(float(b.sum()) for b in _blocks(X)) / X.size
            if isinstance(X, Rows)
            else X.mean(dtype=np.float64)
        )
        variance = sum(float(((b - mean) ** 2).sum()) for b in _blocks(X)) / X.size
        return 1.0 / (X.shape[1] * variance) if variance > 0 else 1.0
    return 1.0 / X.shape[1] if gamma == "auto" else float(gamma)


def _blocks(X: NDArray[Any] | Rows) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(X), _ROWS):
        yield X[start : start + _ROWS].astype(np.float64)


class Work:
    """Multiply-adds made for kernels since the last reset, for benchmarks to count."""

    multiply_adds = 0


class Base:
    """The base of a kernel against fixed vectors `S`: ``base(A)`` is (len(A), len(S)) float32.

    Distances are taken as ``|a|^2 + |s|^2 - 2 a.s`` of vectors centred on the mean of `S`, which leaves them
    as they are and spares float32 the cancellation; one product of matrices gives all three terms. Who reads
    the fixed vectors in blocks gives the mean of all of them.
    """

    def __init__(
        self,
        S: NDArray[Any],
        kind: Literal["distance", "product"],
        centre: NDArray[np.float64] | None = None,
    ) -> None:
        self.kind = kind
        self.centre = S.mean(axis=0, dtype=np.float64) if kind == "distance" and centre is None else centre
        self.S = self._prepared(S)
        self.norms = np.einsum("ij,ij->i", self.S, self.S, dtype=np.float32)

    def _prepared(self, A: NDArray[Any]) -> Floats:
        if self.centre is None:
            return np.ascontiguousarray(A, np.float32)
        return np.subtract(A, self.centre, dtype=np.float64).astype(np.float32)

    def rows(self, A: NDArray[Any]) -> Iterator[tuple[slice, Floats]]:
        """Yield ``(slice of A, base block)``, about a thousand rows at a time."""
        for start in range(0, len(A), _ROWS):
            part = self._prepared(A[start : start + _ROWS])
            block = part @ self.S.T
            Work.multiply_adds += block.size * self.S.shape[1]
            if self.kind == "distance":
                _to_distance(block, np.einsum("ij,ij->i", part, part), self.norms)
            yield slice(start, start + len(part)), block

    def symmetric(self) -> Floats:
        """Return the base of `S` against itself: half of the products; exactly symmetric, diagonal 0."""
        n = len(self.S)
        out = np.empty((n, n), np.float32)
        for start in range(0, n, _ROWS):
            stop = min(n, start + _ROWS)
            # Never S @ S.T in one piece: NumPy's symmetric product crashes on large matrices.
            block = self.S[start:stop] @ self.S[start:].T
            Work.multiply_adds += block.size * self.S.shape[1]
            if self.kind == "distance":
                _to_distance(block, self.norms[start:stop], self.norms[start:])
            square = block[:, : stop - start]
            np.copyto(square, square.T, where=np.tri(stop - start, k=-1, dtype=bool))
            out[start:stop, start:] = block
            out[stop:, start:stop] = block[:, stop - start :].T
        if self.kind == "distance":
            np.fill_diagonal(out, 0.0)
        return out


def _to_distance(block: Floats, rows: Floats, columns: Floats) -> None:
    block *= -2
    block += rows[:, None]
    block += columns
    np.maximum(block, 0, out=block)
