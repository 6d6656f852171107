"""Vectors as files for other tools: ids, labels, splits and one column a dimension."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.extras import require
from featurize.paths import expanded
from featurize.registry import parse
from pipelines.datasets.base import Dataset

FORMATS = (".npz", ".npy", ".csv", ".parquet")
#: Rows turned into text or columns at a time, so that memory stays bounded.
_ROWS = 4096


def check_format(path: Path) -> None:
    """Refuse a file name whose ending is none of `FORMATS`, before anything is computed.

    Raises
    ------
    ValueError
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"cannot write {path.name}: give a name that ends in {', '.join(FORMATS)}")


def write_vectors(path: Path, dataset: Dataset, X: NDArray[np.float32]) -> list[Path]:
    """Write the vectors of a whole data set; return the files written.

    Parameters
    ----------
    path : Path
        Its ending is the format. ``.npz`` holds X, ids, labels, split, classes. ``.npy`` holds X alone, and
        ``NAME.ids.csv`` beside it the rest. ``.csv`` and ``.parquet`` hold a row a sample: id, label, split,
        f0, f1, ...
    dataset : Dataset
    X : (n, d) float32 or float16, or what reads them

    Raises
    ------
    ValueError
        If the ending is none of `FORMATS`.
    OSError
        If the file cannot be written; an older one is then left as it was.
    """
    check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *more = vector_files(path)
    if not more:
        return [
            _whole(path, {".npz": _npz, ".csv": _csv, ".parquet": _parquet}[path.suffix.lower()], dataset, X)
        ]
    return [_whole(first, _npy, dataset, X), _whole(more[0], _csv, dataset, X[:, :0])]


def weights_read(backbone: str) -> list[Path]:
    """Return the weight files that an extractor expression gives by their paths."""
    given = [str(getattr(part.params, "weights", "")) for part in parse(backbone)]
    return [path for text in given if text and (path := expanded(text)).is_file()]


def vector_files(path: Path) -> list[Path]:
    """Return the files that `write_vectors` makes."""
    beside = [path.with_name(f"{path.stem}.ids.csv")] if path.suffix.lower() == ".npy" else []
    return [path, *beside]


def _whole(
    path: Path,
    write: Callable[[Path, Dataset, NDArray[np.float32]], None],
    dataset: Dataset,
    X: NDArray[np.float32],
) -> Path:
    """Write to a temporary file and rename it into place."""
    with AtomicFile(path) as temporary:
        write(temporary, dataset, X)
    return path


def _names(dataset: Dataset) -> NDArray[np.str_]:
    return np.array(dataset.classes)[dataset.labels]


def _npz(path: Path, dataset: Dataset, X: NDArray[np.float32]) -> None:
    np.savez(
        path,
        X=X,
        ids=dataset.ids,
        labels=dataset.labels,
        split=dataset.split,
        classes=np.array(dataset.classes),
    )


def _npy(path: Path, dataset: Dataset, X: NDArray[np.float32]) -> None:
    np.save(path, np.ascontiguousarray(X), allow_pickle=False)


def _csv(path: Path, dataset: Dataset, X: NDArray[np.float32]) -> None:
    names = _names(dataset)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "label", "split", *(f"f{i}" for i in range(X.shape[1]))])
        for start in range(0, len(X), _ROWS):
            part = slice(start, start + _ROWS)
            keys = zip(dataset.ids[part], names[part], dataset.split[part], strict=True)
            values = X[part].tolist()
            writer.writerows([*key, *row] for key, row in zip(keys, values, strict=True))


def _parquet(path: Path, dataset: Dataset, X: NDArray[np.float32]) -> None:
    pa, pq = require("pyarrow"), require("pyarrow.parquet")

    names = _names(dataset)
    columns: list[tuple[str, Any]] = [("id", pa.string()), ("label", pa.string()), ("split", pa.string())]
    schema = pa.schema(columns + [(f"f{i}", pa.float32()) for i in range(X.shape[1])])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(X), _ROWS):
            part = slice(start, start + _ROWS)
            texts = [pa.array(c[part].tolist(), pa.string()) for c in (dataset.ids, names, dataset.split)]
            block = np.asfortranarray(X[part], np.float32)
            writer.write_table(pa.table([*texts, *(block[:, i] for i in range(X.shape[1]))], schema=schema))
