"""Clips on disk: folders of frames with a coding sheet.

``subject/clip/frames`` and a sheet with a row a clip: subject, clip, label, and where known the numbers of
the onset, apex and offset frames. CASME II, SMIC and SAMM are read by the same code (`casme2`, `smic`,
`samm`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from featurize.images import decode, to_grey
from pipelines.datasets.base import Dataset, Fault, sample_digest
from pipelines.datasets.clip_folders import ClipFolders, NoFolderError
from pipelines.datasets.clip_labels import LabelMap
from pipelines.datasets.clip_sheets import SheetRow, read_sheet, told_apart
from pipelines.datasets.folder import PICTURES
from pipelines.utils.read_table import ENDINGS, OTHER_ENDINGS

log = logging.getLogger(__name__)

Clip = NDArray[np.uint8]
#: Which frames a sample has: from onset to offset, from onset to apex, or all that are there.
Span = Literal["onset-offset", "onset-apex", "whole"]
#: Faults that are named one by one.
_NAMED = 20
SPANS = ("onset-offset", "onset-apex", "whole")


class ClipError(ValueError):
    """A clip that cannot be used; `str()` says why, without the path."""


@dataclass(frozen=True)
class ClipRecord:
    """A clip that is known of: who shows what, and which files it is made of.

    `frames` are (number, path) in order; `number` is None where file names have none. `path` is the folder.
    `part` is the onset where the sheet has several expressions of one recording, else None.
    """

    subject: str
    path: Path
    emotion: str
    frames: tuple[tuple[int | None, Path], ...]
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    part: int | None = None

    def name(self, root: Path) -> str:
        """Return the clip's id: its folder below `root`, and @ with its onset if it is one of several."""
        folder = self.path.relative_to(root).as_posix()
        return folder if self.part is None else f"{folder}@{self.part}"

    @property
    def place(self) -> str:
        """Return the folder, and the onset where it holds several expressions, for a message."""
        return str(self.path) if self.part is None else f"{self.path}, onset {self.part}"


class FrameSamples:
    """Clips as lists of picture files, each decoded when it is asked for: (t, h, w) uint8 grey."""

    def __init__(self, files: Sequence[tuple[Path, ...]], to_apex: Sequence[bool]) -> None:
        self.files = tuple(files)
        self.to_apex = tuple(to_apex)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Clip:
        clip = read_frames(self.files[index])
        if self.to_apex[index]:
            from featurize.clips.sampling import apex_index

            return clip[: apex_index(clip) + 1]
        return clip


def read_frames(files: Sequence[Path]) -> Clip:
    """Decode picture files to a (t, h, w) grey clip.

    Raises
    ------
    ClipError
        If a file cannot be decoded, or a frame has another size than the first.
    """
    frames: list[NDArray[np.uint8]] = []
    for path in files:
        try:
            frames.append(to_grey(decode(path.read_bytes(), path.name)))
        except (ValueError, OSError) as error:
            raise ClipError(str(error)) from None
        if frames[-1].shape != frames[0].shape:
            raise ClipError(f"frame {path.name} is {_size(frames[-1])}, the first {_size(frames[0])}")
    return np.stack(frames)


def _size(picture: NDArray[np.uint8]) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    name: str = "clips",
    strict: bool = False,
) -> Dataset:
    """Load ``subject/clip/frames`` with a coding sheet.

    Parameters
    ----------
    path : Path or str
        The folder of subjects.
    sheet : Path or str, optional
        The .csv or .xlsx; by default the only one in `path`.
    labels : {"own", "megc2019"}
        The sheet's emotions as they are, or the three classes of MEGC 2019.
    span : {"onset-offset", "onset-apex", "whole"}
        Which frames; where the sheet does not name the apex, it is found by motion.
    name : str
        What to call the set.
    strict : bool
        Raise on a clip that cannot be used, instead of leaving it out and listing it in ``faults``.

    Returns
    -------
    Dataset
        Kind "clip"; samples (t, h, w) uint8 grey of their own lengths and sizes; `groups` the subject; every
        split "train" (`pipelines.loso` divides by subject).

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, name)
    found, faults = from_sheet(root, sheet_path(root, sheet))
    return build(name, root, found, labels=labels, span=span, strict=strict, faults=faults)


def existing_folder(root: Path | str, name: str) -> Path:
    """Return the folder, or say where the set belongs."""
    path = Path(root).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"{name}: no folder {path}; give the one that holds its subjects")
    return path


def sheet_path(root: Path, given: Path | str | None) -> Path:
    """Return the coding sheet: the one given, else the only table in `root` or one folder below.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    if given is not None:
        path = Path(given).expanduser()
        return path if path.is_absolute() or path.exists() else root / path
    sheets = _sheets(root)
    if len(sheets) != 1:
        names = ", ".join(p.relative_to(root).as_posix() for p in sheets[:5]) or "none"
        more = f" and {len(sheets) - 5} more" if len(sheets) > 5 else ""
        raise ValueError(
            f"{root}: need one coding sheet (.csv or .xlsx), found {names}{more}; give sheet=..."
        )
    return sheets[0]


