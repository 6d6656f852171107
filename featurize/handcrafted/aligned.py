"""The upright face: gradients at its landmarks, HOG, LBP, geometry."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from featurize import faces
from featurize.base import Params
from featurize.handcrafted.gradients import BINS, orientation_maps, pooled, rooted
from featurize.handcrafted.hog import HOG
from featurize.handcrafted.landmarks import centroid_geometry, normalised, unit_geometry
from featurize.handcrafted.lbp import LBP
from featurize.handcrafted.located import Located

Array = NDArray[np.float32]

_CELLS = 2
#: The points of brows, nose, eyes and mouth; the jaw's (0 to 16) lie on edges that tell little.
_INNER = slice(17, 68)
#: The upright face for the gradients at the points (side, eye distance, eye height), and the one for HOG and
#: LBP, closer by. Chosen, like everything here, on a validation part of FER2013's training split.
_WIDE = (64, 0.40625, 0.36)
_CLOSE = (48, 23 / 48, 0.32)
#: The five groups of geometry are divided by the root of this too, and so weigh as much as two others.
_GEOMETRY_SHARE = 2.5
#: What the last component is if the face was found: small, so that it does not count in a distance.
_FOUND = 0.1
#: Mean squared distance between two faces of FER2013's training split in each group of numbers. Each group is
#: divided by its root, so that all weigh the same in a distance between vectors.
_SPREAD = {
    "points": 46.0,
    "hog": 19.1,
    "lbp": 20.9,
    "coordinates": 4.94,
    "distances": 2.53,
    "directions": 7.43,
    "unit distances": 0.506,
    "unit angles": 0.187,
}


class AlignedParams(Params):
    """Parameters of `Aligned`: which groups of numbers the vector holds.

    Attributes
    ----------
    points : bool, or {"dlib", "mesh"}
        Gradient histograms around 51 landmarks, at two sizes: 3264 numbers. "mesh": all landmarks are those
        of MediaPipe's face mesh; "dlib": dlib's, as with True.
    hog : bool
        HOG of the upright face, cells of 8 pixels, 18 signed orientations: 1800.
    lbp : bool
        LBP of the upright face, radius 2, on a grid of 5 x 5: 1475.
    geometry : bool
        The numbers of `landmarks`: 373.
    """

    points: bool | Literal["mesh"] = True
    hog: bool = True
    lbp: bool = True
    geometry: bool = True

    @field_validator("points", mode="before")
    @classmethod
    def _dlib_is_true(cls, value: Any) -> Any:
        return True if value == "dlib" else value


class Aligned(Located):
    """Appearance around the landmarks and of the upright face, beside the landmarks' geometry.

    The 68 points are found as for `landmarks` (fixed box where dlib's detector finds no face), or with
    ``points="mesh"`` by MediaPipe's face mesh. A similarity
    brings eyes, nose and mouth to fixed places, so that the same component of the vector looks at the same
    part of every face: on a tenth of FER2013's training split this is worth 8 points of accuracy to HOG.
    Groups in the order of `AlignedParams`, scaled so that each weighs about the same; the last component is
    0.1 if the detector found the face, else 0.
    """

    name = "aligned"
    source = (
        "dlib shape_predictor_68_face_landmarks, Davis King; Dalal and Triggs 2005; Ahonen 2006; "
        "gradients at landmarks after Lowe 2004 (SIFT), root of Arandjelovic and Zisserman 2012"
    )
    Params = AlignedParams
    params: AlignedParams

    @property
    def dim(self) -> int:
        """3264 + 1800 + 1475 + 373, as far as asked for, and 1."""
        p = self.params
        points = 2 * 51 * _CELLS**2 * BINS
        return bool(p.points) * points + p.hog * _hog().dim + p.lbp * _lbp().dim + p.geometry * 373 + 1

    def _transform(self, batch: NDArray[np.uint8]) -> Array:
        points, found = self._located(batch)
        groups = self._groups(batch, points)
        scaled = [np.asarray(x, np.float32) / np.float32(_scale(name)) for name, x in groups]
        return np.hstack([*scaled, np.float32(_FOUND) * found[:, None]])

    def _groups(self, batch: NDArray[np.uint8], points: NDArray[np.float64]) -> list[tuple[str, NDArray]]:
        p = self.params
        groups: list[tuple[str, NDArray]] = []
        if p.points:
            wide = [faces.upright(face, xy, *_WIDE) for face, xy in zip(batch, points, strict=True)]
            groups += [("points", np.stack([point_gradients(face, xy[_INNER]) for face, xy in wide]))]
        if p.hog or p.lbp:
            close = [faces.upright(face, xy, *_CLOSE)[0] for face, xy in zip(batch, points, strict=True)]
            groups += [("hog", _hog().transform(close))] if p.hog else []
            groups += [("lbp", _lbp().transform(close))] if p.lbp else []
        return groups + (_geometry(points) if p.geometry else [])


def _scale(group: str) -> float:
    share = 1.0 if group in ("points", "hog", "lbp") else _GEOMETRY_SHARE
    return float((_SPREAD[group] * share) ** 0.5)


def _geometry(points: NDArray[np.float64]) -> list[tuple[str, NDArray]]:
    xy = normalised(points)
    centroid, units = centroid_geometry(xy), unit_geometry(xy)
    return [
        ("coordinates", xy.reshape(len(xy), -1)),
        ("distances", centroid[:, :68]),
        ("directions", centroid[:, 68:]),
        ("unit distances", units[:, :22]),
        ("unit angles", units[:, 22:]),
    ]


def point_gradients(
    face: NDArray[np.uint8], points: NDArray[np.float64], sizes: tuple[int, ...] = (4, 6)
) -> Array:
    """Return gradient histograms around points, after SIFT: cells x orientations, clipped, square root.

    Parameters
    ----------
    face : (h, w) uint8
    points : (p, 2) float64
        x, y in pixels; cells beyond the image are read at its edge.
    sizes : tuple of int
        Sides of the cells in pixels; each point has 2 x 2 of each.

    Returns
    -------
    ndarray of shape (len(sizes) * p * 32,), float32
        By size, point, cell row, cell column, orientation; the squares of each 32 sum to 1, or to
        less where the contrast is too low to be trusted.
    """
    maps = orientation_maps(face)
    return np.concatenate([at_points(pooled(maps, size), points, size) for size in sizes])


def at_points(summed: Array, points: NDArray[np.float64], size: int) -> Array:
    """Return the cells of `pooled` sums around each of (68, 2) points, flat."""
    offsets = (np.arange(_CELLS) - (_CELLS - 1) / 2) * size
    last = np.array(summed.shape[:2]) - 1
    columns = np.rint(points[:, 0, None] + offsets).clip(0, last[1]).astype(np.intp)
    rows = np.rint(points[:, 1, None] + offsets).clip(0, last[0]).astype(np.intp)
    cells = summed[rows[:, :, None], columns[:, None, :]].reshape(len(points), -1)
    return rooted(cells, 4.0 * size, 0.4).ravel()


@lru_cache(maxsize=1)
def _hog() -> HOG:
    return HOG(cell=8, bins=18, signed=True)


@lru_cache(maxsize=1)
def _lbp() -> LBP:
    return LBP(radii=(2,), grid=5)
