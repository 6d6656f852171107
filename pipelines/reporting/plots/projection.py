"""The vectors of the test samples in two dimensions, coloured by class and by error."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.results.predictions import Predictions
from pipelines.utils.figures import WIDE, FigureWriter, colour, marker, plain
from pipelines.utils.palette import EMOTION_PLACES, places

How = Literal["pca", "tsne", "none"]
#: Samples t-SNE is given at most: it takes half a minute for them.
TSNE_MOST = 2000
#: Columns beyond those wanted, and rounds, of the search for principal components.
SPARE, PASSES = 10, 8


def draw_embedding(
    album: FigureWriter, X: NDArray[np.float32], p: Predictions, title: str, how: How, seed: int = 0
) -> None:
    """Draw the test samples' vectors as points.

    Parameters
    ----------
    album : FigureWriter
    X : (n, d) float32
        Of the test samples, in the order of the predictions.
    p : Predictions
    title : str
        Of the extractor.
    how : {"pca", "tsne"}
        The first two principal components of the standardised vectors, or t-SNE (van der Maaten and Hinton,
        JMLR 9, 2008) on the first fifty, of at most `TSNE_MOST` samples.
    seed : int
    """
    shown = np.arange(len(X))
    if how == "tsne" and len(X) > TSNE_MOST:
        shown = np.sort(np.random.default_rng(seed).choice(len(X), TSNE_MOST, replace=False))
    points, shares = project(X[shown], how, seed)
    names = ("first component", "second component") if how == "pca" else ("t-SNE 1", "t-SNE 2")
    axis = (
        [f"{name} ({100 * s:.1f} % of variance)" for name, s in zip(names, shares, strict=True)]
        if how == "pca"
        else names
    )
    with album.drawing(f"vectors-{how}", f"{title} in two dimensions", (WIDE, 3.6), columns=2) as (
        _,
        axes,
        said,
    ):
        _by_class(axes[0], points, p.true[shown], p.classes)
        _by_error(axes[1], points, (p.predicted == p.true)[shown])
        for side in axes:
            side.set(xlabel=axis[0], ylabel=axis[1])
            side.set_xticks([]), side.set_yticks([])
            side.grid(visible=False)
        said.append(_words(points, p.true[shown], how, shares, len(X)))


def project(X: NDArray[np.float32], how: How, seed: int) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return (n, 2) points and, for PCA, the share of the variance along each axis."""
    wanted = min(2 if how == "pca" else 50, *X.shape)
    flat, shares = principal(standardised(X), wanted, seed)
    if how == "pca":
        return np.pad(flat, ((0, 0), (0, 2 - wanted))), (*shares, 0.0)[:2]
    from sklearn.manifold import TSNE

    tsne = TSNE(2, init="pca", random_state=seed, perplexity=min(30, (len(X) - 1) / 3))
    return tsne.fit_transform(flat), ()


def standardised(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return columns of mean 0 and variance 1; a column that is everywhere the same becomes 0."""
    scaled = X - X.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.sqrt(np.einsum("ij,ij->j", scaled, scaled) / len(X))
    scaled /= np.where(deviation > 0, deviation, 1)
    return scaled


def principal(
    X: NDArray[np.float32], wanted: int, seed: int
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """Return points along the first principal components, and the share of the variance along each.

    By subspace iteration from a random start (Halko, Martinsson and Tropp, SIAM Review 53, 2011), which takes
    a second where a full decomposition takes minutes. The sign of a component is free: its largest loading
    is made positive.

    Parameters
    ----------
    X : (n, d) float32
        With columns of mean 0.
    wanted : int
    seed : int

    Returns
    -------
    points : (n, wanted) float64
    shares : tuple of float
    """
    size = min(wanted + SPARE, *X.shape)
    base = np.random.default_rng(seed).standard_normal((X.shape[1], size), dtype=np.float32)
    for _ in range(PASSES):
        base = np.linalg.qr(X.T @ (X @ base))[0]
    seen = (X @ base).astype(np.float64)
    _, lengths, turn = np.linalg.svd(seen, full_matrices=False)
    loadings = (turn @ base.T)[:wanted]
    signs = np.sign(loadings[np.arange(wanted), np.argmax(np.abs(loadings), axis=1)])
    total = float(np.linalg.norm(X)) ** 2 or 1.0
    return seen @ turn[:wanted].T * signs, tuple((lengths[:wanted] ** 2 / total).tolist())


def _by_class(axes, points, true, classes) -> None:  # type: ignore[no-untyped-def]
    place = places(map(str, classes), EMOTION_PLACES)
    for k, name in enumerate(map(str, classes)):
        i, mine = place[name], true == k
        axes.plot(*points[mine].T, marker(i), ms=2.2, mew=0, alpha=0.65, color=colour(i),
                  label=plain(name), rasterized=True)  # fmt: skip
    axes.set_title("by true class")
    axes.legend(fontsize=6, markerscale=2, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4)


def _by_error(axes, points, hits) -> None:  # type: ignore[no-untyped-def]
    for mine, label, k, size in ((hits, "right", 5, 2.0), (~hits, "wrong", 1, 2.4)):
        axes.plot(
            *points[mine].T, "o", ms=size, mew=0, alpha=0.6, color=colour(k), label=label, rasterized=True
        )
    axes.set_title("by the chosen head's answer")
    axes.legend(fontsize=6, markerscale=2, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)


def _words(points, true, how: How, shares: tuple[float, ...], n: int) -> str:  # type: ignore[no-untyped-def]
    from scipy.spatial import KDTree

    _, near = KDTree(points).query(points, k=range(1, min(11, len(points)) + 1))
    same = float(np.mean(true[near[:, 1:]] == true[:, None]))
    by_chance = float(np.sum((np.bincount(true) / len(true)) ** 2))
    some = f" of a random {len(points):,} of {n:,} samples" if len(points) < n else f" of {n:,} samples"
    what = (
        f"Two of the vectors' dimensions hold {100 * sum(shares):.1f} % of their variance"
        if how == "pca"
        else "t-SNE keeps neighbours together, not distances"
    )
    return (
        f"{what}; of the ten nearest neighbours in this image{some}, {100 * same:.1f} % have the same "
        "class "
        f"(by chance {100 * by_chance:.1f} %)."
    )
