"""The composite of MEGC 2019 as motion maps: 28x28 images of onset-to-apex motion.

Each clip is one RGB image: horizontal flow, vertical flow and optical strain, each stretched to 0..255 over
the clip. 442 clips, 68 subjects: CASME II 145, SMIC 164, SAMM 133 (See et al., FG 2019). No faces are in it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from featurize.file_kinds import ending_of, examine
from featurize.images import decode
from featurize.paths import expanded
from featurize.walk import Fault, hidden_path
from pipelines.datasets.base import Dataset, sample_digest
from pipelines.datasets.micro_expressions.clip_folders import alike, parts_of
from pipelines.datasets.micro_expressions.clips import refuse
from pipelines.datasets.micro_expressions.labels import MEGC2019
from pipelines.datasets.published.about import About
from pipelines.utils.cells import clean, problem_of
from pipelines.utils.read_table import ENDINGS, Columns, parse_table

log = logging.getLogger(__name__)

ABOUT = About(
    "MEGC 2019 composite as motion maps (See et al. 2019)",
    "made of CASME II, SMIC and SAMM, each to be asked for",
    "that of the three sets",
    {"casme2": 145, "smic": 164, "samm": 133},
    "the real set",
)

NAMES = ("file", "dataset", "subject", "label")
COLUMNS = Columns(
    {
        "file": ("file", "filename", "path", "image"),
        "dataset": ("dataset", "database", "set"),
        "subject": ("subject", "sub", "subjectid"),
        "label": ("label", "class", "emotion"),
    },
    NAMES,
)
_ENDINGS = (".png", *ENDINGS)
_INDEX = re.compile(r"index\.(csv|tsv|xlsx|xlsm)", re.IGNORECASE)


@dataclass(frozen=True)
class _Row:
    line: int
    file: str
    dataset: str
    subject: str
    label: str
    problem: str = ""


def load(path: Path | str, *, strict: bool = False) -> Dataset:
    """Load motion maps listed in an ``index.csv`` (file, dataset, subject, label).

    Parameters
    ----------
    path : Path or str
        The folder of ``index.csv``, or an archive of it (.tar.xz, .tar.gz, .tar, .zip), which is read and not
        unpacked. Files are named below the folder of the index, with slashes of either kind. The index may
        also be ``index.xlsx``, see `pipelines.utils.read_table`; upper case in labels, names of sets and of
        files does not matter.
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
    root = expanded(path)
    if not root.exists():
        raise FileNotFoundError(f"megc2019: no such folder or archive {root}")
    files = _folder(root) if root.is_dir() else _archive(root)
    index = next((name for name in files if _INDEX.fullmatch(name)), None)
    if index is None:
        raise ValueError(f"{root}: no index.csv with the columns {', '.join(NAMES)}")
    rows, faults = _told_apart(_rows(f"{root}/{index}", files[index], _Names(files)))
    kept: list[tuple[_Row, NDArray[np.uint8]]] = []
    for row in rows:
        try:
            kept.append((row, _map(row, files, kept[0][1] if kept else None)))
        except ValueError as error:
            faults.append((row, str(error)))
    named = [Fault(f"{root}/{row.file} ({index}, row {row.line})", _reason(root / row.file, reason))
             for row, reason in faults]  # fmt: skip
    refuse("megc2019", root, named, strict, len(kept))
    return _dataset([r for r, _ in kept], np.stack([m for _, m in kept]), tuple(named))


def _reason(path: Path, otherwise: str) -> str:
    """Return why a map is not there: of a dead link that it is one."""
    return examine(path).reason() if path.is_symlink() and not path.exists() else otherwise


def _folder(root: Path) -> dict[str, bytes]:
    paths = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if ending_of(p.name) in _ENDINGS}
    whole = {n: p.read_bytes() for n, p in paths.items() if p.is_file() and not hidden_path(n)}
    return _below_index(whole)


def _archive(path: Path) -> dict[str, bytes]:
    from pipelines.datasets.archive import opened

    with opened(path) as members:
        return _below_index({m.name: m.read() for m in members if m.name.lower().endswith(_ENDINGS)})


