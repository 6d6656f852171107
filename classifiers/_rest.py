"""What landmarks leave of an RBF kernel: of each vector with itself, and of a query with its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers._base import in_threads
from classifiers._kernels import Base
from classifiers._linear import cholesky
from classifiers._neighbours import neighbours
from classifiers._rows import Rows, spans

Floats = NDArray[np.float32]
#: Queries that are worked on at a time.
_ASKED = 256


class Rest:
    """The kernel less what its landmarks span: ``k(a, b) - k(a, L) k(L, L)^-1 k(L, b)``.

    Parameters
    ----------
    landmarks : (m, d) float32
    gamma : float
    among : (m, m) float64
        The landmarks' own kernel.
    """

    def __init__(self, landmarks: Floats, gamma: float, among: NDArray[np.float64]) -> None:
        self._base, self._gamma = Base(landmarks, "distance"), gamma
        self._factor = cholesky(among)

    def of_each(self, columns: Any, n_jobs: int | None) -> NDArray[np.float64]:
        """Return (n,) what is left of each vector's kernel with itself, from (n, m) `columns`."""
        from scipy.linalg import solve_triangular

        m = len(self._factor)
        inverse = solve_triangular(self._factor, np.eye(m)).astype(np.float32)
        found = np.empty(len(columns))

        def one(at: slice) -> None:
            spanned = columns[at] @ inverse
            found[at] = 1 - np.einsum("ij,ij->i", spanned, spanned)

        in_threads(one, spans(*columns.shape), n_jobs)
        return found.clip(0.0, 1.0)

    def near(
        self, vectors: Floats | Rows, asked: Floats | Rows, k: int, n_jobs: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the k nearest vectors of each query, (q, k), and what is left of the kernel with them."""
        distances, index = neighbours(vectors, asked, k, "euclidean", n_jobs)
        found = np.exp(-self._gamma * distances**2)
        for at in spans(len(index), k, _ASKED):
            found[at] -= self._spanned(asked[at], vectors[index[at].ravel()], k)
        return index, found

    def _spanned(self, asked: Floats, beside: Floats, k: int) -> NDArray[np.float64]:
        """Return (q, k): the part of the kernel that the landmarks span, of queries with their neighbours."""
        from scipy.linalg import cho_solve

        weights = cho_solve((self._factor, False), self._columns(asked).T.astype(np.float64)).T
        near = self._columns(beside).reshape(len(asked), k, len(self._factor))
        return np.einsum("qm,qkm->qk", weights, near)

    def _columns(self, vectors: Floats) -> Floats:
        """Return (n, m): the kernel with the landmarks."""
        parts = [block for _, block in self._base.rows(vectors)]
        return mapped(self._gamma, np.concatenate([np.empty((0, len(self._base.S)), np.float32), *parts]))


def mapped(gamma: float, base: Floats) -> Floats:
    """Return exp(-gamma base), in place; `Kernel.map` may take 1 off, which would show here."""
    base *= np.float32(-gamma)
    return np.exp(base, out=base)
