"""The predictions behind a row."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.npz_files import read_npz
from featurize.suggest import error_words

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
        found = read_npz(path)
        # Files from before subjects were kept have no groups.
        columns: dict[str, Any] = {f.name: found[f.name] for f in fields(Predictions) if f.name in found}
        _check(columns)
    except FileNotFoundError:
        raise ValueError(f"{path} holds no predictions: there is no such file; {_AGAIN}") from None
    except OSError as error:
        raise ValueError(f"{path} holds no predictions: {error_words(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path} holds no predictions: {error}; {_AGAIN}") from None
    columns["probabilistic"] = bool(columns["probabilistic"])
    return Predictions(**columns)


#: What to do about a file that is gone or damaged.
_AGAIN = "run the same comparison or fit again: it computes what is missing"


def _check(columns: dict[str, Any]) -> None:
    """Raise a `ValueError` unless these are the predictions of one run, of shapes that go together."""
    if missing := [name for name in _NEEDED if name not in columns]:
        raise ValueError(f"it has no {missing[0]}")
    n, k = columns["ids"].shape, columns["classes"].shape
    each = ("true", "predicted", "clean", *(["groups"] if columns.get("groups", np.empty(0)).size else []))
    if len(n) != 1 or len(k) != 1 or _odd_shape(columns, dict.fromkeys(each, n) | {"scores": (*n, *k)}):
        raise ValueError("its arrays do not go together")
    for name in ("true", "predicted"):
        values = columns[name]
        if values.dtype.kind not in "iu" or (values.size and not 0 <= values.min() <= values.max() < k[0]):
            raise ValueError(f"{name} holds something that is no class")


def _odd_shape(columns: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> str:
    """Return the name of the first array of another shape; "" if there is none."""
    return next((name for name, shape in shapes.items() if columns[name].shape != shape), "")
