"""Near duplicates: images with nearly the same perceptual hash that also look alike pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.images import Image, to_grey
from pipelines.datasets.base import Samples
from pipelines.utils.progress import SILENT, Progress

#: Largest Hamming distance of two 64-bit hashes. Looked at by eye on FER2013, 40 pairs a distance: at 4 none
#: was wrong (two people), at 6 one in six, at 8 half; hence the second look, `CORRELATION`.
DISTANCE = 8
#: Least correlation of the two 32x32 images: of 100 pairs within `DISTANCE` and above it three were wrong,
#: all below 0.93. Right pairs it drops are mostly the same person with another frame or expression.
CORRELATION = 0.90
#: The same for an image and the mirror image of another, where wrong pairs outnumber right ones further up:
#: between 0.86 and 0.93 most were wrong, above it none of 12.
CORRELATION_MIRRORED = 0.93
#: The search stops at this many pairs: a set whose images all resemble each other has n * n / 2.
MAX_PAIRS = 200_000

_SIDE = 32
_LOW = 8
#: Hashes compared at once: the differences (1 MB) stay in the processor's cache.
ROWS, COLUMNS = 32, 4096


def thumbnail(image: Image) -> Image:
    """Return the image as 32x32 grey."""
    return cv2.resize(to_grey(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def coefficients(image: Image) -> NDArray[np.float32]:
    """Return the 8x8 lowest frequencies of the image's cosine transform at 32x32."""
    return cv2.dct(thumbnail(image).astype(np.float32))[:_LOW, :_LOW]  # type: ignore[return-value]


def hashes(low: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return pHash: 64 bits, each saying whether a frequency lies above the median of all but the mean.

    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, with the bit of the
    mean (which is only brightness) left 0.

    Parameters
    ----------
    low : (n, 8, 8) float32
        See `coefficients`.

    Returns
    -------
    (n,) uint64
    """
    flat = low.reshape(len(low), -1)
    bits = flat > np.median(flat[:, 1:], axis=1, keepdims=True)
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def mirrored(low: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the coefficients of the mirror images: odd horizontal frequencies change their sign."""
    turned = low.copy()
    turned[:, :, 1::2] *= -1
    return turned


def close_pairs(
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    distance: int,
    limit: int = MAX_PAIRS,
    progress: Progress = SILENT,
) -> NDArray[np.int64]:
    """Return the pairs i < j whose hashes ``a[i]`` and ``b[j]`` differ in at most `distance` bits.

    Compares all pairs, by blocks: 35,887 hashes take about 2 s, and the time grows with the square.

    Parameters
    ----------
    a, b : (n,) uint64
    distance : int
    limit : int
        The search stops once it has this many pairs.
    progress : Progress

    Returns
    -------
    (m, 3) int64
        i, j and their distance; sorted by i.
    """
    found: list[NDArray[np.int64]] = [np.empty((0, 3), np.int64)]
    n = 0
    with progress.task("comparing images", len(a)) as advance:
        for start in range(0, len(a), ROWS):
            rows = list(_block_row(a[start : start + ROWS], b, start, distance))
            found += rows
            n += sum(map(len, rows))
            if n >= limit:
                break
            advance(min(ROWS, len(a) - start))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))][:limit]


def _block_row(
    a: NDArray[np.uint64], b: NDArray[np.uint64], start: int, distance: int
) -> Iterator[NDArray[np.int64]]:
    for column in range(start, len(b), COLUMNS):
        bits = np.bitwise_count(a[:, None] ^ b[None, column : column + COLUMNS])
        i, j = np.nonzero(bits <= distance)
        later = i + start < j + column
        i, j = i[later], j[later]
        if len(i):
            yield np.stack([i + start, j + column, bits[i, j]], axis=1).astype(np.int64)


def correlations(samples: Samples, pairs: NDArray[np.int64], mirror: bool) -> NDArray[np.float64]:
    """Return the correlation of the 32x32 images of each pair, the second one mirrored if `mirror`.

    Each image that occurs is decoded once; 4 KB of it are kept.
    """
    members, where = np.unique(pairs[:, :2], return_inverse=True)
    looks = np.empty((len(members), _SIDE, _SIDE), np.float32)
    for k, member in enumerate(members):
        looks[k] = thumbnail(samples[int(member)])
    looks -= looks.mean(axis=(1, 2), keepdims=True)
    looks /= np.maximum(np.linalg.norm(looks, axis=(1, 2), keepdims=True), 1e-9)
    first, second = where.reshape(-1, 2).T
    result = np.empty(len(pairs))
    for start in range(0, len(pairs), 4096):
        part = slice(start, start + 4096)
        other: Any = looks[second[part]]
        result[part] = np.einsum("nij,nij->n", looks[first[part]], other[:, :, ::-1] if mirror else other)
    return result
