"""Several looks at one face, whose vectors are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.uint8]
Views = Literal["one", "flip", "ten"]

#: Side of a crop in eighths of the picture's: 42 of 48 pixels.
EIGHTHS = 7


def views(batch: Batch, how: Views) -> Iterator[Batch]:
    """Yield the batch as it is looked at.

    Parameters
    ----------
    batch : (n, h, w) or (n, h, w, 3) uint8
    how : {"one", "flip", "ten"}
        As it is; also mirrored; four corners and the middle, each also mirrored (Krizhevsky et al., 2012),
        brought back to full size.

    Yields
    ------
    ndarray as `batch`
    """
    for crop in _five(batch) if how == "ten" else (batch,):
        yield crop
        if how != "one":
            yield np.ascontiguousarray(crop[:, :, ::-1])


def _five(batch: Batch) -> Iterator[Batch]:
    h, w = batch.shape[1:3]
    ch, cw = h * EIGHTHS // 8, w * EIGHTHS // 8
    places = [(0, 0), (0, w - cw), (h - ch, 0), (h - ch, w - cw), ((h - ch) // 2, (w - cw) // 2)]
    for top, left in places:
        cut = batch[:, top : top + ch, left : left + cw]
        yield np.stack([np.asarray(cv2.resize(one, (w, h)), np.uint8) for one in cut])
