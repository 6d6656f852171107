"""Geometry of the 468 points of MediaPipe's face mesh, free of the head's pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurize import mesh, tflite
from featurize.base import Extractor, Params

#: Distances that move with FACS action units, as (name, from, to), in the mesh's numbering.
AU_DISTANCES: tuple[tuple[str, int, int], ...] = (
    ("brow inner, right to eye", 55, 133),  # AU 1, 4
    ("brow inner, left to eye", 285, 362),
    ("brow outer, right to eye", 70, 33),  # AU 2
    ("brow outer, left to eye", 300, 263),
    ("brow middle, right to lid", 105, 159),
    ("brow middle, left to lid", 334, 386),
    ("brows, inner gap", 55, 285),  # AU 4
    ("lids, right", 159, 145),  # AU 5, 7
    ("lids, left", 386, 374),
    ("eye width, right", 33, 133),  # AU 6, 7
    ("eye width, left", 263, 362),
    ("nose wings", 98, 327),  # AU 9
    ("nose root to tip", 168, 1),  # AU 9
    ("nose to upper lip", 2, 0),  # AU 9, 10
    ("eye to mouth corner, right", 145, 61),  # AU 6, 12
    ("eye to mouth corner, left", 374, 291),
    ("mouth width", 61, 291),  # AU 12, 20
    ("mouth, inner opening", 13, 14),  # AU 25, 26
    ("mouth, outer height", 0, 17),  # AU 25, 26
    ("upper lip", 0, 13),  # AU 10, 24
    ("lower lip", 14, 17),  # AU 16, 24
    ("lower lip to chin", 17, 152),  # AU 17, 26
    ("nose to chin", 2, 152),  # AU 26
    ("jaw width", 172, 397),  # AU 29
)
#: Angles in radians over pi at the middle point.
AU_ANGLES: tuple[tuple[str, int, int, int], ...] = (
    ("mouth corner, right", 0, 61, 17),  # AU 12, 15, 25
    ("mouth corner, left", 0, 291, 17),
    ("upper lip over the corners", 61, 0, 291),  # AU 12, 15
    ("lower lip under the corners", 61, 17, 291),
    ("brow arch, right", 70, 105, 55),  # AU 1, 2, 4
    ("brow arch, left", 285, 334, 300),
    ("inner eye corner, right", 159, 133, 145),  # AU 5, 7
    ("inner eye corner, left", 386, 362, 374),
    ("chin", 172, 152, 397),  # AU 17, 26
)
#: How far each mouth corner lies above the lips' middle.
_CORNERS, _LIPS = (61, 291), (0, 13, 14, 17)
#: Outer eye corners, forehead, chin: the frame of the head.
_RIGHT, _LEFT, _TOP, _CHIN = 33, 263, 10, 152


class FaceMeshParams(Params):
    """Parameters of `FaceMesh`: which groups of numbers the vector holds.

    Attributes
    ----------
    coordinates : bool
        x, y and depth of each point.
    units : bool
        Distances and angles that follow FACS action units.
    """

    coordinates: bool = True
    units: bool = True


class FaceMesh(Extractor):
    """Geometry of the 468 points of MediaPipe's face mesh, free of the head's place, size and pose.

    The origin lies midway between the outer eye corners, their distance is 1, and the head is turned upright
    and to the front: x along the eye corners (to the image's right), y from forehead to chin, depth across
    both. In this order:

    ==========================  ====  ==============================================================
    group                       size  what
    ==========================  ====  ==============================================================
    coordinates                 1404  x, y and depth of the 468 points
    units                         35  `AU_DISTANCES` (24), `AU_ANGLES` over pi (9), and how far the right
                                      and the left mouth corner lie above the lips' middle (2)
    found                          1  1 if the network sees a face, else 0
    ==========================  ====  ==============================================================
    """

    name = "facemesh"
    size = 144
    channels = 3
    parallel = "none"
    licence = "Apache-2.0"
    source = "Kartynnik et al. 2019; MediaPipe face_landmark.tflite, Google"
    Params = FaceMeshParams
    params: FaceMeshParams

    @property
    def dim(self) -> int:
        """1404 + 35, as far as asked for, and 1."""
        units = len(AU_DISTANCES) + len(AU_ANGLES) + len(_CORNERS)
        return self.params.coordinates * 3 * mesh.POINTS + self.params.units * units + 1

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the network's file."""
        return tflite.sha256("face_landmark")

    def fallbacks(self, X: NDArray[np.float32]) -> int:
        """Count the crops in which the network sees no face: the last component is 0."""
        return int(np.count_nonzero(X[:, -1] == 0))

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float64]:
        points, presence = mesh.fit_crops(batch)
        xyz = frontal(points)
        groups = [xyz.reshape(len(xyz), -1)] if self.params.coordinates else []
        groups += [unit_geometry(xyz)] if self.params.units else []
        return np.hstack([*groups, (presence >= mesh.PRESENT)[:, None]])


def frontal(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring (n, 468, 3) points to the frame of the head: eye corners' midpoint 0, their distance 1."""
    right, left = points[:, _RIGHT], points[:, _LEFT]
    across = left - right
    # Corners less than a pixel apart are a failed fit: the scale is bounded so that the vector stays finite.
    length = np.maximum(np.linalg.norm(across, axis=1), 1.0)
    x = _unit(across)
    down = points[:, _CHIN] - points[:, _TOP]
    y = _unit(down - np.einsum("ni,ni->n", down, x)[:, None] * x)
    axes = np.stack([x, y, np.cross(x, y)], axis=1) / length[:, None, None]
    return np.einsum("nij,npj->npi", axes, points - ((right + left) / 2)[:, None])


def unit_geometry(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 35) of frontal (n, 468, 3) points: distances, angles over pi, mouth corners' rise."""
    distances = [np.linalg.norm(xyz[:, a] - xyz[:, b], axis=1) for _, a, b in AU_DISTANCES]
    angles = [_angle(xyz[:, a] - xyz[:, b], xyz[:, c] - xyz[:, b]) / np.pi for _, a, b, c in AU_ANGLES]
    rise = xyz[:, _LIPS, 1].mean(axis=1, keepdims=True) - xyz[:, _CORNERS, 1]
    return np.hstack([np.stack(distances + angles, axis=1), rise])


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _angle(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angle in 0..pi between the rows of u and v; 0 where either is 0."""
    cross = np.linalg.norm(np.cross(u, v), axis=1)
    return np.abs(np.arctan2(cross, np.einsum("ni,ni->n", u, v)))
