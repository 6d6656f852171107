"""Random forests on binned features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classifiers._base import Head, cores, in_threads
from classifiers._rows import Rows, blocks, rows_a_block, spans

Layouts = tuple[NDArray[np.uint8], NDArray[np.uint8]]
_ROWS = 256
_LEVELS = 256
#: Bytes of the features that are sorted at a time, and vectors that are cut at a time.
_GROUP_BYTES = 256_000_000
_BINNED = 4096


class Forest(Head):
    """Random forest (Breiman 2001), statistically equal to scikit-learn's and several times quicker.

    A feature with more than 256 values is cut at 255 quantiles once, and splits fall on those cuts; with
    fewer values every place between two of them is tried. All else follows scikit-learn's
    `RandomForestClassifier`; tests/classifiers compares the two over seeds.

    Parameters
    ----------
    n_estimators : int, default=100
    criterion : {"gini", "entropy", "log_loss"}
    max_depth : int or None
    min_samples_split : int, default=2
    min_samples_leaf : int, default=1
    max_features : {"sqrt", "log2"}, int, float or None
        Features looked at for a split.
    bootstrap : bool, default=True
        Whether each tree gets a sample with replacement; if not, all samples.
    class_weight : dict, "balanced" or None
    n_jobs : int or None, default=-1
        Threads.
    random_state : int, RandomState or None

    Attributes
    ----------
    classes_ : (n_classes,)
    roots_ : (n_estimators,) int64
        First node of each tree.
    feature_, threshold_, child_, leaf_ : (n_nodes,)
        Feature (-1 at a leaf), largest value that goes left, left child (the right one follows), and a
        leaf's row of `value_`.
    value_ : (n_leaves, n_classes) float32
        Shares of the classes.
    """

    by_blocks = True

    def __init__(
        self,
        n_estimators: int = 100,
        *,
        criterion: str = "gini",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        max_features: int | float | str | None = "sqrt",
        bootstrap: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = -1,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.criterion = criterion
        self.max_depth = max_depth
        self.min_samples_split = min_samples_split
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Forest:
        """Fit on (n, d) vectors and n labels.

        Raises
        ------
        ValueError
            If a vector is not finite or all labels are the same.
        """
        vectors, codes, weights = self._checked_fit(X, y, sample_weight)
        edges = bin_edges(vectors, self.n_jobs)
        both = layouts(binned(vectors, edges, self.n_jobs))
        grown = in_threads(
            lambda seed: compact(self.grow(both, codes, weights, seed), edges), self._seeds(), self.n_jobs
        )
        self._join(grown)
        return self

    def _seeds(self) -> NDArray[np.uint64]:
        """Return one seed a tree; fewer trees get the first of them."""
        from sklearn.utils import check_random_state

        rng = check_random_state(self.random_state)
        return rng.randint(0, 2**63 - 1, self.n_estimators, dtype=np.int64).astype(np.uint64)

    def grow(
        self, both: Layouts, codes: NDArray[Any], weights: NDArray[np.float64], seed: np.uint64
    ) -> tuple[NDArray[Any], ...]:
        """Return one tree, as `classifiers._trees.grow` does, with this forest's parameters.

        `both` is what `layouts` returns.
        """
        from classifiers._trees import grow

        if self.bootstrap:
            drawn = np.random.default_rng(int(seed)).integers(0, codes.size, codes.size)
            weights = weights * np.bincount(drawn, minlength=codes.size)
        return grow(
            *both, codes.astype(np.int64), weights, np.uint64(seed), len(self.classes_),
            features_tried(self.max_features, len(both[0])),
            2**31 - 1 if self.max_depth is None else self.max_depth,
            self.min_samples_split, self.min_samples_leaf, self.criterion != "gini", _log_table(weights),
        )  # fmt: skip

    def _join(self, trees: list[tuple[NDArray[Any], ...]]) -> None:
        sizes, leaves = [len(t[0]) for t in trees], [len(t[4]) for t in trees]
        self.roots_ = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        first_leaf = np.concatenate([[0], np.cumsum(leaves)[:-1]])
        self.feature_ = np.concatenate([t[0] for t in trees])
        self.threshold_ = np.concatenate([t[1] for t in trees])
        self.child_ = np.concatenate([t[2] + r for t, r in zip(trees, self.roots_, strict=True)]).astype(
            np.int32
        )
        self.leaf_ = np.concatenate([t[3] + f for t, f in zip(trees, first_leaf, strict=True)]).astype(
            np.int32
        )
        self.value_ = np.concatenate([t[4] for t in trees])

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return (n, n_classes): the mean share of each class in the leaves; rows sum to 1."""
        from classifiers._trees import add_shares

        vectors = self._checked(X).astype(np.float32)
        out = np.zeros((len(vectors), len(self.classes_)))

        def add(start: int) -> None:
            rows = slice(start, start + _ROWS)
            add_shares(
                vectors[rows], self.feature_, self.threshold_, self.child_, self.leaf_, self.value_,
                self.roots_, out[rows],
            )  # fmt: skip

        in_threads(add, range(0, len(vectors), _ROWS), self.n_jobs)
        return out / len(self.roots_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the (n,) labels of the largest mean share."""
        return self.answers(X)[0]

    def answers(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return `predict` and `predict_proba` together."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)], shares


def features_tried(max_features: int | float | str | None, d: int) -> int:
    """Return the number that `max_features` means for d features, as in scikit-learn."""
    if max_features is None:
        return d
    if isinstance(max_features, str):
        return max(1, int(math.sqrt(d) if max_features == "sqrt" else math.log2(d)))
    if isinstance(max_features, (int, np.integer)):
        if max_features > d:
            raise ValueError(f"forest: max_features={max_features} is more than the {d} features there are")
        return int(max_features)
    return max(1, int(max_features * d))


def bin_edges(X: NDArray[Any] | Rows, n_jobs: int | None = -1) -> list[NDArray[np.float32]]:
    """Return the cuts of each feature: between all its values if they are few, else at quantiles.

    Features are read some at a time: each group is one pass over the vectors.
    """
    n, d = X.shape
    group = max(1, _GROUP_BYTES // (4 * max(n, 1)))
    found: list[NDArray[np.float32]] = []
    for first in range(0, d, group):
        columns = np.empty((min(group, d - first), n), np.float32)
        for at, block in blocks(X):
            columns[:, at] = block[:, first : first + group].T
        found += in_threads(_cuts, columns, n_jobs)
    return found


def _cuts(column: NDArray[np.float32]) -> NDArray[np.float32]:
    column = np.sort(column)
    values = column[np.concatenate([[True], column[1:] > column[:-1]])]
    if len(values) > _LEVELS:
        at = np.linspace(0, len(column), _LEVELS + 1)[1:-1].astype(np.intp)
        values = np.unique(np.concatenate([column[at - 1], column[-1:]]))
        return values[:-1]
    middle = values[:-1] + (values[1:] - values[:-1]) / 2
    # The middle of two neighbouring float32 may round up to the larger: then the smaller is the cut.
    return np.where(middle < values[1:], middle, values[:-1]).astype(np.float32)


def binned(X: NDArray[Any] | Rows, edges: list[NDArray[np.float32]], n_jobs: int | None) -> NDArray[np.uint8]:
    """Return (d, n) bins: the number of cuts below each value."""
    n, d = X.shape
    out = np.empty((d, n), np.uint8)

    def cut(at: slice) -> None:
        columns = np.ascontiguousarray(np.asarray(X[at], np.float32).T)
        for f in range(d):
            out[f, at] = np.searchsorted(edges[f], columns[f], side="left")

    in_threads(cut, spans(n, d, max(rows_a_block(d), _BINNED)), cores(n_jobs))
    return out


def layouts(bins: NDArray[np.uint8]) -> Layouts:
    """Return the bins by feature, as large nodes read them, and by sample, as small ones do."""
    return bins, np.ascontiguousarray(bins.T)


def _log_table(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x log x for whole x up to the sum of the weights, empty where a weight is a fraction."""
    total = weights.sum()
    if total > 1e7 or (weights != np.floor(weights)).any():
        return np.empty(0)
    x = np.arange(int(total) + 1, dtype=np.float64)
    return x * np.log(np.maximum(x, 1))


def compact(tree: tuple[NDArray[Any], ...], edges: list[NDArray[np.float32]]) -> tuple[NDArray[Any], ...]:
    """Return (feature, threshold, child, leaf row, leaf values): cuts as values, only leaves keep shares."""
    feature, cut, child, _, _, value = tree
    leaf = feature < 0
    threshold = np.zeros(len(feature), np.float32)
    inner = np.flatnonzero(~leaf)
    threshold[inner] = [edges[f][c] for f, c in zip(feature[inner], cut[inner], strict=True)]
    return feature, threshold, child, np.where(leaf, np.cumsum(leaf) - 1, 0).astype(np.int32), value[leaf]
