"""Local binary patterns: uniform patterns on circles of several radii, histograms on a grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from featurize.base import Extractor, Params

#: 58 uniform patterns of 8 neighbours, and one bin for all others.
N_PATTERNS = 59
_NEIGHBOURS = 8
#: Images worked on at once: their float32 planes then stay in the second-level cache.
_BLOCK = 32


class LBPParams(Params):
    """Parameters of `LBP`.

    Attributes
    ----------
    radii : tuple of int
        Radii in pixels of the circles of 8 neighbours, one histogram each.
    grid : int
        Cells a side; a histogram is taken in each.
    root : bool
        Square root of each histogram (Hellinger mapping): Euclidean distance between such vectors is the
        Hellinger distance between the histograms.
    """

    radii: tuple[int, ...] = Field((1, 2, 3), min_length=1, max_length=8)
    grid: int = Field(6, ge=1, le=16)
    root: bool = True

    @field_validator("radii")
    @classmethod
    def _radii_fit(cls, radii: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(radii)) != len(radii) or not all(1 <= r <= 16 for r in radii):
            raise ValueError("radii must differ and lie in 1..16 pixels")
        return radii


class LBP(Extractor):
    """Histograms of uniform local binary patterns of 8 neighbours (Ojala 2002; on a grid: Ahonen 2006).

    Each of grid x grid cells gives one histogram of 59 bins a radius, summing to 1 (before `root`). The order
    is radius, cell row, cell column, pattern. Neighbours between pixels are interpolated bilinearly, and
    neighbours outside the image count as 0, both as in ``skimage.feature.local_binary_pattern`` with
    ``method="nri_uniform"``, whose pattern numbers these are.
    """

    name = "lbp"
    size = 48
    channels = 1
    licence = "MIT"
    source = "Ojala, Pietikainen and Maenpaa 2002; Ahonen, Hadid and Pietikainen 2006"
    Params = LBPParams
    params: LBPParams

    @property
    def dim(self) -> int:
        """Radii x cells x 59."""
        return len(self.params.radii) * self.params.grid**2 * N_PATTERNS

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        p = self.params
        X = np.empty((len(batch), len(p.radii), p.grid**2 * N_PATTERNS), np.float32)
        for start in range(0, len(batch), _BLOCK):
            block = batch[start : start + _BLOCK]
            for k, radius in enumerate(p.radii):
                X[start : start + _BLOCK, k] = grid_histograms(uniform_patterns(block, radius), p.grid)
        return np.sqrt(X, out=X).reshape(len(batch), -1) if p.root else X.reshape(len(batch), -1)


def uniform_patterns(images: NDArray[np.uint8], radius: int) -> NDArray[np.uint8]:
    """Return the uniform pattern, 0..58, of every pixel.

    Parameters
    ----------
    images : (n, h, w) uint8
    radius : int
        Of the circle of 8 neighbours, in pixels.

    Returns
    -------
    ndarray of shape (n, h, w), uint8

    Notes
    -----
    A neighbour's bit is set if its interpolated value is not below the centre. The comparison is made on
    sums of *differences* to the centre, so that a flat region is an exact tie; scikit-image interpolates the
    values themselves, where rounding (about 1e-14) decides the ties between pixels of a flat region.
    """
    height, width = images.shape[1:]
    pad = radius + 1
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad))).astype(np.float32)
    centre = padded[:, pad : pad + height, pad : pad + width]
    codes = np.zeros(images.shape, np.uint8)
    for bit, taps in enumerate(circle(radius)):
        above: NDArray[np.float32] = np.zeros(1, np.float32)
        for dy, dx, weight in taps:
            y, x = pad + dy, pad + dx
            above = above + weight * (padded[:, y : y + height, x : x + width] - centre)
        codes |= (above >= 0).view(np.uint8) << np.uint8(bit)
    return _pattern_numbers()[codes]


def grid_histograms(patterns: NDArray[np.uint8], grid: int) -> NDArray[np.float32]:
    """Return (n, grid * grid * 59) histograms, each cell's summing to 1, of (n, h, w) patterns."""
    n, height, width = patterns.shape
    rows, columns = np.arange(height) * grid // height, np.arange(width) * grid // width
    cells = rows[:, None] * grid + columns
    first_bin = (np.arange(n)[:, None, None] * grid**2 + cells) * N_PATTERNS
    counts = np.bincount((first_bin + patterns).ravel(), minlength=n * grid**2 * N_PATTERNS)
    sizes = np.bincount(cells.ravel(), minlength=grid**2)
    return (counts.reshape(n, grid**2, N_PATTERNS) / sizes[:, None]).reshape(n, -1).astype(np.float32)


@lru_cache(maxsize=16)
def circle(radius: int) -> list[list[tuple[int, int, np.float32]]]:
    """Return for each neighbour the pixels (dy, dx) it lies between and their bilinear weights."""
    angles = 2 * np.pi * np.arange(_NEIGHBOURS) / _NEIGHBOURS
    # Rounded as scikit-image does, so that the neighbours on the axes fall on pixels.
    rows, columns = np.round(-radius * np.sin(angles), 5), np.round(radius * np.cos(angles), 5)
    return [_bilinear(float(y), float(x)) for y, x in zip(rows, columns, strict=True)]


def _bilinear(y: float, x: float) -> list[tuple[int, int, np.float32]]:
    y0, x0 = int(np.floor(y)), int(np.floor(x))
    fy, fx = y - y0, x - x0
    corners = [(0, 0, (1 - fy) * (1 - fx)), (0, 1, (1 - fy) * fx), (1, 0, fy * (1 - fx)), (1, 1, fy * fx)]
    return [(y0 + dy, x0 + dx, np.float32(weight)) for dy, dx, weight in corners if weight > 0]


@lru_cache(maxsize=1)
def _pattern_numbers() -> NDArray[np.uint8]:
    """Return the number of each of the 256 codes, as scikit-image numbers them.

    All zeros is 0; a run of k ones whose rotation index is r is 1 + (k - 1) * 8 + r; all ones is 57; every
    code of more than two changes is 58.
    """
    table = np.full(256, N_PATTERNS - 1, np.uint8)
    table[0], table[255] = 0, 57
    for ones in range(1, _NEIGHBOURS):
        run = (1 << ones) - 1
        for turn in range(_NEIGHBOURS):
            code = (run << turn | run >> (_NEIGHBOURS - turn)) & 255
            table[code] = _rotation_number(code, ones)
    return table


def _rotation_number(code: int, ones: int) -> int:
    bits = [code >> i & 1 for i in range(_NEIGHBOURS)]
    first_zero, first_one = bits.index(0), bits.index(1)
    # scikit-image: the first zero where the code starts with a one, else counted from the first one.
    turn = ones - first_zero if first_one == 0 else _NEIGHBOURS - first_one
    return 1 + (ones - 1) * _NEIGHBOURS + turn
