"""Some samples of a set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.base import Samples


class SubsetSamples:
    """Some of other samples, in an order of their own.

    Parameters
    ----------
    samples : Samples
    indices : (n,) int
    """

    def __init__(self, samples: Samples, indices: NDArray[np.intp]) -> None:
        self.samples, self.indices = samples, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self.samples[int(self.indices[index])]
