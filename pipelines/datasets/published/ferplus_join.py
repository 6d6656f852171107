"""Whose votes a row of FER+ holds: by the image's name, by the row of fer2013.csv, or by pixels."""

from __future__ import annotations

import contextlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from featurize.walk import Fault, hidden_path
from pipelines.datasets import archive
from pipelines.datasets.base import Dataset
from pipelines.datasets.fer2013.csv_form import USAGES, read_rows
from pipelines.datasets.published.about import WORDS
from pipelines.datasets.published.ferplus_targets import COLUMNS
from pipelines.utils.cells import heading_key, problem_of
from pipelines.utils.progress import Progress
from pipelines.utils.read_table import Columns, MissingColumnsError, parse_table
from pipelines.utils.table_text import open_text

log = logging.getLogger(__name__)

_HEADINGS = {name: tuple(w for w, c in WORDS.items() if c == name) for name in COLUMNS[:8]}
SHEET = Columns(
    {
        "file": ("file",),
        "usage": ("usage",),
        "name": ("imagename",),
        **_HEADINGS,
        "unknown": ("unknown",),
        "NF": ("nf",),
    },
    COLUMNS,
)
#: Root of the mean square difference, in grey levels, from which two images are two faces: JPEG's loss is
#: under 3 on FER2013, and other faces differ by 20 and more.
FAR = 8.0
#: Rows whose votes are looked for among the nearest.
_NEAREST = 8
_ROW = re.compile(r".*/row-(\d+)")


@dataclass
class Votes:
    """Votes and whose they are.

    Attributes
    ----------
    ids : list of str
        Faces of FER2013.
    votes : (n, 10) float64
    how : str
        By what they were joined, in words.
    faults : list of Fault
    """

    ids: list[str]
    votes: NDArray[np.float64]
    how: str = ""
    faults: list[Fault] = field(default_factory=list)


@dataclass
class Sheet:
    """What a source holds.

    Attributes
    ----------
    name : str
        Of the table of votes.
    files : list of str or None
        The image of each row, where the table names it.
    usages : list of str or None
        The split of each row, where the table names it.
    votes : (n, 10) float64
        A row of zeros where there is no face.
    gone : (n,) bool
        Images that the authors took out, since they show no face: those without a name.
    pixels : bytes or None
        The fer2013.csv beside it.
    """

    name: str
    files: list[str] | None
    usages: list[str] | None
    votes: NDArray[np.float64]
    gone: NDArray[np.bool_]
    pixels: bytes | None = None


def read_votes(path: Path) -> Sheet:
    """Read the table of votes from a file, a folder or an archive.

    Raises
    ------
    ValueError, OSError
        One line: there is none, or it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; give fer2013new.csv, or where it lies")
    sheet: Sheet | None = None
    pixels, missing = None, ""
    with _texts(path) as files:
        for name, data in files:
            if b"pixels" in data[:200].lower():
                pixels = data
                continue
            try:
                sheet = _sheet(name, data) if sheet is None else sheet
            except MissingColumnsError:
                missing = missing or name
            except ValueError as error:
                if "no column for" not in str(error):
                    raise
                missing = missing or name
    if sheet is None:
        looked = f" ({missing} has other columns)" if missing else ""
        raise ValueError(
            f"{path}: no table of FER+{looked}; fer2013new.csv has the columns Usage, Image name, neutral, "
            "happiness ... NF"
        )
    sheet.pixels = pixels
    return sheet


@contextlib.contextmanager
def _texts(path: Path) -> Iterator[Iterator[tuple[str, bytes]]]:
    """Give the tables of text of a file, a folder or an archive, with their content."""
    if path.is_dir():
        found = sorted(p for p in path.rglob("*.csv") if not hidden_path(p.relative_to(path).as_posix()))
        yield ((p.name, p.read_bytes()) for p in found)
    elif archive.kind(path) is None:
        beside = path.parent / "fer2013.csv"
        paths = [path, *([beside] if beside.is_file() and beside != path else [])]
        yield ((p.name, p.read_bytes()) for p in paths)
    else:
        with archive.opened(path) as members:
            yield (
                (PurePosixPath(m.name).name, m.read())
                for m in members
                if m.name.lower().endswith(".csv") and not hidden_path(m.name)
            )


def _sheet(name: str, data: bytes) -> Sheet:
    table = parse_table(data, name, SHEET)
    if not table.rows:
        raise ValueError(f"{name}: no rows below its header")
    votes = np.array([[_count(name, line, row, column) for column in COLUMNS] for line, row in table.rows])
    first = table.rows[0][1]
    files = [row["file"] for _, row in table.rows] if "file" in first else None
    usages = [row["usage"] for _, row in table.rows] if "usage" in first else None
    if files is None and usages is None:
        raise ValueError(f"{name}: neither a column Usage nor one of file names, so its faces are not known")
    gone = np.array(["name" in row and not row["name"] for _, row in table.rows])
    return Sheet(name, files, usages, votes, gone)


def _count(name: str, line: int, row: dict[str, str], column: str) -> float:
    text = row[column]
    try:
        if problem := problem_of(text):
            raise ValueError(problem)
        value = float(text or "0")
    except ValueError as error:
        value, why = -1.0, str(error)
    else:
        why = f"{text!r} is no number of votes"
    if not 0 <= value < 1000:
        raise ValueError(f"{name}, row {line}: {column}: {why}; download the file again")
    return value


def join(sheet: Sheet, faces: Dataset, progress: Progress) -> Votes:
    """Find whose votes each row holds.

    Parameters
    ----------
    sheet : Sheet
    faces : Dataset
        FER2013, as it was added.
    progress : Progress

    Returns
    -------
    Votes
        Rows without votes are no faces.

    Raises
    ------
    ValueError
        One line: the rows are not those of fer2013.csv, or nothing says which faces they are of.
    """
    if sheet.files is not None:
        rows, how = _by_name(sheet, faces), "by the images' names"
    elif all(_ROW.fullmatch(name) for name in faces.ids.tolist()):
        rows, how = _by_row(sheet, faces), "by the rows of fer2013.csv"
    elif sheet.pixels is not None:
        rows, how = _by_pixels(sheet, faces, progress), "by pixels to fer2013.csv"
    else:
        raise ValueError(
            f"{sheet.name}: its rows are those of fer2013.csv, but FER2013 was added as images, whose names "
            "do not say their rows; put fer2013.csv beside it, or add that as fer2013 first"
        )
    there = sheet.votes.any(axis=1) & ~sheet.gone
    voted = [(name, row) for name, row in rows.items() if there[row]]
    if not voted:
        raise ValueError(f"{sheet.name}: none of its faces is among those of FER2013 here")
    there[[row for _, row in voted]] = False
    lost = np.flatnonzero(there).tolist()
    faults = [Fault(f"{sheet.name}, row {i + 2}", "its face is not in FER2013 here") for i in lost]
    return Votes([name for name, _ in voted], sheet.votes[[row for _, row in voted]], how, faults)


def _by_name(sheet: Sheet, faces: Dataset) -> dict[str, int]:
    """Return face -> row by the path below the set, else by the file's name where one face alone has it."""
    ids = faces.ids.tolist()
    last = Counter(PurePosixPath(name).name for name in ids)
    of = {name: name for name in ids}
    of |= {PurePosixPath(name).name: name for name in ids if last[PurePosixPath(name).name] == 1}
    found: dict[str, int] = {}
    for row, file in enumerate(sheet.files or ()):
        path = PurePosixPath(file.replace("\\", "/"))
        if name := of.get("/".join(path.parts[-3:])) or of.get(path.name):
            found[name] = row
    return found


