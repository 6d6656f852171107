"""Coding sheets of clips, .csv or .xlsx, whatever their columns are called."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What we need -> how sheets call it, lower case, letters and digits only. The first that is found wins.
COLUMNS: dict[str, tuple[str, ...]] = {
    "subject": ("subject", "sub", "subjectid", "participant"),
    "clip": ("clip", "filename", "file", "video", "sample", "videoname"),
    "label": ("label", "estimatedemotion", "emotion", "class", "expression"),
    "onset": ("onset", "onsetframe", "onsetf"),
    "apex": ("apex", "apexframe", "apexf"),
    "offset": ("offset", "offsetframe", "offsetf"),
}
NEEDED = ("subject", "clip", "label")
#: What sheets write for a frame that nobody coded.
_UNKNOWN = frozenset({"", "/", "-", "-1", "?", "n/a", "na", "nan", "none"})
#: Rows looked at for the header: SAMM's sheet begins with a dozen rows of notes.
_HEADER_ROWS = 40


@dataclass(frozen=True)
class SheetRow:
    """One clip of a coding sheet; frames are the numbers in the files' names, None where not coded.

    `problem` says why a row cannot be used, empty if it can.
    """

    line: int
    subject: str
    clip: str
    label: str
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    problem: str = ""


def read_sheet(path: Path) -> list[SheetRow]:
    """Read a coding sheet.

    Parameters
    ----------
    path : Path
        .csv (comma, semicolon or tab; UTF-8 or Windows-1252) or .xlsx (its first worksheet).

    Returns
    -------
    list of SheetRow
        Rows without both subject and clip, and rows with one of them and no label (notes below the table),
        are not in it. A row that lacks one of them but has a label (merged cells, say) has a `problem`.

    Raises
    ------
    ValueError
        One line that names the file: it cannot be read, or has no row with columns for subject, clip and
        label; the message says what the columns may be called and what was found.
    FileNotFoundError
        If there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such coding sheet")
    cells = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    at, columns = _header(path, cells)
    rows = (_row(number, cells[number], columns) for number in range(at + 1, len(cells)))
    return [row for row in rows if row is not None]


def _csv(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    head = text[:4096]
    delimiter = max(",;\t", key=head.count)
    try:
        return list(csv.reader(text.splitlines(), delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"{path}: no CSV ({error})") from None


def _xlsx(path: Path) -> list[list[str]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            return [[_text(v) for v in row] for row in book.worksheets[0].iter_rows(values_only=True)]
        finally:
            book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError) as error:
        raise ValueError(f"{path}: no .xlsx workbook that can be read ({error}); save it as .csv") from None


def _text(value: Any) -> str:
    """Return a cell as text; whole numbers without a point, as Excel keeps 46 as 46.0."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _header(path: Path, cells: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    """Return the header's row and where each column stands."""
    best: dict[str, int] = {}
    for number, row in enumerate(cells[:_HEADER_ROWS]):
        found = _columns(row)
        if all(name in found for name in NEEDED):
            return number, found
        best = max(best, found, key=len)
    missing = [name for name in NEEDED if name not in best]
    seen = next((", ".join(c for c in row if c.strip()) for row in cells if any(row)), "nothing")
    names = "; ".join(f"{name}: {' or '.join(COLUMNS[name][:3])}" for name in missing)
    raise ValueError(f"{path}: no column for {', '.join(missing)} ({names}); its first row is: {seen[:120]}")


def _columns(row: Iterable[str]) -> dict[str, int]:
    keys = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in row]
    found = {}
    for name, spellings in COLUMNS.items():
        places = [keys.index(s) for s in spellings if s in keys]
        if places:
            found[name] = places[0]
    return found


def _row(number: int, row: Sequence[str], columns: dict[str, int]) -> SheetRow | None:
    cell = {name: row[at].strip() if at < len(row) else "" for name, at in columns.items()}
    missing = [name for name in ("subject", "clip") if not cell[name]]
    if len(missing) == 2 or (missing and not cell["label"]):
        return None
    frames: dict[str, int | None] = {}
    problems = [f"the row names no {name}; merged cells must be filled in" for name in missing]
    for name in ("onset", "apex", "offset"):
        try:
            frames[name] = _frame(cell.get(name, ""))
        except ValueError:
            problems.append(f"{name} {cell[name]!r} is no frame number")
    return SheetRow(
        number + 1, cell["subject"], cell["clip"], cell["label"], **frames, problem="; ".join(problems)
    )


def _frame(text: str) -> int | None:
    """Return a frame number; None for the spellings of "not coded"."""
    if text.lower() in _UNKNOWN:
        return None
    value = float(text)
    if not value.is_integer() or value < 0:
        raise ValueError(text)
    return int(value)
