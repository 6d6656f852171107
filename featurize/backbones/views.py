"""Several looks at one face, whose vectors are averaged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.uint8]
Views = Literal["one", "flip", "six", "ten"]

#: Side of a crop in eighths of the image's: 42 of 48 pixels.
EIGHTHS = 7
#: Sizes of a face for "six": of what was tried on FER2013's PublicTest with two trainings of own-small,
#: the least loss for so many looks (docs/results/looks.txt).
SCALES = (1.0, 0.92, 1.08)


def views(batch: Batch, how: Views) -> Iterator[Batch]:
    """Yield the batch as it is looked at.

    Parameters
    ----------
    batch : (n, h, w) or (n, h, w, 3) uint8
    how : {"one", "flip", "six", "ten"}
        As it is; also mirrored; at three sizes, each also mirrored; four corners and the middle, each also
        mirrored (Krizhevsky et al., 2012), brought back to full size.

    Yields
    ------
    ndarray as `batch`
    """
    for crop in _looks(batch, how):
        yield crop
        if how != "one":
            yield np.ascontiguousarray(crop[:, :, ::-1])


def _looks(batch: Batch, how: Views) -> Iterator[Batch]:
    if how == "six":
        return (_scaled(batch, scale) for scale in SCALES)
    return _five(batch) if how == "ten" else iter((batch,))


def _scaled(batch: Batch, scale: float) -> Batch:
    """Return the images larger or smaller about their middle, edges continued, as training changes them."""
    if scale == 1:
        return batch
    h, w = batch.shape[1:3]
    matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), 0, scale)
    return np.stack([np.asarray(_warped(one, matrix), np.uint8) for one in batch])


def resampling(h: int, w: int, scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how an image is scaled for "six", as two matrices.

    Parameters
    ----------
    h, w : int
        Sides of the image in pixels.
    scale : float
        One of `SCALES`.

    Returns
    -------
    rows : (h, h) float32
    columns : (w, w) float32
        The pixels are ``floor(rows @ image @ columns.T + 0.5)``, to the last grey level: the weights are
        OpenCV's, multiples of 1/32, and their products with grey levels are exact in float32.
    """
    matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), 0, scale)
    columns = [_warped(line, matrix)[h // 2] for line in _lines(h, w)]
    rows = [_warped(line.T, matrix)[:, w // 2] for line in _lines(w, h)]
    return np.stack(rows, axis=1), np.stack(columns, axis=1)


def _lines(h: int, w: int) -> Iterator[NDArray[np.float32]]:
    """Yield w black images, each with one white column."""
    for column in range(w):
        image = np.zeros((h, w), np.float32)
        image[:, column] = 1
        yield image


def _warped(image: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    h, w = image.shape[:2]
    return cv2.warpAffine(np.ascontiguousarray(image), matrix, (w, h), borderMode=cv2.BORDER_REPLICATE)


def _five(batch: Batch) -> Iterator[Batch]:
    h, w = batch.shape[1:3]
    ch, cw = h * EIGHTHS // 8, w * EIGHTHS // 8
    places = [(0, 0), (0, w - cw), (h - ch, 0), (h - ch, w - cw), ((h - ch) // 2, (w - cw) // 2)]
    for top, left in places:
        cut = batch[:, top : top + ch, left : left + cw]
        yield np.stack([np.asarray(cv2.resize(one, (w, h)), np.uint8) for one in cut])