def _sheets(root: Path) -> list[Path]:
    """Return the tables in a folder, else those that only get advice, else those one folder below."""
    below = [p for p in root.iterdir() if p.is_dir()]
    for folders, endings in (([root], ENDINGS), ([root], OTHER_ENDINGS), (below, ENDINGS)):
        files = (p for folder in folders for p in folder.glob("*") if p.suffix.lower() in endings)
        if found := sorted(p for p in files if p.name[0] not in "~." and p.is_file()):
            return found
    return []


def from_sheet(
    root: Path, sheet: Path, *, subject_of: Callable[[SheetRow], str] | None = None, prefer: str = ""
) -> tuple[list[ClipRecord], list[Fault]]:
    """Match the rows of a sheet with folders of frames.

    Parameters
    ----------
    root : Path
    sheet : Path
    subject_of : callable, optional
        SheetRow -> the subject to look for; by default the one that the row names.
    prefer : str
        Of several folders below `root` that hold the subjects, the one with this word in its path.

    Returns
    -------
    records, faults
        The subject of a record is the name of its folder. Rows of one recording with other onsets are clips
        of their own. A row without a folder, a row that cannot be read, and rows of one recording that cannot
        be told apart are faults, each once.
    """
    rows = read_sheet(sheet)
    names = [(subject_of(row) if subject_of else row.subject, row.clip) for row in rows]
    folders = ClipFolders(root, [n for n, row in zip(names, rows, strict=True) if not row.problem], prefer)
    if folders.base != root:
        log.info("%s: the subjects are those in %s", sheet, folders.base)
    found: dict[Path, list[tuple[str, SheetRow]]] = {}
    faults = []
    for (name, clip), row in zip(names, rows, strict=True):
        try:
            if row.problem:
                raise NoFolderError(row.problem)
            subject, path = folders.of(name, clip)
            found.setdefault(path, []).append((subject, row))
        except NoFolderError as error:
            doubt = f"; {row.doubt}" if row.doubt and not row.problem else ""
            faults.append(Fault(f"{sheet}, row {row.line}", f"{error}{doubt}"))
    records = []
    for path, several in found.items():
        good, bad = told_apart([row for _, row in several])
        faults += [Fault(f"{sheet}, row {line}", reason) for line, reason in bad]
        frames = numbered_frames(path) if good else ()
        parts = len({row.onset for _, row in several}) > 1
        records += [
            ClipRecord(several[0][0], path, row.label, frames, row.onset, row.apex, row.offset,
                       row.onset if parts else None)
            for row in good
        ]  # fmt: skip
    return records, faults


def numbered_frames(folder: Path) -> tuple[tuple[int | None, Path], ...]:
    """Return the pictures of a folder with the last number in their names, in order of it."""
    files = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.name[0] != "."]
    numbers = [re.findall(r"\d+", p.stem) for p in files]
    if not all(numbers):
        return tuple((None, p) for p in sorted(files, key=lambda p: p.name))
    found = [(int(n[-1]), p) for n, p in zip(numbers, files, strict=True)]
    return tuple(sorted(found, key=lambda f: (f[0], f[1].name)))


def build(
    name: str,
    root: Path,
    records: Iterable[ClipRecord],
    *,
    labels: str,
    span: str,
    strict: bool,
    faults: Iterable[Fault] = (),
) -> Dataset:
    """Check every clip, read each once, and make the data set; parameters as in `load`."""
    if span not in SPANS:
        raise ValueError(f"{name}: span={span!r}; use one of {', '.join(SPANS)}")
    mapping = LabelMap(name, labels)
    kept: list[tuple[ClipRecord, str, tuple[Path, ...], bool, str]] = []
    bad, left_out = list(faults), 0
    for record in sorted(records, key=lambda r: (r.subject, r.path.name, r.part or 0)):
        try:
            label = mapping.of(record.emotion)
            files, to_apex = chosen_frames(record, span)
            if label is None:
                left_out += 1
                continue
            digest = sample_digest(FrameSamples([files], [to_apex])[0])
        except ValueError as error:
            bad.append(Fault(record.place, str(error)))
            continue
        kept.append((record, label, files, to_apex, digest))
    if left_out:
        log.info(
            "%s: %d clips whose emotion is none of the classes of %s are left out", name, left_out, labels
        )
    kept, copies = without_copies(kept)
    refuse(name, root, [*bad, *copies], strict, len(kept))
    return _dataset(name, root, kept, mapping, (*bad, *copies))


