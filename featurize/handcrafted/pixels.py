"""The image itself: the baseline every other extractor must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from featurize.base import Extractor


class Pixels(Extractor):
    """Grey values in 0..1 of the 48x48 image, row by row."""

    name = "pixels"
    size = 48
    channels = 1

    @property
    def dim(self) -> int:
        """2304 = 48 x 48."""
        return self.size * self.size

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return batch.reshape(len(batch), -1).astype(np.float32) / np.float32(255)
