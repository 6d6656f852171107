"""Local binary patterns on three orthogonal planes."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize.base import Params
from featurize.clips.base import ClipExtractor, ClipParams
from featurize.clips.sampling import Clip

#: Uniform patterns of eight neighbours, and one bin for all others.
BINS = 59
#: (axis, axis) of the planes in a (t, y, x) clip: XY, XT, YT.
PLANES = ((1, 2), (0, 2), (0, 1))


class LBPTOPParams(ClipParams):
    """Parameters of `LBPTOP`.

    Attributes
    ----------
    grid : int
        Blocks a side; each has its own histograms.
    radius : int
        Distance of the neighbours in space, pixels.
    radius_t : int
        Distance of the neighbours in time, frames.
    """

    grid: int = Field(5, ge=1, le=16)
    radius: int = Field(1, ge=1, le=7)
    radius_t: int = Field(1, ge=1, le=7)


class LBPTOP(ClipExtractor):
    """Local binary patterns on three orthogonal planes (Zhao and Pietikäinen, PAMI 2007).

    Every pixel that lies at least a radius away from every border is compared with its eight neighbours in
    each of the planes XY, XT and YT: those at the corners and edge middles of the rectangle with the radii as
    half-sides (the authors' code without bilinear interpolation). Uniform patterns are counted in each block
    of a grid, each histogram is divided by its sum; they follow each other by block, then plane.
    """

    name = "lbp-top"
    source = "Zhao and Pietikainen 2007"
    Params: ClassVar[type[Params]] = LBPTOPParams
    params: LBPTOPParams

    @property
    def dim(self) -> int:
        """Blocks x 3 planes x 59 patterns."""
        return self.params.grid**2 * len(PLANES) * BINS

    def _vector(self, clip: Clip) -> NDArray[np.float32]:
        p = self.params
        radii = (p.radius_t, p.radius, p.radius)
        if any(n < 2 * r + max(1, k) for n, r, k in zip(clip.shape, radii, (1, p.grid, p.grid), strict=True)):
            raise ValueError(
                f"lbp-top: {p.frames} frames of {p.side} pixels are too few for radius={p.radius}, "
                f"radius_t={p.radius_t}, grid={p.grid}"
            )
        inner = tuple(n - 2 * r for n, r in zip(clip.shape, radii, strict=True))
        block = _blocks(inner[1], inner[2], p.grid)
        # Blocks lie in space: frame by frame, the same block number is added to every code.
        counted = [_counts(_codes(clip, radii, plane), block, p.grid**2) for plane in PLANES]
        histograms = np.stack(counted, axis=1).astype(np.float32)
        return (histograms / histograms.sum(axis=2, keepdims=True)).ravel()


def _codes(clip: Clip, radii: tuple[int, int, int], plane: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the eight-bit patterns of the inner pixels, bit k for neighbour k, counter-clockwise."""
    centre = _shifted(clip, radii, (0, 0, 0))
    codes = np.zeros(centre.shape, np.uint8)
    for bit, (da, db) in enumerate(((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))):
        offset = [0, 0, 0]
        offset[plane[0]], offset[plane[1]] = da, db
        neighbour = _shifted(clip, radii, (offset[0], offset[1], offset[2]))
        codes |= (neighbour >= centre).view(np.uint8) << np.uint8(bit)
    return codes


def _shifted(clip: Clip, radii: tuple[int, int, int], offset: tuple[int, int, int]) -> Clip:
    """Return the inner part of the clip, moved by whole radii."""
    where = tuple(slice(r + o * r, n - r + o * r) for n, r, o in zip(clip.shape, radii, offset, strict=True))
    return clip[where]


@lru_cache(maxsize=64)
def _blocks(height: int, width: int, grid: int) -> NDArray[np.intp]:
    """Return for every pixel 256 times the number of its block."""
    rows, columns = np.arange(height) * grid // height, np.arange(width) * grid // width
    return (rows[:, None] * grid + columns) * 256


@lru_cache(maxsize=1)
def uniform_bins() -> NDArray[np.intp]:
    """Return (256,): the bin of each pattern; those with at most two changes have their own."""
    codes = np.arange(256)
    rotated = (codes >> 1) | ((codes & 1) << 7)
    changes = np.array([bin(c).count("1") for c in codes ^ rotated])
    bins = np.full(256, BINS - 1)
    bins[changes <= 2] = np.arange(BINS - 1)
    return bins


def _counts(codes: NDArray[np.uint8], block: NDArray[np.intp], n_blocks: int) -> NDArray[np.int64]:
    """Return (blocks, 59): how often each pattern occurs in each block, over all frames."""
    every = np.bincount((codes + block).ravel(), minlength=256 * n_blocks).reshape(n_blocks, 256)
    counted = np.zeros((n_blocks, BINS), np.int64)
    np.add.at(counted.T, uniform_bins(), every.T)
    return counted