def _by_row(sheet: Sheet, faces: Dataset) -> dict[str, int]:
    rows = {name: int(_ROW.fullmatch(name)[1]) - 1 for name in faces.ids.tolist()}  # type: ignore[index]
    split_of = dict(zip(faces.ids.tolist(), faces.split.tolist(), strict=True))
    for name, row in rows.items():
        if row >= len(sheet.votes):
            raise ValueError(
                f"{sheet.name}: {len(sheet.votes):,} rows, and FER2013 here has {max(rows.values()) + 1:,}; "
                "they are not of one set"
            )
        usage = USAGES.get(heading_key((sheet.usages or [])[row]), "") if sheet.usages else split_of[name]
        if usage != split_of[name]:
            raise ValueError(
                f"{sheet.name}, row {row + 2}: Usage says {usage or 'nothing'}, fer2013.csv "
                f"{split_of[name]}; the rows are in another order: download the file again"
            )
    return rows


def _by_pixels(sheet: Sheet, faces: Dataset, progress: Progress) -> dict[str, int]:
    """Match faces with rows of fer2013.csv that have the same split and label, each row once."""
    import io

    groups: dict[tuple[str, str], list[tuple[int, NDArray[np.uint8]]]] = defaultdict(list)
    with open_text(io.BytesIO(sheet.pixels or b"")) as text:
        for number, split, emotion, image in read_rows(text, "fer2013.csv"):
            groups[split, emotion].append((number - 1, image))
    found: dict[str, int] = {}
    with progress.task("matching faces by pixels", len(faces)) as advance:
        for (split, emotion), rows in groups.items():
            own = np.flatnonzero((faces.split == split) & (faces.labels == faces.classes.index(emotion)))
            images = np.array([faces.samples[int(i)] for i in own], np.uint8)
            pairs = matched(images, np.stack([image for _, image in rows]))
            found |= {str(faces.ids[own[i]]): rows[j][0] for i, j in pairs.items()}
            advance(len(own))
    if len(found) < len(faces):
        log.warning("ferplus: %d faces have no row in fer2013.csv", len(faces) - len(found))
    return found


def matched(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> dict[int, int]:
    """Return for each image of `a` the one of `b` that is the same but for JPEG's loss, each once.

    Parameters
    ----------
    a, b : (n, h, w), (m, h, w) uint8

    Returns
    -------
    dict
        Index into `a` -> index into `b`; the nearest pairs first. Images farther than `FAR` are left out.
    """
    if not len(a) or not len(b):
        return {}
    x, y = (m.reshape(len(m), -1).astype(np.float32) for m in (a, b))
    pixels, k = x.shape[1], min(_NEAREST, len(y))
    lengths = np.einsum("ij,ij->i", y, y)
    near: list[tuple[float, int, int]] = []
    for start in range(0, len(x), 1024):
        part = x[start : start + 1024]
        distance = lengths[None] - 2 * part @ y.T + np.einsum("ij,ij->i", part, part)[:, None]
        best = np.argpartition(distance, k - 1, axis=1)[:, :k]
        rms = np.sqrt(np.maximum(np.take_along_axis(distance, best, 1), 0) / pixels)
        near += [(float(r), start + i, int(j)) for i, (row, js) in enumerate(zip(rms, best, strict=True))
                 for r, j in zip(row, js, strict=True) if r <= FAR]  # fmt: skip
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(near):
        if i not in found and j not in taken:
            found[i] = j
            taken.add(j)
    return found
