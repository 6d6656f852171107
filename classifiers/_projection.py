"""Principal components of vectors that are read in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from classifiers._rows import Rows, blocks, spans

#: Dimensions up to which the covariances are computed; beyond it, a subspace is iterated.
WHOLE = 4096
#: Directions beyond those asked for, and passes over the vectors, of the subspace iteration.
_SPARE, _PASSES = 32, 6


class Projection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project vectors onto their principal components, as scikit-learn's `PCA`; both passes read blocks.

    Up to 4,096 dimensions the covariances are decomposed, beyond them a random subspace is iterated (Halko,
    Martinsson, Tropp, SIAM Review 53, 2011): memory holds a few matrices of (d, n_components).

    Parameters
    ----------
    n_components : int, default=512
    random_state : int, default=0
        Of the subspace.

    Attributes
    ----------
    mean_ : (d,) float32
    components_ : (n_components, d) float32
        Of length 1; the largest number of each is positive.
    explained_variance_ratio_ : (n_components,) float64
    """

    by_blocks = True

    def __init__(self, n_components: int = 512, *, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: ArrayLike | Rows, y: Any = None) -> Projection:
        """Learn from (n, d) vectors; labels are not looked at.

        Raises
        ------
        ValueError
            If there are fewer vectors or dimensions than components, or a vector is not finite.
        """
        vectors = self._validated(X, reset=True)
        n, d = vectors.shape
        if self.n_components > min(n, d):
            raise ValueError(
                f"pca: {self.n_components} components of {n:,} vectors of {d:,}; take {min(n, d):,} or fewer"
            )
        mean = sum(block.sum(axis=0, dtype=np.float64) for _, block in blocks(vectors)) / n
        if not np.isfinite(mean).all():
            raise ValueError("pca: a vector holds NaN or infinity; repair or leave it out")
        self.mean_ = mean.astype(np.float32)
        variance, axes = self._axes(vectors)
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        self.components_ = np.ascontiguousarray(axes * signs[:, None], np.float32)
        total = sum(((block - self.mean_) ** 2).sum(dtype=np.float64) for _, block in blocks(vectors))
        self.explained_variance_ratio_ = variance / max(float(total), 1e-300)
        return self

    def _validated(self, X: Any, reset: bool) -> Any:
        if isinstance(X, Rows):
            if reset:
                self.n_features_in_: int = X.shape[1]
            if X.shape[1] != self.n_features_in_:
                raise ValueError(f"pca: {X.shape[1]} features; {self.n_features_in_} were learned from")
            return X
        return validate_data(self, X, reset=reset, dtype=[np.float32, np.float64])

    def _axes(self, X: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sums of squares along the components, descending, and these, (k, d)."""
        from scipy.linalg import eigh

        d, k = X.shape[1], self.n_components
        if d <= WHOLE:
            products = self._products(X, None)
            squares, found = eigh((products + products.T) / 2, subset_by_index=(d - k, d - 1))
            return np.maximum(squares[::-1], 0), found.T[::-1]
        width = min(k + _SPARE, d, len(X))
        basis = np.random.default_rng(self.random_state).normal(size=(d, width))
        for _ in range(_PASSES):
            basis = np.linalg.qr(self._products(X, basis.astype(np.float32)))[0]
        inside = basis.T @ self._products(X, basis.astype(np.float32))
        squares, turned = np.linalg.eigh((inside + inside.T) / 2)
        return np.maximum(squares[::-1][:k], 0), (basis @ turned[:, ::-1][:, :k]).T

    def _products(self, X: Any, basis: NDArray[np.float32] | None) -> NDArray[np.float64]:
        """Return the centred vectors' second moments, of a (d, w) basis times it."""
        found = np.zeros((X.shape[1], X.shape[1] if basis is None else basis.shape[1]))
        for at in spans(len(X), X.shape[1], max(256, 32_000_000 // (4 * X.shape[1]))):
            block = X[at] - self.mean_
            found += block.T @ (block if basis is None else block @ basis)
        return found

    def transform(self, X: ArrayLike | Rows) -> NDArray[np.float32]:
        """Return the (n, n_components) projections."""
        check_is_fitted(self)
        vectors = self._validated(X, reset=False)
        out = np.empty((len(vectors), len(self.components_)), np.float32)
        for at, block in blocks(vectors):
            out[at] = (block - self.mean_) @ self.components_.T
        return out

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)


def projected(classifier: Any, components: int, name: str) -> Any:
    """Return a Pipeline of a `Projection` and a classifier, named as the head is."""
    from sklearn.pipeline import Pipeline

    return Pipeline([("pca", Projection(components)), (name, classifier)])
