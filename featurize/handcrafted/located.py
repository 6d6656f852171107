"""What the extractors share that ask for the 68 points of a face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurize import faces
from featurize.base import Extractor


class Located(Extractor):
    """An extractor on dlib's 68 points; a vector's last component is 0 where they come from the fixed box."""

    size = faces.CROP_SIZE
    channels = 1
    parallel = "processes"
    licence = "not for commercial use (the 68-point model was trained on iBUG 300-W)"

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of dlib's 68-point model."""
        return faces.model_sha256("68-points")

    def fallbacks(self, X: NDArray[np.float32]) -> int:
        """Count the faces whose points come from the fixed box: the last component is 0."""
        return int(np.count_nonzero(X[:, -1] == 0))
