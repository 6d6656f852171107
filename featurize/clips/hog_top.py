"""Histograms of oriented gradients on three orthogonal planes."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize.base import Params
from featurize.clips.base import ClipExtractor, ClipParams
from featurize.clips.lbp_top import PLANES
from featurize.clips.sampling import Clip


class HOGTOPParams(ClipParams):
    """Parameters of `HOGTOP`.

    Attributes
    ----------
    grid : int
        Blocks a side; each has its own histograms.
    bins : int
        Orientations.
    signed : bool
        Orientations over 360 degrees instead of 180.
    """

    grid: int = Field(5, ge=1, le=16)
    bins: int = Field(9, ge=2, le=36)
    signed: bool = False


class HOGTOP(ClipExtractor):
    """Histograms of oriented gradients on three orthogonal planes (Chen, Chen, Chi and Fu, ICMI 2014).

    At every inner pixel the gradient along x, y and t is half the difference of the two neighbours. In each
    of the planes XY, XT and YT, and each block of a grid, its orientations are counted, weighted by its
    length in that plane, into the nearest bin; each histogram is divided by its sum (one of zeros stays
    zero). They follow each other by block, then plane.
    """

    name = "hog-top"
    source = "Chen, Chen, Chi and Fu 2014"
    Params: ClassVar[type[Params]] = HOGTOPParams
    params: HOGTOPParams

    @property
    def dim(self) -> int:
        """Blocks x 3 planes x orientations."""
        return self.params.grid**2 * len(PLANES) * self.params.bins

    def _vector(self, clip: Clip) -> NDArray[np.float32]:
        p = self.params
        block = _blocks(clip.shape[1] - 2, clip.shape[2] - 2, p.grid)
        slopes = _gradients(clip)
        counted = [_histogram(slopes[b], slopes[a], block, p) for a, b in PLANES]
        histograms = np.stack(counted, axis=1)
        total = histograms.sum(axis=2, keepdims=True)
        scaled = np.divide(histograms, total, out=np.zeros_like(histograms), where=total > 0)
        return scaled.astype(np.float32).ravel()


def _gradients(clip: Clip) -> list[NDArray[np.float32]]:
    """Return the gradient along t, y and x of the inner pixels, each (t - 2, h - 2, w - 2)."""
    c, half = clip.astype(np.float32), np.float32(0.5)
    return [
        half * (c[2:, 1:-1, 1:-1] - c[:-2, 1:-1, 1:-1]),
        half * (c[1:-1, 2:, 1:-1] - c[1:-1, :-2, 1:-1]),
        half * (c[1:-1, 1:-1, 2:] - c[1:-1, 1:-1, :-2]),
    ]


def _blocks(height: int, width: int, grid: int) -> NDArray[np.intp]:
    rows, columns = np.arange(height) * grid // height, np.arange(width) * grid // width
    return rows[:, None] * grid + columns


def _histogram(
    along: NDArray[np.float32], across: NDArray[np.float32], block: NDArray[np.intp], p: HOGTOPParams
) -> NDArray[np.float64]:
    """Return (blocks, bins) of one plane, weighted by the length of the gradient."""
    length, angle = cv2.cartToPolar(along.reshape(len(along), -1), across.reshape(len(across), -1))
    whole = 2 * np.pi if p.signed else np.pi
    bins = (angle * np.float32(p.bins / whole)).astype(np.intp) % p.bins
    index = bins + block.ravel() * p.bins
    counted = np.bincount(index.ravel(), weights=length.ravel(), minlength=p.grid**2 * p.bins)
    return counted.reshape(p.grid**2, p.bins).astype(np.float64, copy=False)
