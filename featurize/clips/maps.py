"""Vectors of motion maps: images of both flows and of optical strain, each stretched to 0..255.

Stretching loses how strong a motion was and where its zero lies. The zero is put back as the median (most of
a face does not move, or moves with the head), the strength is divided out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize.base import Extractor, Params

Maps = NDArray[np.uint8]
SIDE = 28


class MapExtractor(Extractor):
    """Base of the extractors of motion maps."""

    kind = "flow"
    size = SIDE
    channels = 3

    @property
    def side(self) -> int:
        """Rows (and columns) of its vectors, ordered by row, column and channel; 0: they have none."""
        return 0


class MapPixels(MapExtractor):
    """The three maps as they are, divided by 255: what published nets on such maps are fed."""

    name = "flow-pixels"
    source = "Liong 2019 (the input of STSTNet)"

    @property
    def dim(self) -> int:
        """28 x 28 x 3."""
        return SIDE * SIDE * 3

    def _transform(self, batch: Maps) -> NDArray[np.float32]:
        return batch.reshape(len(batch), -1).astype(np.float32) / np.float32(255)


class FieldParams(Params):
    """Parameters of `Field`.

    Attributes
    ----------
    grid : int
        Side of the field that is kept; block means below 28.
    """

    grid: int = Field(SIDE, ge=2, le=SIDE)


class MapField(MapExtractor):
    """The motion field: both flows about their medians, divided by their common root mean square."""

    name = "flow-field"
    source = "this project"
    Params: ClassVar[type[Params]] = FieldParams
    params: FieldParams

    @property
    def side(self) -> int:
        """The grid's."""
        return self.params.grid

    @property
    def dim(self) -> int:
        """2 x grid x grid."""
        return 2 * self.params.grid**2

    def _transform(self, batch: Maps) -> NDArray[np.float32]:
        field, grid = motion_field(batch), self.params.grid
        if grid < SIDE:
            field = np.stack([cv2.resize(f, (grid, grid), interpolation=cv2.INTER_AREA) for f in field])
        return field.reshape(len(batch), -1)


class HOOFParams(Params):
    """Parameters of `MapHOOF`.

    Attributes
    ----------
    grid : int
        Blocks a side.
    bins : int
        Directions over 360 degrees.
    """

    grid: int = Field(7, ge=1, le=14)
    bins: int = Field(8, ge=2, le=36)


class MapHOOF(MapExtractor):
    """Histograms of the motion field's directions on a grid, weighted by length (Chaudhry et al., CVPR 2009).

    Each direction is shared between the two nearest bins. The histograms of a map together are divided by
    their sum, and the square root is taken, so that Euclidean distance is Hellinger's.
    """

    name = "flow-hoof"
    source = "Chaudhry, Ravichandran, Hager and Vidal 2009"
    Params: ClassVar[type[Params]] = HOOFParams
    params: HOOFParams

    @property
    def side(self) -> int:
        """Blocks a side."""
        return self.params.grid

    @property
    def dim(self) -> int:
        """Blocks x directions."""
        return self.params.grid**2 * self.params.bins

    def _transform(self, batch: Maps) -> NDArray[np.float32]:
        p = self.params
        field = motion_field(batch)
        shares = direction_shares(field, p.bins)
        blocks = np.stack([_block_means(s, p.grid) for s in shares]).reshape(len(batch), -1)
        total = blocks.sum(axis=1, keepdims=True)
        return np.sqrt(np.divide(blocks, total, out=np.zeros_like(blocks), where=total > 0))


class MapHOG(MapExtractor):
    """Histograms of oriented gradients of the two flow maps, taken as images: where motion changes.

    28x28 window, blocks of 14 pixels 7 apart, cells of 7, 16 signed orientations, L2-Hys (Dalal and Triggs
    2005).
    """

    name = "flow-hog"
    licence = "Apache-2.0"
    source = "Dalal and Triggs 2005; OpenCV HOGDescriptor"

    @property
    def dim(self) -> int:
        """2 maps x 9 blocks x 4 cells x 16 orientations."""
        return 2 * 9 * 4 * 16

    def _transform(self, batch: Maps) -> NDArray[np.float32]:
        hog = _hog()
        rows = [[hog.compute(np.ascontiguousarray(m[..., c])).ravel() for c in (0, 1)] for m in batch]
        return np.array(rows, np.float32).reshape(len(batch), -1)


@lru_cache(maxsize=1)
def _hog() -> Any:
    return cv2.HOGDescriptor(
        (SIDE, SIDE), (14, 14), (7, 7), (7, 7), 16, 1, -1, cv2.HOGDESCRIPTOR_L2HYS, 0.2, False, 64, True
    )


def motion_field(maps: Maps) -> NDArray[np.float32]:
    """Return (n, h, w, 2): both flows less their medians, divided by their common root mean square.

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
        Horizontal flow, vertical flow, strain.
    """
    flow = maps[..., :2].astype(np.float32)
    flow -= np.median(flow, axis=(1, 2), keepdims=True)
    scale = np.sqrt((flow**2).mean(axis=(1, 2, 3), keepdims=True))
    scale[scale == 0] = 1
    return flow / scale


def direction_shares(field: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    """Return (n, h, w, bins): the length of each motion, shared between the two nearest directions."""
    length = np.hypot(field[..., 0], field[..., 1])
    at = np.arctan2(field[..., 1], field[..., 0]) * (bins / (2 * np.pi))
    below = np.floor(at)
    upper_share = (at - below).astype(np.float32)
    index = below.astype(np.intp) % bins
    shares: NDArray[np.float32] = np.zeros((*length.shape, bins), np.float32)
    np.put_along_axis(shares, index[..., None], (length * (1 - upper_share))[..., None], axis=-1)
    above: NDArray[np.float32] = np.zeros_like(shares)
    np.put_along_axis(above, ((index + 1) % bins)[..., None], (length * upper_share)[..., None], axis=-1)
    return shares + above


def _block_means(picture: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Return (grid, grid, channels); OpenCV resizes any number of channels by area."""
    return np.asarray(cv2.resize(picture, (grid, grid), interpolation=cv2.INTER_AREA), np.float32)


def altered(maps: Maps, dx: int = 0, dy: int = 0, mirror: bool = False) -> Maps:
    """Return the maps shifted by whole pixels (edges repeated), and mirrored left to right if asked.

    In a mirrored face what moved to the right moves to the left: the horizontal flow is negated (255 minus
    it).

    Parameters
    ----------
    maps : (n, h, w, 3) uint8
    """
    n, h, w = maps.shape[:3]
    rows, columns = np.clip(np.arange(h) - dy, 0, h - 1), np.clip(np.arange(w) - dx, 0, w - 1)
    moved = maps[:, rows][:, :, columns]
    if mirror:
        moved = moved[:, :, ::-1].copy()
        moved[..., 0] = 255 - moved[..., 0]
    return np.ascontiguousarray(moved)
