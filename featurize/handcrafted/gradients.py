"""Gradient histograms after SIFT (Lowe, IJCV 60, 2004): orientation maps, cells, dense descriptors."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

BINS = 8
#: Cells along each side of a dense descriptor.
_ACROSS = 4
#: Numbers of a dense descriptor.
LENGTH = _ACROSS**2 * BINS
#: The descriptor's number that comes to each place when the image is mirrored.
MIRRORED = np.arange(LENGTH).reshape(_ACROSS, _ACROSS, BINS)[:, ::-1, (4 - np.arange(BINS)) % BINS].ravel()


def orientation_maps(face: NDArray[np.uint8]) -> Array:
    """Return (h, w, 8): each pixel's gradient magnitude, shared between the two nearest of 8 directions."""
    from featurize.handcrafted.fisher_loops import orient

    smooth = cv2.GaussianBlur(face.astype(np.float32), (0, 0), 0.8)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, i, 1 - i, ksize=1) for i in (1, 0))
    maps = np.zeros((*face.shape, BINS), np.float32)
    orient(*cv2.cartToPolar(dx, dy), maps)
    return maps


def pooled(maps: Array, size: int) -> Array:
    """Return the maps summed around each pixel with a triangular weight that reaches `size` pixels."""
    weights = 1 - np.abs(np.arange(1 - size, size, dtype=np.float32)) / size
    summed = cv2.sepFilter2D(maps, cv2.CV_32F, weights, weights, borderType=cv2.BORDER_REPLICATE)
    return summed.astype(np.float32, copy=False)


def rooted(cells: Array, floor: float, clip: float) -> Array:
    """Return the roots of normalised, clipped descriptors (Arandjelovic and Zisserman, CVPR 2012).

    Parameters
    ----------
    cells : (m, c) float32
        A row a descriptor.
    floor : float
        A norm below this counts as this: it keeps noise on skin without texture from being blown up to full
        contrast.
    clip : float
        What one number of the normalised descriptor may reach.
    """
    norm = np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), floor)
    clipped = np.minimum(cells / norm, clip)
    root: Array = np.sqrt(clipped / np.maximum(clipped.sum(axis=1, keepdims=True), 0.5))
    return root


def dense_sift(face: NDArray[np.uint8], sizes: tuple[int, ...], step: int) -> tuple[Array, Array]:
    """Return upright SIFT descriptors on a grid, at several sizes.

    Parameters
    ----------
    face : (side, side) uint8
    sizes : tuple of int
        Sides of the cells in pixels; cells beyond the image are read at its edge.
    step : int
        Pixels from one descriptor to the next.

    Returns
    -------
    descriptors : ndarray of shape (m, 128), float32
        4 x 4 cells of 8 directions; the squares of each sum to 1, or less where there is no contrast.
    places : ndarray of shape (m, 2), float32
        x and y of each as parts of the half side, -1 to 1 from edge to edge.
    """
    side, maps = len(face), orientation_maps(face)
    grid = np.arange((side - 1) % step // 2, side, step)
    descriptors = [_on_grid(pooled(maps, size), grid, size) for size in sizes]
    along = ((2 * grid + 1) / side - 1).astype(np.float32)
    places = np.stack([np.tile(along, len(grid)), np.repeat(along, len(grid))], axis=1)
    return np.concatenate(descriptors), np.tile(places, (len(sizes), 1))


def _on_grid(maps: Array, grid: NDArray[np.intp], size: int) -> Array:
    from featurize.handcrafted.fisher_loops import describe

    reach = (np.arange(_ACROSS) - (_ACROSS - 1) / 2) * size
    # Rounded away from the middle on both sides: a mirrored face must have mirrored descriptors.
    cells = grid[:, None] + (np.sign(reach) * np.ceil(np.abs(reach))).astype(np.intp)
    cells = cells.clip(0, len(maps) - 1)
    out = np.empty((len(grid) ** 2, LENGTH), np.float32)
    describe(maps, cells, np.float32(4.0 * size), np.float32(0.2), out)
    return out