def _below_index(read: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files in the folder of the index that lies highest, by their paths below it."""
    places = sorted(read, key=lambda name: (name.count("/"), name))
    index = next((name for name in places if _INDEX.fullmatch(PurePosixPath(name).name)), "")
    base = str(PurePosixPath(index).parent)
    prefix = "" if base == "." else base + "/"
    return {name.removeprefix(prefix): data for name, data in read.items() if name.startswith(prefix)}


class _Names:
    """Finds files by paths as people write them: other case or slashes, more or fewer folders before."""

    def __init__(self, names: Iterable[str]) -> None:
        self._whole: dict[str, list[str]] = {}
        self._tails: dict[str, list[str]] = {}
        for name in names:
            self._whole.setdefault(_key(name), []).append(name)
            parts = name.split("/")
            for start in range(1, len(parts)):
                self._tails.setdefault(_key("/".join(parts[start:])), []).append(name)

    def found(self, text: str) -> str:
        """Return the file that is meant, the path itself if there is none.

        Raises
        ------
        ValueError
            If two fit equally well.
        """
        parts = parts_of(text)
        whole, *shorter = ("/".join(parts[start:]) for start in range(max(1, len(parts))))
        looked = [self._whole.get(_key(path), []) for path in (whole, *shorter)]
        names = next(filter(None, [looked[0], self._tails.get(_key(whole), []), *looked[1:]]), [whole])
        if len(names) > 1 and whole not in names:
            raise ValueError(f"fits both {names[0]} and {names[1]}; write the whole path as it is")
        return names[0] if len(names) == 1 else whole


def _key(name: str) -> str:
    return clean(name).casefold()


def _rows(index: str, data: bytes, names: _Names) -> list[_Row]:
    """Return the rows of the index: files as they are called, labels in lower case, one name a person."""
    table = parse_table(data, index, COLUMNS)
    if not table.rows:
        raise ValueError(f"{index}: no rows below its header")
    origins: dict[str, str] = {}
    people: dict[tuple[str, str], str] = {}
    rows: list[_Row] = []
    merged: dict[str, str] = {}
    for line, cells in table.rows:
        origin = origins.setdefault(_key(cells["dataset"]), str(cells["dataset"]))
        subject = people.setdefault((origin, alike(cells["subject"])), str(cells["subject"]))
        merged |= {str(cells["subject"]): subject} if cells["subject"] != subject else {}
        file, problem = str(cells["file"]), problem_of(cells["label"])
        try:
            file = names.found(file)
        except ValueError as error:
            problem = str(error)
        rows.append(_Row(line, file, origin, subject, cells["label"].lower(), problem))
    for spelling, subject in merged.items():
        log.warning("%s: the subjects %s and %s are taken for one person", index, subject, spelling)
    return rows


def _told_apart(rows: Sequence[_Row]) -> tuple[list[_Row], list[tuple[_Row, str]]]:
    """Return the rows with a file of their own; repeated rows, and rows that differ, are faults."""
    of_file: dict[str, list[_Row]] = {}
    for row in rows:
        of_file.setdefault(row.file, []).append(row)
    kept, faults = [], []
    for first, *more in of_file.values():
        if all(replace(row, line=first.line) == first for row in more):
            kept.append(first)
            faults += [
                (row, f"the index has this row more than once; the first is row {first.line}") for row in more
            ]
        else:
            lines = ", ".join(str(row.line) for row in (first, *more))
            faults.append((first, f"the index has this file more than once (rows {lines}), and they differ"))
    return kept, faults


def _map(row: _Row, files: dict[str, bytes], first: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    if row.problem:
        raise ValueError(row.problem)
    if row.label not in MEGC2019:
        raise ValueError(f"unknown label {row.label!r}; known: {', '.join(MEGC2019)}")
    if not row.subject:
        raise ValueError("the index names no subject")
    if row.file not in files:
        raise ValueError("no such file; paths in the index begin at its own folder")
    image = decode(files[row.file], row.file)
    if image.ndim != 3 or (first is not None and image.shape != first.shape):
        raise ValueError(f"{image.shape} is not the shape of an RGB motion map of this set")
    return image


def _dataset(rows: list[_Row], maps: NDArray[np.uint8], faults: tuple[Fault, ...]) -> Dataset:
    origins = np.array([row.dataset for row in rows])
    classes = tuple(name for name in MEGC2019 if any(row.label == name for row in rows))
    return Dataset(
        name="megc2019",
        classes=classes,
        ids=np.array([row.file for row in rows]),
        labels=np.array([classes.index(row.label) for row in rows], np.int64),
        split=origins,
        samples=maps,
        digests=np.array([sample_digest(m) for m in maps]),
        groups=np.array([f"{row.dataset}/{row.subject}" for row in rows]),
        kind="flow",
        test_splits={"test": tuple(dict.fromkeys(origins.tolist()))},
        faults=faults,
    )
