"""What the extractors share that ask for the 68 points of a face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from featurize import faces, mesh, tflite
from featurize.base import Extractor, ExtractorSpec

#: The point of the face mesh for each of the 68 of 300-W. On 632 faces of FER2013's training split its median
#: distance from dlib's point is .04 to .08 distances of the eyes within the face, .1 to .16 along the jaw.
MESH_68 = (
    127, 227, 177, 215, 172, 136, 149, 148, 152, 377, 378, 365, 397, 435, 401, 447, 356,  # jaw
    70, 63, 105, 66, 55, 285, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # lips, outside
    78, 82, 13, 312, 308, 317, 14, 87,  # lips, inside
)  # fmt: skip


class Located(Extractor):
    """An extractor on the 68 points of a face; a vector's last component is 0 where no face was found.

    The points are dlib's, in the fixed box where its detector finds no face. Of a subclass whose parameter
    `points` is "mesh" they are those of MediaPipe's face mesh (`MESH_68`), whose licence is free.
    """

    size = faces.CROP_SIZE
    channels = 1
    parallel = "processes"
    licence = "not for commercial use (the 68-point model was trained on iBUG 300-W)"

    @property
    def by_mesh(self) -> bool:
        """Whether the points are the face mesh's."""
        return getattr(self.params, "points", None) == "mesh"

    @property
    def spec(self) -> ExtractorSpec:
        """The extractor's `ExtractorSpec`; licence and source are those of where the points come from."""
        spec = super().spec
        if not self.by_mesh:
            return spec
        others = [part for part in self.source.split("; ") if not part.startswith("dlib")]
        source = "; ".join([*others, "MediaPipe face_landmark.tflite, Google"])
        return replace(spec, licence="Apache-2.0 (points), MIT", source=source)

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the model that finds the points."""
        return tflite.sha256("face_landmark") if self.by_mesh else faces.model_sha256("68-points")

    def fallbacks(self, X: NDArray[np.float32]) -> int:
        """Count the faces that were not found: the last component is 0."""
        return int(np.count_nonzero(X[:, -1] == 0))

    def _located(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the (n, 68, 2) points of (n, 144, 144) crops, and which faces were found (n,)."""
        return mesh_68(crops) if self.by_mesh else faces.locate(crops)


def mesh_68(crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return 68 points of the face mesh in each crop, and whether there is a face; as `faces.locate`.

    Parameters
    ----------
    crops : (n, h, w) or (n, h, w, 3) uint8
        Framed as FER2013's faces are.

    Returns
    -------
    points : ndarray of shape (n, 68, 2), float64
        x, y in pixels of the crop, numbered as in 300-W.
    found : ndarray of shape (n,), bool
    """
    points, presence = mesh.fit_crops(crops)
    return points[:, list(MESH_68), :2], presence >= mesh.PRESENT
