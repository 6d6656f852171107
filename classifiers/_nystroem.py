"""Support vector machines with an RBF kernel by the Nystroem method, over vectors read in blocks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifiers._base import DecisionHead, in_threads
from classifiers._kernels import Base, Kernel, gamma_value
from classifiers._linear import Problem, cholesky, fit_path, squared_hinge
from classifiers._rest import Rest, mapped
from classifiers._rows import Rows, blocks, least_memory, selected, single, spans

#: Added to the landmarks' kernel, as a part of its diagonal: what is below it is rounding.
_RIDGE = 1e-6


class NystroemSVM(DecisionHead):
    """SVM whose RBF kernel is the one that landmarks span; a linear fit, for any number of vectors.

    Landmarks are drawn at random, in the shares of the classes. The decision is a sum of kernels with them,
    penalised by their own kernel, which is what scikit-learn's `Nystroem` with a linear SVM behind it fits,
    without its map of every vector. Each class stands against the rest, with a squared hinge loss, as in
    `LinearSVC`.

    What the landmarks do not span of a vector's kernel with itself is left to the vector alone, as the exact
    kernel does; of its kernel with a query it is added for the query's nearest training vectors. So the model
    knows a face of which it has seen a near copy, as an exact SVM does, and holds the training vectors.

    Parameters
    ----------
    C : float, default=1.0
        Penalty.
    gamma : float, "scale" or "auto", default="scale"
        1 / (d Var X), 1 / d, or a number.
    n_components : int, default=2048
        Landmarks; all vectors if they are fewer. More come nearer to the exact kernel.
    n_neighbors : int, default=5
        Training vectors near a query whose own part of the kernel is added. With 0 the decision is of the
        landmarks alone, and no training vector is kept.
    max_iter : int, default=1000
    tol : float, default=1e-3
        Length of the slope at which the fit stops, as a part of its length at the start.
    class_weight : dict, "balanced" or None
    scale : {"none", "standard"}, default="none"
    cache_size : float
        Megabytes for the kernel with the landmarks; what is more lies in a temporary file while it is fitted.
    n_jobs : int or None, default=-1
        Threads.
    random_state : int, RandomState or None
        Of the landmarks.

    Attributes
    ----------
    classes_ : (n_classes,)
    landmarks_ : (n_components, d) float32
    coef_ : (n_classes, n_components) float32; one row for two classes
    intercept_ : (n_classes,) float64
    gamma_ : float
    n_iter_ : int
    vectors_ : (n, d) float32
        Training vectors, scaled; absent where no neighbour is asked for.
    own_ : (n, n_classes) float32
        What each adds to the scores of a query beside it; one column for two classes.

    References
    ----------
    Williams, Seeger: "Using the Nystroem method to speed up kernel machines", NIPS 2000. Snelson, Ghahramani:
    "Local and global sparse Gaussian process approximations", AISTATS 2007.
    """

    by_blocks = True
    vectors_: Any
    #: Of models saved before there were neighbours.
    n_neighbors = 0

    def __init__(
        self,
        C: float = 1.0,
        *,
        gamma: float | str = "scale",
        n_components: int = 2048,
        n_neighbors: int = 5,
        max_iter: int = 1000,
        tol: float = 1e-3,
        class_weight: dict[Any, float] | str | None = None,
        scale: str = "none",
        cache_size: float = 6000,
        n_jobs: int | None = -1,
        random_state: Any = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.scale = scale
        self.cache_size = cache_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> NystroemSVM:
        """Fit on (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite, all labels are the same, or `cache_size` cannot hold the landmarks.
        """
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        self.take(self.path(vectors, codes, weights, [self.C])[0])
        if self._is_local:
            # What predicts is in memory: a file may be gone by then.
            self.vectors_ = np.asarray(self.vectors_)
        return self

    def path(self, X: Any, codes: NDArray[np.intp], weights: NDArray[np.float64], costs: list[float]) -> Any:
        """Return what `take` takes for each C on scaled vectors; keeps landmarks, vectors and gamma."""
        self.gamma_ = gamma_value(self.gamma, X)
        self.landmarks_ = np.ascontiguousarray(selected(X, self._drawn(codes)), np.float32)
        for name in ("vectors_", "_rest"):
            self.__dict__.pop(name, None)
        if self.n_neighbors > 0 and len(self.landmarks_) < len(X):
            self.vectors_ = single(X)
        self._check_cache()
        kernel, base = Kernel("rbf", self.gamma_), Base(self.landmarks_, "distance")
        among = _among(self.landmarks_, self.gamma_)
        with self._columns(X, base, kernel) as columns:
            problem = Problem(
                columns, codes, weights, len(self.classes_), squared_hinge, 1.0,
                penalty=among, penalised_intercept=True, n_jobs=self.n_jobs,
            )  # fmt: skip
            return self._fitted(problem, costs, among)

    def _fitted(self, problem: Problem, costs: list[float], among: NDArray[np.float64]) -> list[Any]:
        """Return (coef, intercept, iterations, own) for each C.

        With r left of a vector's kernel with itself, its slack s is that of the landmarks' score f less what
        its own coefficient takes off: ``s = (1 - y f) / (1 + 2 C w r)``, the slack of a smaller weight.
        """
        alone, given, rest = not self._is_local, problem.weights, np.zeros(1)
        if not alone:
            self._rest = Rest(self.landmarks_, self.gamma_, among)
            rest = self._rest.of_each(problem.X, self.n_jobs)

        def weights(cost: float) -> NDArray[np.float64]:
            return np.asarray(given / (1 + 2 * cost * given * rest))

        found = []
        paths = fit_path(problem, costs, self.max_iter, self.tol, "nystroem-svm", None if alone else weights)
        for cost, (coef, intercept, made) in zip(costs, paths, strict=True):
            own = None
            if not alone:
                W = np.vstack([coef.T, intercept])
                own = replace(problem, weights=weights(cost)).slopes(W, cost)
            found.append((coef.astype(np.float32), intercept, made, own))
        return found

    def take(self, fitted: Any) -> None:
        """Take one of the solutions of `path`."""
        self.coef_, self.intercept_, self.n_iter_, own = fitted
        self.__dict__.pop("own_", None)
        if own is not None:
            self.own_ = own

    @property
    def _is_local(self) -> bool:
        """Whether training vectors near a query say something of their own."""
        return hasattr(self, "vectors_")

    def _drawn(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the rows of the landmarks, ascending; the first of a random order of each class."""
        from sklearn.utils import check_random_state

        if self.n_components >= len(codes):
            return np.arange(len(codes))
        order = check_random_state(self.random_state).permutation(len(codes))
        places = np.empty(len(codes))
        for code in np.unique(codes):
            own = order[codes[order] == code]
            places[own] = (np.arange(len(own)) + 0.5) / len(own)
        return np.sort(order[np.argsort(places[order], kind="stable")][: self.n_components])

    def _check_cache(self) -> None:
        """Refuse a `cache_size` that cannot hold what is always in memory."""
        m, d = self.landmarks_.shape
        least = (3 * 8 * (m + 1) ** 2 + 4 * m * d + least_memory(m)) / 1e6
        if least > self.cache_size:
            raise ValueError(
                f"nystroem-svm: {m:,} landmarks take at least {np.ceil(least):.0f}MB and "
                f"{self.cache_size:.3g}MB are allowed; allow more (--kernel-memory), or fewer n_components"
            )

    @contextmanager
    def _columns(self, X: Any, base: Base, kernel: Kernel) -> Iterator[Any]:
        """Give the (n, m) kernel with the landmarks: in memory, or in a temporary file where it is larger."""
        shape = (len(X), len(self.landmarks_))
        if 4e-6 * shape[0] * shape[1] <= self.cache_size:
            columns = np.empty(shape, np.float32)
            self._fill(columns, X, base, kernel)
            yield columns
            return
        with tempfile.TemporaryDirectory(prefix="mueca-") as folder:
            path = Path(folder) / "kernel.npy"
            with path.open("wb") as file:  # written, not mapped: on a full disk that is an error in words
                for at in spans(*shape):
                    part = np.empty((at.stop - at.start, shape[1]), np.float32)
                    self._fill(part, X[at], base, kernel)
                    part.tofile(file)
            yield Rows(np.memmap(path, np.float32, "r", shape=shape))

    def _fill(self, out: NDArray[np.float32], X: Any, base: Base, kernel: Kernel) -> None:
        def one(at: slice) -> None:
            for rows, block in base.rows(np.asarray(X[at])):
                out[at.start + rows.start : at.start + rows.stop] = mapped(kernel.gamma, block)

        in_threads(one, spans(*X.shape), self.n_jobs)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes) scores; (n,) for two classes (positive: the second)."""
        vectors = self._checked(X)
        return self.decided(vectors, self.near(vectors))

    def near(self, vectors: Any) -> Any:
        """Return the nearest training vectors of scaled queries, and what is left of the kernel with them.

        The same for every C; None where the landmarks decide alone.
        """
        if not self._is_local:
            return None
        if "_rest" not in vars(self):  # it was read from a file
            self._rest = Rest(self.landmarks_, self.gamma_, _among(self.landmarks_, self.gamma_))
        k = min(self.n_neighbors, len(self.vectors_))
        return self._rest.near(self.vectors_, single(vectors), k, self.n_jobs)

    def decided(self, vectors: Any, near: Any) -> NDArray[np.float64]:
        """Return the scores of scaled queries whose `near` is known."""
        base, found = Base(self.landmarks_, "distance"), np.empty((len(vectors), len(self.coef_)))
        for at, asked in blocks(vectors):
            for rows, block in base.rows(asked):
                columns = mapped(self.gamma_, block)
                found[at.start + rows.start : at.start + rows.stop] = columns @ self.coef_.T
        found += self.intercept_
        if near is not None:
            index, rest = near
            for c in range(index.shape[1]):
                found += rest[:, c, None] * self.own_[index[:, c]]
        return found[:, 0] if len(self.classes_) == 2 else found

    def __getstate__(self) -> dict[str, Any]:
        """Return what is kept of it: what follows from the landmarks is computed again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_rest"}


def _among(landmarks: NDArray[np.float32], gamma: float) -> NDArray[np.float64]:
    """Return the landmarks' kernel in float64, so that it is positive; its diagonal raised a little."""
    centred = landmarks - landmarks.mean(axis=0, dtype=np.float64)
    norms = np.einsum("ij,ij->i", centred, centred)
    found = np.empty((len(centred), len(centred)))
    for at in spans(
        *centred.shape
    ):  # never in one piece: NumPy's symmetric product crashes on large matrices
        apart = norms[at, None] + norms - 2 * (centred[at] @ centred.T)
        found[at] = np.exp(-gamma * np.maximum(apart, 0))
    found = (found + found.T) / 2
    found.flat[:: len(found) + 1] = 1 + _RIDGE
    return found


def spanning(landmarks: NDArray[np.float32], gamma: float) -> NDArray[np.float64]:
    """Return the inverse of the landmarks' kernel, (m, m), as a graph holds it."""
    from scipy.linalg import cho_solve

    return np.asarray(cho_solve((cholesky(_among(landmarks, gamma)), False), np.eye(len(landmarks))))
