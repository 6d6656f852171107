"""From a coding sheet and a tree of folders to records: who shows what, in which frames."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.paths import expanded
from featurize.walk import Fault, list_folder
from pipelines.datasets.micro_expressions.clip_folders import ClipFolders, NoFolderError
from pipelines.datasets.micro_expressions.coding_sheet import SheetRow, read_sheet, told_apart
from pipelines.utils.read_table import ENDINGS, OTHER_ENDINGS

log = logging.getLogger(__name__)


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


def sheet_path(root: Path, given: Path | str | None) -> Path:
    """Return the coding sheet: the one given, else the only table in `root` or one folder below.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    if given is not None:
        path = expanded(given)
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
    root: Path,
    sheet: Path,
    *,
    subject_of: Callable[[SheetRow], str] | None = None,
    prefer: str = "",
    inside: str = "",
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
    inside : str
        A folder in each clip's that holds the frames, where there is one.

    Returns
    -------
    records, faults
        The subject of a record is the name of its folder. Rows of one recording with other onsets are clips
        of their own. A row without a folder, a row that cannot be read, and rows of one recording that cannot
        be told apart are faults, each once.
    """
    rows = read_sheet(sheet)
    ids = [(subject_of(row) if subject_of else row.subject, row.clip) for row in rows]
    folders = ClipFolders(root, [one for one, row in zip(ids, rows, strict=True) if not row.problem], prefer)
    if folders.base != root:
        log.info("%s: the subjects are those in %s", sheet, folders.base)
    of = {row.line: one for one, row in zip(ids, rows, strict=True)}
    return from_rows(sheet, rows, lambda row: folders.of(*of[row.line]), inside)


def from_rows(
    sheet: Path,
    rows: Sequence[SheetRow],
    folder_of: Callable[[SheetRow], tuple[str, Path]],
    inside: str = "",
) -> tuple[list[ClipRecord], list[Fault]]:
    """Match the rows of a sheet with folders of frames that are found otherwise.

    Parameters
    ----------
    sheet : Path
        What faults name.
    rows : sequence of SheetRow
    folder_of : callable
        SheetRow -> subject and folder; raises `NoFolderError` where there is none.
    inside : str
        A folder in each of those that holds the frames, where there is one.

    Returns
    -------
    records, faults
        As `from_sheet`.
    """
    found: dict[tuple[str, Path], list[SheetRow]] = {}
    faults = []
    for row in rows:
        try:
            found.setdefault(_folder_of(row, folder_of), []).append(row)
        except NoFolderError as error:
            faults.append((row.line, str(error)))
    records: list[ClipRecord] = []
    for (subject, path), several in found.items():
        good, bad = told_apart(several)
        faults += bad
        records += _records(subject, path, good, parts=len({row.onset for row in several}) > 1, inside=inside)
    return records, [Fault(f"{sheet}, row {line}", reason) for line, reason in sorted(faults)]


def _folder_of(row: SheetRow, folder_of: Callable[[SheetRow], tuple[str, Path]]) -> tuple[str, Path]:
    if row.problem:
        raise NoFolderError(row.problem)
    try:
        return folder_of(row)
    except NoFolderError as error:
        raise NoFolderError(f"{error}; {row.doubt}" if row.doubt else str(error)) from None


def _records(
    subject: str, path: Path, rows: Sequence[SheetRow], *, parts: bool, inside: str
) -> Iterator[ClipRecord]:
    below = path / inside if inside and (path / inside).is_dir() else path
    frames = numbered_frames(below) if rows else ()
    for row in rows:
        part = row.onset if parts else None
        yield ClipRecord(subject, path, row.label, frames, row.onset, row.apex, row.offset, part)


def numbered_frames(folder: Path) -> tuple[tuple[int | None, Path], ...]:
    """Return the images of a folder with the last number in their names, in order of it."""
    inside = list_folder(folder)
    # A dead link is a frame that reading it names, not a gap.
    files = [*(folder / name for name in inside.images), *(Path(fault.path) for fault in inside.faults)]
    numbers = [re.findall(r"\d+", p.stem) for p in files]
    if not all(numbers):
        return tuple((None, p) for p in sorted(files, key=lambda p: p.name))
    found = [(int(n[-1]), p) for n, p in zip(numbers, files, strict=True)]
    return tuple(sorted(found, key=lambda f: (f[0], f[1].name)))
