"""A data set's index as a Parquet table beside its images: a million faces open in seconds.

A row holds a sample's name, label, split, subject and digest, and where its bytes are: a file of its own,
or a span of a .tar shard. Images are decoded once, when the index is written; opening it looks at sizes and
times of change only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.images import DECODE_VERSION, Image, decode
from featurize.walk import Fault
from pipelines.datasets.base import Dataset
from pipelines.datasets.label_words import test_splits

#: File name of an index beside the images that it is of.
NAME = "index.parquet"
#: What the table's own metadata say; another number means that it is to be written again.
FORMAT = 1
_KEY = b"mueca.index"
#: Rows of one group of the file: what is read to look one sample up.
_GROUP = 65_536
COLUMNS = ("name", "label", "split", "subject", "hash", "blank", "file", "offset", "bytes", "mtime_ns")


def _schema(about: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    words = {"name", "label", "split", "subject", "hash", "file"}
    few = {"label", "split", "file"}
    kinds = {name: pa.string() for name in words} | {"blank": pa.bool_()}
    kinds |= {name: pa.dictionary(pa.int32(), pa.string()) for name in few}
    fields = [(name, kinds.get(name, pa.int64())) for name in COLUMNS]
    return pa.schema(fields, metadata={_KEY: json.dumps({"format": FORMAT, **about}).encode()})


def write(path: Path, columns: Mapping[str, Sequence[Any]], about: Mapping[str, Any]) -> None:
    """Write an index.

    Parameters
    ----------
    path : Path
    columns : mapping
        Each of `COLUMNS`: `subject` may be None throughout; `file` is below the folder of the images, and
        `offset` 0 for a file of its own.
    about : mapping
        JSON types: ``root`` (folder of the images), ``title``, ``faults``, ``files`` (of shards).

    Raises
    ------
    OSError
        If it cannot be written; an older one is left as it was.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {"decode": DECODE_VERSION} | dict(about)
    table = pa.table({name: list(columns[name]) for name in COLUMNS}).cast(_schema(about))
    path.parent.mkdir(parents=True, exist_ok=True)
    with AtomicFile(path) as temporary:
        pq.write_table(table, temporary, row_group_size=_GROUP)


def about(path: Path) -> dict[str, Any] | None:
    """Return what an index says of itself; None if the file is none of ours, or of another version."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = (pq.read_schema(path).metadata or {}).get(_KEY)
        said: dict[str, Any] = json.loads(found) if found else {}
    except (pa.ArrowException, OSError, ValueError):
        return None
    return said if (said.get("format"), said.get("decode")) == (FORMAT, DECODE_VERSION) else None


class IndexedSamples:
    """Images by an index; pickles as its path, and opens it where it is asked for an image."""

    def __init__(self, path: Path, root: Path, rows: NDArray[np.intp] | None = None) -> None:
        self.path, self.root, self._rows = path, root, rows

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "root": self.root, "_rows": self._rows}

    @cached_property
    def _table(self) -> Any:
        import pyarrow.parquet as pq

        return pq.read_table(self.path, columns=["file", "offset", "bytes", "blank"], memory_map=True)

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """Which are blank, as seen when the index was written."""
        found = self._table["blank"].to_numpy()
        return found if self._rows is None else found[self._rows]

    def __len__(self) -> int:
        return self._table.num_rows if self._rows is None else len(self._rows)

    def __getitem__(self, index: int) -> Image:
        at = int(index) if self._rows is None else int(self._rows[index])
        file, offset, size = (self._table[name][at].as_py() for name in ("file", "offset", "bytes"))
        path = self.root / file
        with path.open("rb") as opened:
            opened.seek(offset)
            return decode(opened.read(size), f"{path}@{offset}" if offset else str(path))


def load(path: Path, strict: bool = False) -> Dataset:
    """Load a data set by its index; no image is read.

    Raises
    ------
    ValueError, FileNotFoundError
        One line: no index of ours; files that changed since it was written, or are not there.
    """
    import pyarrow.parquet as pq

    said = about(path)
    if said is None:
        raise ValueError(f"{path}: no index of this version of mueca; write it anew: mueca data index FOLDER")
    root = path.parent if said["root"] is None else Path(said["root"])
    table = pq.read_table(path, columns=["name", "label", "split", "subject", "hash"], memory_map=True)
    _check_files(path, root, said)
    faults = tuple(Fault(*each) for each in said["faults"])
    if strict and faults:
        raise ValueError(f"{faults[0].path}: {faults[0].reason} ({len(faults)} unreadable in all)")
    classes, labels = np.unique(table["label"].to_numpy(zero_copy_only=False), return_inverse=True)
    split = table["split"].to_numpy(zero_copy_only=False).astype(np.str_)
    subjects = table["subject"].to_numpy(zero_copy_only=False)
    return Dataset(
        name=said["title"],
        classes=tuple(map(str, classes)),
        ids=table["name"].to_numpy(zero_copy_only=False).astype(np.str_),
        labels=labels.astype(np.int64),
        split=split,
        samples=IndexedSamples(path, root),
        digests=table["hash"].to_numpy(zero_copy_only=False).astype(np.str_),
        groups=None if any(s is None for s in subjects) else subjects.astype(np.str_),
        test_splits=test_splits(split),
        faults=faults,
    )


def _check_files(path: Path, root: Path, said: Mapping[str, Any]) -> None:
    """Refuse files whose size or time of change is another than when the index was written."""
    import pyarrow.parquet as pq

    if said.get("files") is not None:  # shards: a few, however many samples they hold
        known: Iterable[tuple[str, int, int]] = [tuple(each) for each in said["files"]]
    else:
        table = pq.read_table(path, columns=["file", "bytes", "mtime_ns"], memory_map=True)
        columns = (table[n].to_pylist() for n in ("file", "bytes", "mtime_ns"))
        known = zip(*columns, strict=True)
    changed = [name for name, size, time in known if _now(root / name) != (size, time)]
    if changed:
        raise ValueError(
            f"{path}: {len(changed):,} files changed or went since it was written (the first: {changed[0]}); "
            f"write it anew: mueca data index {root}"
        )


def _now(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a million of them
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def index_of(dataset: Dataset, root: Path) -> tuple[dict[str, Sequence[Any]], dict[str, Any]]:
    """Return the columns of a data set whose samples are whole files, and what the index says of itself.

    Raises
    ------
    ValueError
        If its samples are no files, or parts of files.
    """
    samples: Any = dataset.samples
    if getattr(samples, "names", None) is None or getattr(samples, "boxes", None):
        raise ValueError(f"{dataset.name}: an index is of images that are whole files, or of .tar shards")
    n, status = len(dataset), [os.stat(samples.root / name) for name in samples.names]  # noqa: PTH116
    columns: dict[str, Sequence[Any]] = {
        "name": dataset.ids.tolist(),
        "label": np.array(dataset.classes)[dataset.labels].tolist(),
        "split": dataset.split.tolist(),
        "subject": [None] * n if dataset.groups is None else dataset.groups.tolist(),
        "hash": dataset.digests.tolist(),
        "blank": samples.blank.tolist(),
        "file": [os.path.relpath(samples.root / name, root) for name in samples.names],
        "offset": [0] * n,
        "bytes": [one.st_size for one in status],
        "mtime_ns": [one.st_mtime_ns for one in status],
    }
    faults = [[fault.path, fault.reason] for fault in dataset.faults]
    return columns, {"root": None, "title": dataset.name, "faults": faults, "files": None}