def without_copies(kept: Sequence[Any]) -> tuple[list[Any], list[Fault]]:
    """Leave out clips whose frames are those of another clip.

    Under two labels one is wrong, and nobody knows which: all are left out. Under two subjects a copy would
    be trained on while its twin is tested: the first is kept. One subject's copies of one label stay.

    Parameters
    ----------
    kept : sequence of (ClipRecord, label, files, to_apex, digest)

    Returns
    -------
    kept, faults
    """
    alike: dict[str, list[Any]] = {}
    for one in kept:
        alike.setdefault(one[4], []).append(one)
    good, faults = [], []
    for one in kept:
        twins = alike[one[4]]
        other = next((t for t in twins if t[1] != one[1]), None)
        if other is not None:
            faults.append(Fault(one[0].place, f"the same frames are {one[1]!r} here and {other[1]!r} in "
                                f"{other[0].place}; leave one out of the sheet"))  # fmt: skip
        elif one[0].subject != twins[0][0].subject:
            faults.append(Fault(one[0].place, f"the same frames as {twins[0][0].place}, of another subject"))
        else:
            good.append(one)
    return good, faults


def refuse(name: str, root: Path, faults: Sequence[Fault], strict: bool, kept: int) -> None:
    """Raise if `strict` and there is a fault, or if nothing is left."""
    if faults and (strict or not kept):
        first = faults[0]
        more = f" ({len(faults)} clips cannot be used)" if len(faults) > 1 else ""
        raise ValueError(f"{first.path}: {first.reason}{more}")
    if not kept:
        raise ValueError(f"{name}: no clips in {root}")
    for fault in faults[:_NAMED]:
        log.warning("left out %s: %s", fault.path, fault.reason)
    if len(faults) > _NAMED:
        log.warning("and %d more; mueca data audit lists them all", len(faults) - _NAMED)


def chosen_frames(record: ClipRecord, span: str) -> tuple[tuple[Path, ...], bool]:
    """Return a clip's files under `span`, and whether the apex must yet be found by motion.

    Raises
    ------
    ClipError
        If onset, apex and offset are out of order or not among the frames, frames are missing, or fewer than
        two are left.
    """
    numbers = [n for n, _ in record.frames]
    first, last = (None, None) if span == "whole" else (record.onset, record.offset)
    to_apex = span == "onset-apex"
    if span == "whole" and record.part is not None:
        raise ClipError("the sheet has several expressions of this recording; span='whole' cannot part them")
    if record.frames and None not in numbers:
        _check_order(record)
        if to_apex and record.apex is not None:
            last, to_apex = record.apex, False
        _check_numbers([n for n in numbers if n is not None], first, last)
    elif any(v is not None for v in (record.onset, record.apex, record.offset)) and record.frames:
        raise ClipError("the sheet gives frame numbers, but the files' names have none")
    files = tuple(
        p for n, p in record.frames
        if n is None or ((first is None or n >= first) and (last is None or n <= last))
    )  # fmt: skip
    if len(files) < 2:
        raise ClipError(f"a clip needs at least two frames, this one has {len(files)}")
    return files, to_apex


_CURE = {
    "apex": "correct the row, or empty the cell of the apex: it is then found by motion",
    "offset": "correct the row, or empty the cell of the offset: the clip then goes to the last frame",
}


def _check_order(record: ClipRecord) -> None:
    known = {"onset": record.onset, "apex": record.apex, "offset": record.offset}
    coded = [(name, at) for name, at in known.items() if at is not None]
    for (a, first), (b, second) in zip(coded, coded[1:], strict=False):
        if first > second:
            raise ClipError(f"{a} {first} lies after {b} {second}; {_CURE[b if b == 'offset' else 'apex']}")


def _check_numbers(numbers: list[int], first: int | None, last: int | None) -> None:
    """Refuse a frame that is there twice, is missing, or is named by the sheet and not there."""
    for name, at in (("first", first), ("last", last)):
        if at is not None and at not in numbers:
            there = f"{min(numbers)}..{max(numbers)}"
            raise ClipError(f"the {name} frame, {at}, is not among the files ({there})")
    inside = [n for n in numbers if (first is None or n >= first) and (last is None or n <= last)]
    for a, b in zip(inside, inside[1:], strict=False):
        if a == b:
            raise ClipError(f"two files have the number {a}")
        if b != a + 1:
            raise ClipError(f"frames are missing between {a} and {b}")


def _dataset(name: str, root: Path, kept: list[Any], mapping: LabelMap, faults: tuple[Fault, ...]) -> Dataset:
    records, names, files, to_apex, digests = zip(*kept, strict=True)
    classes = mapping.classes(set(names))
    if len(classes) < 2:
        raise ValueError(f"{name}: all clips in {root} are {names[0]!r}; a comparison needs two classes")
    return Dataset(
        name=name,
        classes=classes,
        ids=np.array([r.name(root) for r in records]),
        labels=np.array([classes.index(n) for n in names], np.int64),
        split=np.full(len(kept), "train"),
        samples=FrameSamples(files, to_apex),
        digests=np.array(digests),
        groups=np.array([r.subject for r in records]),
        kind="clip",
        faults=faults,
    )


def shrink(frame: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Return the frame with its longer side at most `longest`, by area mean."""
    h, w = frame.shape[:2]
    if max(h, w) <= longest:
        return frame
    scale = longest / max(h, w)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
