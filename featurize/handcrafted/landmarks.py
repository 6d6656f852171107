"""Geometry of 68 facial landmarks: normalised coordinates, distances and angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurize import faces
from featurize.base import Params
from featurize.handcrafted.located import Located

_POINTS = 68
#: Distances that move with FACS action units, as (name, from, to): means of points in iBUG numbering, from 0.
#: The units that each shows stand beside it.
AU_DISTANCES: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("brow inner, right to eye", (20, 21), (38, 39)),  # AU 1, 4
    ("brow inner, left to eye", (22, 23), (42, 43)),
    ("brow outer, right to eye", (17, 18), (36, 37)),  # AU 2
    ("brow outer, left to eye", (25, 26), (44, 45)),
    ("brows, inner gap", (21,), (22,)),  # AU 4
    ("lids, right", (37, 38), (40, 41)),  # AU 5, 7
    ("lids, left", (43, 44), (46, 47)),
    ("eye width, right", (36,), (39,)),  # AU 6, 7
    ("eye width, left", (42,), (45,)),
    ("nose wings", (31,), (35,)),  # AU 9
    ("nose root to tip", (27,), (33,)),  # AU 9
    ("nose to upper lip", (33,), (51,)),  # AU 9, 10
    ("eye to cheek line, right", (40, 41), (48,)),  # AU 6, 12
    ("eye to cheek line, left", (46, 47), (54,)),
    ("mouth width", (48,), (54,)),  # AU 12, 20
    ("mouth, inner opening", (61, 62, 63), (65, 66, 67)),  # AU 25, 26
    ("mouth, outer height", (50, 51, 52), (56, 57, 58)),  # AU 25, 26
    ("upper lip", (51,), (62,)),  # AU 10, 24
    ("lower lip", (57,), (66,)),  # AU 16, 24
    ("lower lip to chin", (57,), (8,)),  # AU 17, 26
    ("nose to chin", (33,), (8,)),  # AU 26
    ("jaw width at mouth", (4,), (12,)),  # AU 29
)
#: Angles in radians over pi at the middle point: mouth corners, brow arches, lid corners.
AU_ANGLES: tuple[tuple[str, int, int, int], ...] = (
    ("mouth corner, right", 51, 48, 57),  # AU 12, 15, 25
    ("mouth corner, left", 51, 54, 57),
    ("upper lip over the corners", 48, 51, 54),  # AU 12, 15
    ("lower lip under the corners", 48, 57, 54),
    ("brow arch, right", 17, 19, 21),  # AU 1, 2, 4
    ("brow arch, left", 22, 24, 26),
    ("inner eye corner, right", 38, 39, 40),  # AU 5, 7
    ("inner eye corner, left", 43, 42, 47),
    ("chin", 6, 8, 10),  # AU 17, 26
)
#: Signed: how far the mouth's corners lie above its middle, as part of the inter-ocular distance.
_CORNERS_UP = 2


class LandmarksParams(Params):
    """Parameters of `Landmarks`: which groups of numbers the vector holds.

    Attributes
    ----------
    coordinates : bool
        x and y of each point.
    centroid : bool
        Distance and direction of each point from their centroid.
    units : bool
        Distances and angles that follow FACS action units.
    """

    coordinates: bool = True
    centroid: bool = True
    units: bool = True


class Landmarks(Located):
    """Geometry of dlib's 68 points on a face crop, free of position, size and tilt of the head.

    The crop is enlarged to 144x144. The box comes from dlib's HOG detector, or where it finds no face (one in
    ten of FER2013) from the fixed box `featurize.faces.FIXED_BOX`; the points are predicted in either. Then
    the origin is put midway between the eyes, the eye line made horizontal and the distance between the eyes'
    centres made 1 (x to the image's right, y down). In this order:

    ==========================  ====  ==============================================================
    group                       size  what
    ==========================  ====  ==============================================================
    coordinates                  136  x, y of the 68 points
    centroid                     204  distance of each point to the points' centroid (68), then the cosine
                                      and the sine of its direction (68 each): an angle without its jump
    units                         33  `AU_DISTANCES` (22), `AU_ANGLES` over pi (9), and how far the right
                                      and the left mouth corner lie above the lips' middle (2)
    found                          1  1 if the detector found the face, 0 if the fixed box was used
    ==========================  ====  ==============================================================
    """

    name = "landmarks"
    source = "Kazemi and Sullivan 2014; dlib shape_predictor_68_face_landmarks, Davis King"
    Params = LandmarksParams
    params: LandmarksParams

    @property
    def dim(self) -> int:
        """136 + 204 + 33, as far as asked for, and 1."""
        p = self.params
        units = len(AU_DISTANCES) + len(AU_ANGLES) + _CORNERS_UP
        return p.coordinates * 2 * _POINTS + p.centroid * 3 * _POINTS + p.units * units + 1

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        points, found = faces.locate(batch)
        xy = normalised(points)
        p = self.params
        groups = [xy.reshape(len(xy), -1)] if p.coordinates else []
        groups += [centroid_geometry(xy)] if p.centroid else []
        groups += [unit_geometry(xy)] if p.units else []
        return np.hstack([*groups, found[:, None]])


def normalised(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring (n, 68, 2) points to the eye frame: midpoint of the eyes 0, eye line horizontal, its length 1."""
    right, left = points[:, 36:42].mean(axis=1), points[:, 42:48].mean(axis=1)
    axis = left - right
    # Eyes less than a pixel apart are a failed fit: the scale is bounded so that the vector stays finite.
    length = np.maximum(np.linalg.norm(axis, axis=1), 1.0)
    cos, sin = axis[:, 0] / length, axis[:, 1] / length
    turn = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], axis=1) / length[:, None, None]
    centred = points - ((right + left) / 2)[:, None]
    return np.einsum("nij,npj->npi", turn, centred)


def centroid_geometry(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 204) of (n, 68, 2) points: distances to the centroid, cosines, sines of the directions."""
    offset = xy - xy.mean(axis=1, keepdims=True)
    distance = np.linalg.norm(offset, axis=2)
    direction = offset / np.maximum(distance, 1e-9)[..., None]
    return np.hstack([distance, direction[..., 0], direction[..., 1]])


def unit_geometry(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 33) of normalised (n, 68, 2) points: distances, angles over pi, mouth corners' rise."""
    mean = [xy[:, list(a)].mean(axis=1) - xy[:, list(b)].mean(axis=1) for _, a, b in AU_DISTANCES]
    distances = np.linalg.norm(np.stack(mean, axis=1), axis=2)
    angles = np.stack([_angle(xy[:, a] - xy[:, b], xy[:, c] - xy[:, b]) for _, a, b, c in AU_ANGLES], axis=1)
    middle = xy[:, [51, 62, 66, 57], 1].mean(axis=1, keepdims=True)
    return np.hstack([distances, angles / np.pi, middle - xy[:, [48, 54], 1]])


def _angle(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angle in 0..pi between the rows of u and v; 0 where either is 0."""
    cross = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return np.abs(np.arctan2(cross, np.einsum("ni,ni->n", u, v)))
