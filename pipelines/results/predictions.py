"""The predictions behind a row."""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile

_NEEDED = ("ids", "true", "predicted", "scores", "classes", "clean", "probabilistic")


@dataclass(frozen=True)
class Predictions:
    """What a head said of each test sample.

    Attributes
    ----------
    ids : (n,) str
    true, predicted : (n,) int
        Indices into `classes`.
    scores : (n, k) float32
    classes : (k,) str
    clean : (n,) bool
        Whether the sample is in the split test-clean.
    probabilistic : bool
        Whether each row of `scores` is a probability distribution.
    groups : (n,) str
        Subject of each sample; empty where subjects are not known.
    """

    ids: NDArray[np.str_]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    scores: NDArray[np.float32]
    classes: NDArray[np.str_]
    clean: NDArray[np.bool_]
    probabilistic: bool
    groups: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, dtype=np.str_))

    def save(self, path: Path) -> None:
        """Write to an .npz file, whole or not at all."""
        with AtomicFile(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **asdict(self))


def load_predictions(path: Path) -> Predictions:
    """Read what `Predictions.save` wrote.

    Raises
    ------
    ValueError
        If the file is not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as found:
            # Files from before subjects were kept have no groups.
            columns = {
                f.name: found[f.name] for f in fields(Predictions) if f.name in {*found.files, *_NEEDED}
            }
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no predictions: {error}") from None
    columns["probabilistic"] = bool(columns["probabilistic"])
    return Predictions(**columns)
