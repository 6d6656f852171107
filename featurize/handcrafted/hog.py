"""Histograms of oriented gradients, by OpenCV."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from featurize.base import Extractor, Params

_WINDOW = 48


class HOGParams(Params):
    """Parameters of `HOG`.

    Attributes
    ----------
    cell : int
        Side of a cell in pixels.
    block : int
        Side of a block in cells: what is normalised together.
    step : int
        From one block to the next, in cells.
    bins : int
        Orientations.
    signed : bool
        Orientations over 360 degrees instead of 180.
    root : bool
        Take the square root of every component (Hellinger mapping), so that Euclidean distance between
        vectors weighs small gradients more.
    """

    cell: int = Field(8, ge=2, le=_WINDOW)
    block: int = Field(2, ge=1, le=12)
    step: int = Field(1, ge=1, le=12, validate_default=True)
    bins: int = Field(9, ge=2, le=36)
    signed: bool = False
    root: bool = False

    @field_validator("step")
    @classmethod
    def _blocks_cover_the_window(cls, step: int, info: ValidationInfo) -> int:
        cell, block = info.data.get("cell"), info.data.get("block")
        if cell and block and (block * cell > _WINDOW or (_WINDOW - block * cell) % (step * cell)):
            blocks = f"blocks of {block}x{block} cells of {cell} pixels, {step} cells apart"
            raise ValueError(f"{blocks}, do not fit a window of {_WINDOW} pixels; try cell=4, 6, 8 or 12")
        return step


class HOG(Extractor):
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), L2-Hys normalised, values in 0..1.

    The defaults give 900 numbers: a 48x48 window, 5x5 blocks of 16 pixels 8 apart, 2x2 cells of 8 pixels in
    each, 9 unsigned orientations. Several scales are joined: ``hog(cell=4)+hog(cell=8)``.
    """

    name = "hog"
    size = _WINDOW
    channels = 1
    licence = "Apache-2.0"
    source = "Dalal and Triggs 2005; OpenCV HOGDescriptor"
    Params = HOGParams
    params: HOGParams

    @property
    def dim(self) -> int:
        """Blocks x cells in a block x orientations."""
        p = self.params
        across = (_WINDOW - p.block * p.cell) // (p.step * p.cell) + 1
        return across**2 * p.block**2 * p.bins

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        p = self.params
        compute = _descriptor(p.cell, p.block, p.step, p.bins, p.signed).compute
        X = np.empty((len(batch), self.dim), np.float32)
        for row, image in zip(X, batch, strict=True):
            row[:] = compute(image)
        return np.sqrt(X, out=X) if p.root else X


@lru_cache(maxsize=16)
def _descriptor(cell: int, block: int, step: int, bins: int, signed: bool) -> Any:
    """Return OpenCV's descriptor; made once a process, since it cannot be sent to another."""
    side, stride = block * cell, step * cell
    # Named arguments are lost on this overload: derivative aperture 1, sigma -1 (automatic), L2-Hys at 0.2,
    # no gamma correction, 64 levels.
    fixed = (1, -1.0, 0, 0.2, False, 64)
    return cv2.HOGDescriptor(
        (_WINDOW, _WINDOW), (side, side), (stride, stride), (cell, cell), bins, *fixed, signed
    )
