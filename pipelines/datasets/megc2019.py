"""The composite of MEGC 2019 as motion maps: 28x28 pictures of onset-to-apex motion.

Each clip is one RGB picture: horizontal flow, vertical flow and optical strain, each stretched to 0..255 over
the clip. 442 clips, 68 subjects: CASME II 145, SMIC 164, SAMM 133 (See et al., FG 2019). No faces are in it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from featurize.images import decode
from pipelines.datasets.base import Dataset, Fault, sample_digest
from pipelines.datasets.clip_labels import MEGC2019
from pipelines.datasets.clips import refuse

COLUMNS = ("file", "dataset", "subject", "label")


def load(path: Path | str, *, strict: bool = False) -> Dataset:
    """Load motion maps listed in an ``index.csv`` (file, dataset, subject, label).

    Parameters
    ----------
    path : Path or str
        The folder of ``index.csv``, or an archive of it (.tar.xz, .tar.gz, .tar, .zip), which is read and not
        unpacked. Files are named below the folder of the index.
    strict : bool
        Raise on a map that cannot be used, instead of leaving it out and listing it in ``faults``.

    Returns
    -------
    Dataset
        Kind "flow"; samples (h, w, 3) uint8, all of one size; `split` the set that the clip comes from
        ("casme2", "smic", "samm"), "test" all of them; `groups` "casme2/sub01" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = Path(path).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"megc2019: no such folder or archive {root}")
    files = _folder(root) if root.is_dir() else _archive(root)
    rows = _index(root, files)
    kept: list[tuple[dict[str, str], NDArray[np.uint8]]] = []
    faults = []
    for row in rows:
        try:
            kept.append((row, _map(row, files, kept[0][1] if kept else None)))
        except ValueError as error:
            faults.append(Fault(f"{root}/{row['file']}", str(error)))
    refuse("megc2019", root, faults, strict, len(kept))
    return _dataset([r for r, _ in kept], np.stack([m for _, m in kept]), tuple(faults))


def _folder(root: Path) -> dict[str, bytes]:
    names = [p for p in root.rglob("*") if p.suffix.lower() in (".png", ".csv")]
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in names}


def _archive(path: Path) -> dict[str, bytes]:
    from pipelines.datasets.archive import opened

    with opened(path) as members:
        read = {m.name: m.read() for m in members if m.name.lower().endswith((".png", ".csv"))}
    index = next((name for name in sorted(read, key=len) if PurePosixPath(name).name == "index.csv"), "")
    base = str(PurePosixPath(index).parent)
    prefix = "" if base == "." else base + "/"
    return {name.removeprefix(prefix): data for name, data in read.items() if name.startswith(prefix)}


def _index(root: Path, files: dict[str, bytes]) -> list[dict[str, str]]:
    if "index.csv" not in files:
        raise ValueError(f"{root}: no index.csv with the columns {', '.join(COLUMNS)}")
    rows = list(csv.DictReader(io.StringIO(files["index.csv"].decode("utf-8-sig", "replace"))))
    missing = [name for name in COLUMNS if not rows or rows[0].get(name) is None]
    if missing:
        raise ValueError(f"{root}: index.csv has no column {', '.join(missing)}, or no rows")
    return rows


def _map(row: dict[str, str], files: dict[str, bytes], first: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if row["label"] not in MEGC2019:
        raise ValueError(f"unknown label {row['label']!r}; known: {', '.join(MEGC2019)}")
    if not row["subject"]:
        raise ValueError("index.csv names no subject")
    if row["file"] not in files:
        raise ValueError("no such file")
    picture = decode(files[row["file"]], row["file"])
    if picture.ndim != 3 or (first is not None and picture.shape != first.shape):
        raise ValueError(f"{picture.shape} is not the shape of an RGB motion map of this set")
    return picture


def _dataset(rows: list[dict[str, str]], maps: NDArray[np.uint8], faults: tuple[Fault, ...]) -> Dataset:
    origins = np.array([row["dataset"] for row in rows])
    classes = tuple(name for name in MEGC2019 if any(row["label"] == name for row in rows))
    return Dataset(
        name="megc2019",
        classes=classes,
        ids=np.array([row["file"] for row in rows]),
        labels=np.array([classes.index(row["label"]) for row in rows], np.int64),
        split=origins,
        samples=maps,
        digests=np.array([sample_digest(m) for m in maps]),
        groups=np.array([f"{row['dataset']}/{row['subject']}" for row in rows]),
        kind="flow",
        test_splits={"test": tuple(dict.fromkeys(origins.tolist()))},
        faults=faults,
    )
