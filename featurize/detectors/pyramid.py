"""An image cut into squares of several sizes, so that a network of one input size finds faces of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from featurize.images import Image
from featurize.tflite import SIDE

#: The smallest face that is found in a square, as a part of its side. Smaller ones are found by halves.
SMALLEST = 1 / 14
#: Neighbouring squares share so much: a face on the edge of one stands whole in the next.
OVERLAP = 0.2
#: Faces larger than this part of a square are taken from the next larger square.
LARGEST = 0.6
#: The square around the image is left out where the next smaller ones have more than this part of its side:
#: what it shows, they and the largest show too.
NEARLY = 0.75
#: From the square around image and margin, faces larger than this part of the image are taken.
FILLS = 0.4


class Square(NamedTuple):
    """A part of the image as the network takes it.

    Attributes
    ----------
    pixels : (192, 192, 3) uint8
        Black beyond the image.
    left, top : float
        Where it begins in the image, in pixels of the image; negative beyond its edge.
    across, down : float
        Pixels of the image a pixel of the square.
    smallest, largest : float
        Sides of the faces that are taken from it, in pixels of the image.
    """

    pixels: Image
    left: float
    top: float
    across: float
    down: float
    smallest: float
    largest: float


def sides(longer: int, smallest: float) -> list[int]:
    """Return the sides in pixels of the squares that an image is cut into, the largest first.

    Parameters
    ----------
    longer : int
        Longer side of the image.
    smallest : float
        Side of the smallest face looked for; 0: of those that the image as a whole shows.

    Returns
    -------
    list of int
        Twice the longer side, for a face that fills the image; the longer side; then halves, down to the
        side in which the smallest face can be found. The longer side is left out if that is nearly as long.
    """
    least = max(round(smallest / SMALLEST), 1) if smallest else longer
    if NEARLY * longer <= least < longer:
        return [2 * longer, least]
    found = [2 * longer, longer]
    while found[-1] > least:
        found.append(max(found[-1] // 2, least))
    return found


def squares(image: Image, smallest: float) -> Iterator[Square]:
    """Yield the squares of an (h, w[, 3]) image, the smallest first."""
    longer, work = max(image.shape[:2]), image
    for side in reversed(sides(longer, smallest)):
        work = _resized(work, image, SIDE / side)
        across, down = image.shape[1] / work.shape[1], image.shape[0] / work.shape[0]
        limits = _limits(side, longer)
        for top in _starts(work.shape[0]):
            for left in _starts(work.shape[1]):
                yield Square(_window(work, left, top), left * across, top * down, across, down, *limits)


def whole(image: Image) -> Square:
    """Return the square around an image."""
    side = max(image.shape[:2])
    work = _resized(image, image, SIDE / side)
    across, down = image.shape[1] / work.shape[1], image.shape[0] / work.shape[0]
    (top,), (left,) = _starts(work.shape[0]), _starts(work.shape[1])
    return Square(_window(work, left, top), left * across, top * down, across, down, 0.0, np.inf)


def _resized(finer: Image, image: Image, scale: float) -> Image:
    """Return `image` times `scale`, made from a larger copy of it, which is cheaper."""
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    source = finer if finer.shape[1] > size[0] else image
    how = cv2.INTER_AREA if source.shape[1] >= size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(source, size, interpolation=how), np.uint8)


def _limits(side: int, longer: int) -> tuple[float, float]:
    """Return the smallest and the largest face that is taken from squares of a side."""
    if side > longer:
        return FILLS * longer, np.inf
    return 0.0, np.inf if side == longer else LARGEST * side


def _starts(length: int) -> list[int]:
    """Return where the squares of `SIDE` pixels begin along an axis."""
    if length <= SIDE:
        return [-((SIDE - length) // 2)]
    count = int(np.ceil((length - SIDE) / (SIDE * (1 - OVERLAP)))) + 1
    return [round(start) for start in np.linspace(0, length - SIDE, count)]


def _window(work: Image, left: int, top: int) -> Image:
    part = work[max(top, 0) : top + SIDE, max(left, 0) : left + SIDE]
    if part.ndim == 2:
        part = np.repeat(part[..., None], 3, axis=2)
    if part.shape == (SIDE, SIDE, 3):
        return np.ascontiguousarray(part)
    window = np.zeros((SIDE, SIDE, 3), np.uint8)
    y, x = max(-top, 0), max(-left, 0)
    window[y : y + part.shape[0], x : x + part.shape[1]] = part
    return window
