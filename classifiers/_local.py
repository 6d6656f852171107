"""Local learning: one small support vector machine for each sample that is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifiers._base import DecisionHead, in_threads
from classifiers._kernels import Base, Floats, Kernel, gamma_value
from classifiers._neighbours import neighbours
from classifiers._ovo import cost_path


class LocalSVC(DecisionHead):
    """Support vector machines on the nearest training vectors of each sample, one class against all others.

    Where a machine of all vectors draws one boundary, these draw a new one around every sample; nothing is
    learned before a sample is seen.

    Parameters
    ----------
    n_neighbors : int, default=200
        Euclidean neighbours that a machine is fitted on; all training vectors if there are fewer.
    C : float, default=1.0
        Penalty.
    kernel : {"linear", "rbf"}, default="rbf"
        The paper's is linear.
    gamma : float, "scale" or "auto", default="scale"
        As `classifiers._svc.SVC`, over all training vectors.
    scale : {"none", "standard"}
    tol : float
        Largest violation of the optimality conditions.
    n_jobs : int or None, default=-1
        Threads.

    Attributes
    ----------
    classes_ : (n_classes,)
    vectors_ : (n, d)
        Training vectors (scaled, where asked for).
    codes_ : (n,) int
        Their classes.
    gamma_ : float

    References
    ----------
    Georgescu, Ionescu, Popescu: "Local learning with deep and handcrafted features for facial expression
    recognition", IEEE Access 7, 2019.
    """

    def __init__(
        self,
        n_neighbors: int = 200,
        *,
        C: float = 1.0,
        kernel: Literal["linear", "rbf"] = "rbf",
        gamma: float | str = "scale",
        scale: str = "none",
        tol: float = 1e-3,
        n_jobs: int | None = -1,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.C = C
        self.kernel = kernel
        self.gamma = gamma
        self.scale = scale
        self.tol = tol
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> LocalSVC:
        """Keep (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite, or all labels are the same.
        """
        vectors, codes, _ = self._checked_fit(X, y)
        self.vectors_, self.codes_ = np.ascontiguousarray(vectors), codes.astype(np.int64)
        self.gamma_ = gamma_value(self.gamma, vectors)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes): each class's machine's decision; for two classes (n,), the second's.

        A class that no neighbour is of stands below all others.
        """
        Q, sizes = self._checked(X), [min(self.n_neighbors, len(self.vectors_))]
        found = self._answers(self.vectors_, self.codes_, Q, sizes, [self.C])[0, 0]
        return found[:, 1] if len(self.classes_) == 2 else found

    def _answers(self, S: NDArray[Any], codes: NDArray[np.int64], Q: NDArray[Any], sizes: Sequence[int],
                 costs: Sequence[float]) -> NDArray[np.float64]:  # fmt: skip
        """Return (n_sizes, n_costs, n, n_classes) decisions, for every number of neighbours and every C.

        A sample's kernel is computed once, of the largest number: the nearest come first in it.
        """
        Q = np.ascontiguousarray(Q, S.dtype)
        _, index = neighbours(S, Q, max(sizes), "euclidean", self.n_jobs)
        kernel, k = Kernel(self.kernel, self.gamma_), len(self.classes_)
        found = np.empty((len(sizes), len(costs), len(Q), k))

        def decide(i: int) -> None:
            K = kernel.map(Base(np.vstack([S[index[i]], Q[i]]), kernel.base).symmetric())
            for a, size in enumerate(sizes):
                block = np.ascontiguousarray(K[:size, :size])
                found[a, :, i] = self._decided(block, K[-1, :size], codes[index[i, :size]], costs)

        in_threads(decide, range(len(Q)), self.n_jobs)
        return found

    def _decided(
        self, K: Floats, to: Floats, codes: NDArray[np.int64], costs: Sequence[float]
    ) -> NDArray[np.float64]:
        """Return one sample's (n_costs, n_classes) decisions."""
        k, present = len(self.classes_), np.unique(codes)
        if len(present) == 1:
            return np.tile(np.where(np.arange(k) == present[0], 1.0, -1.0), (len(costs), 1))
        if k == 2:
            second = self._against(K, to, codes == 1, costs)
            return np.column_stack([-second, second])
        each = np.column_stack([self._against(K, to, codes == c, costs) for c in present])
        found = np.tile(np.minimum(-1.0, each.min(axis=1, keepdims=True) - 1), k)
        found[:, present] = each
        return found

    def _against(
        self, K: Floats, to: Floats, mine: NDArray[np.bool_], costs: Sequence[float]
    ) -> NDArray[np.float64]:
        """Return the (n_costs,) decisions of the machine of one class against all others."""
        signs = np.where(mine, 1, -1).astype(np.float32)
        machines = cost_path(K, signs, np.ones(signs.size), costs, self.tol, -1)
        return np.array([to @ beta + b for beta, b, _ in (machines[c] for c in range(len(costs)))])
