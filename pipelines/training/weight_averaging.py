"""The average of the weights of the last epochs: often better than any of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.npz_files import read_npz
from pipelines.training.checkpoint import replace_npz

_EPOCHS = "#epochs"


class Average:
    """A running sum of weights on disk, so that a killed training goes on with it.

    Running means and variances of normalisation layers are averaged like the weights.

    Parameters
    ----------
    path : Path
        The file.

    References
    ----------
    Izmailov et al.: "Averaging weights leads to wider optima and better generalization", UAI 2018.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, epoch: int, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """Add the weights of an epoch, but for one that is in already: it was done again after a kill."""
        epochs, total = self._load()
        if epoch in epochs:
            return
        total = {name: t + total.get(name, 0.0) for name, t in tensors.items()}
        replace_npz(self.path, {_EPOCHS: np.array([*epochs, epoch]), **total})

    def mean(self) -> dict[str, NDArray[np.float32]]:
        """Return the average; empty if nothing was added."""
        epochs, total = self._load()
        return {name: np.asarray(t / len(epochs), np.float32) for name, t in total.items()}

    def _load(self) -> tuple[list[int], dict[str, NDArray[Any]]]:
        if not self.path.is_file():
            return [], {}
        try:
            total = read_npz(self.path)
            return total.pop(_EPOCHS).tolist(), total
        except (ValueError, KeyError):
            raise ValueError(
                f"{self.path} is damaged; remove it and state.npz beside it to train from the start"
            ) from None
