"""Kernels between motion maps that do not mind a mirror or a small shift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from featurize.base import Extractor
from featurize.clips.maps import Maps, altered
from featurize.registry import parse

Matrix = NDArray[np.float64]


def invariant_kernels(
    maps: Maps,
    extractors: str,
    gammas: Sequence[float],
    *,
    shift: int = 1,
    mirror: bool = True,
    regions: int = 1,
) -> dict[str, Matrix]:
    """Return Gaussian kernels between motion maps, averaged over altered copies and summed over extractors.

    ``k(x, y) = mean over alterations g of exp(-gamma |f(x) - f(g y)|^2 / s)``, made symmetric: integration
    over a group of transformations (Haasdonk and Burkhardt, Machine Learning 68, 2007), which is training on
    all altered copies and averaging over them at the test, at the cost of no further samples. The scale s of
    each extractor f is the median squared distance between different maps (one number, from no label). Each
    extractor's kernel is divided by the mean of its diagonal before the sum.

    With `regions` of two or more a side, f is cut into that many rows and columns of regions and the kernel
    is the mean over them, each with a scale of its own: an additive model of the face's parts, in which an
    unusual motion in one part leaves the others alike. Extractors without rows and columns stay whole.

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
    extractors : str
        Such as ``flow-field+flow-hoof``.
    gammas : sequence of float
    shift : int
        Shifts from -shift to shift pixels along both axes.
    mirror : bool
        Mirrored copies too, their horizontal flow negated.
    regions : int
        Regions a side.

    Returns
    -------
    dict of str to (n, n) float64
        One kernel for each gamma, by its text.
    """
    total = {f"{gamma:g}": np.zeros((len(maps), len(maps))) for gamma in gammas}
    for extractor in parse(extractors):
        found = regional_kernels(maps, extractor, gammas, (regions,), shift=shift, mirror=mirror)
        for gamma, K in found[regions].items():
            total[f"{gamma:g}"] += K
    return total


def regional_kernels(
    maps: Maps,
    extractor: Extractor,
    gammas: Sequence[float],
    regions: Sequence[int],
    *,
    shift: int = 1,
    mirror: bool = True,
) -> dict[int, dict[float, Matrix]]:
    """Return `invariant_kernels` of one extractor for several numbers of regions, its vectors computed once.

    Parameters
    ----------
    maps, gammas, shift, mirror
        As in `invariant_kernels`.
    extractor : Extractor
    regions : sequence of int
        Regions a side.

    Returns
    -------
    dict of int to dict of float to (n, n) float64
        By regions a side, then by gamma; the mean of each diagonal is 1.
    """
    X = extractor.transform(maps).astype(np.float64)
    parts = {side: _regions(extractor, side) for side in regions}
    of = {side: [(X[:, part], _scale(X[:, part])) for part in parts[side]] for side in regions}
    sums = {side: {gamma: np.zeros((len(X), len(X))) for gamma in gammas} for side in regions}
    for copies in _copies(maps, shift, mirror):
        Z = extractor.transform(copies).astype(np.float64)
        for side, total in sums.items():
            for (x, scale), part in zip(of[side], parts[side], strict=True):
                base = squared_distances(x, Z[:, part]) / scale
                for gamma, K in total.items():
                    K += np.exp(-gamma * base)
    return {side: {gamma: _normal(K) for gamma, K in total.items()} for side, total in sums.items()}


def _normal(K: Matrix) -> Matrix:
    """Return a kernel made symmetric, the mean of its diagonal 1."""
    both = K + K.T
    return both / np.mean(np.diag(both))


def _scale(X: Matrix) -> float:
    """Return the median squared distance between different samples; 1 where it is 0."""
    return float(np.median(squared_distances(X, X)[np.triu_indices(len(X), 1)])) or 1.0


def _regions(extractor: Extractor, regions: int) -> list[slice | NDArray[np.intp]]:
    """Return the columns of each region of an extractor's vectors; all of them where it has no rows."""
    side = getattr(extractor, "side", 0)
    if regions < 2 or not side:
        return [slice(None)]
    grid = np.arange(extractor.dim).reshape(side, side, -1)
    cuts = np.array_split(np.arange(side), regions)
    return [grid[np.ix_(rows, columns)].ravel() for rows in cuts for columns in cuts]


def _copies(maps: Maps, shift: int, mirror: bool) -> Iterator[Maps]:
    for dy in range(-shift, shift + 1):
        for dx in range(-shift, shift + 1):
            for flipped in (False, True)[: 1 + mirror]:
                yield altered(maps, dx, dy, flipped)


def squared_distances(A: Matrix, B: Matrix) -> Matrix:
    """Return (len(A), len(B)) squared Euclidean distances, never below 0."""
    # Never A @ A.T of one array: NumPy's symmetric product crashes on large matrices; these are small.
    base = (A**2).sum(axis=1)[:, None] + (B**2).sum(axis=1)[None] - 2 * (A @ B.T)
    return np.maximum(base, 0.0)
