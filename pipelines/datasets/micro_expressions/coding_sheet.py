"""Coding sheets of clips, text or workbook, whatever their columns are called."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.utils.cells import problem_of, whole_number
from pipelines.utils.read_table import Columns, read_table

log = logging.getLogger(__name__)

#: What we need -> how sheets call it, lower case, letters and digits only. The first that is found wins.
COLUMNS: dict[str, tuple[str, ...]] = {
    "subject": ("subject", "sub", "subjectid", "participant", "subid"),
    "clip": ("clip", "filename", "file", "video", "sample", "videoname", "fname"),
    "label": ("label", "estimatedemotion", "emotion", "class", "expression"),
    "onset": ("onset", "onsetframe", "onsetf"),
    "apex": ("apex", "apexframe", "apexf"),
    "offset": ("offset", "offsetframe", "offsetf"),
}
NEEDED = ("subject", "clip", "label")
#: What sheets write for a frame that nobody coded.
_UNKNOWN = frozenset(
    {"", "/", "\\", "-", "--", "-1", "-1.0", "?", "n/a", "na", "nan", "none", "null", "\u2013"}
)


@dataclass(frozen=True)
class SheetRow:
    """One clip of a coding sheet; frames are the numbers in the files' names, None where not coded.

    `problem` says why a row cannot be used, empty if it can. `doubt` says why subject or clip may not be what
    was typed, such as a date that a spreadsheet made of it; empty if nothing speaks against them.
    """

    line: int
    subject: str
    clip: str
    label: str
    onset: int | None = None
    apex: int | None = None
    offset: int | None = None
    problem: str = ""
    doubt: str = ""


def read_sheet(path: Path, label: tuple[str, ...] = COLUMNS["label"]) -> list[SheetRow]:
    """Read a coding sheet.

    Parameters
    ----------
    path : Path
        Text or .xlsx, see `pipelines.utils.read_table`.
    label : tuple of str
        What the column of labels may be called, where it is another than that of emotions.

    Returns
    -------
    list of SheetRow
        Rows without both subject and clip, and rows with one of them and no label (notes below the table),
        are not in it. A row that lacks one of them but has a label (merged cells, say) has a `problem`. An
        apex that is the onset is not in it, as nothing moves between the two: a warning names those rows.

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
    table = read_table(path, Columns(COLUMNS | {"label": label}, NEEDED))
    rows = [row for number, cells in table.rows if (row := _row(number, cells))]
    return _without_null_apex(path, rows)


def _row(number: int, cell: dict[str, str]) -> SheetRow | None:
    missing = [name for name in ("subject", "clip") if not cell[name] and not problem_of(cell[name])]
    if len(missing) == 2 or (missing and not cell["label"]):
        return None
    problems = [f"the row names no {name}; merged cells must be filled in" for name in missing]
    if not cell["label"] and not problem_of(cell["label"]):
        problems.append("the row names no label")
    problems += [
        f"{name}: {why}" for name in NEEDED if (why := problem_of(cell[name])) and _useless(name, cell[name])
    ]
    frames: dict[str, int | None] = {}
    for name in ("onset", "apex", "offset"):
        try:
            frames[name] = _frame(cell.get(name, ""))
        except ValueError as error:
            problems.append(f"{name} {error}")
    doubt = "; ".join(why for name in ("subject", "clip") if (why := problem_of(cell[name])))
    label = str(cell["label"])
    return SheetRow(
        number, str(cell["subject"]), str(cell["clip"]), label, **frames,
        problem="; ".join(problems), doubt=doubt,
    )  # fmt: skip


def _useless(name: str, text: str) -> bool:
    """Return whether a spoilt cell cannot be what was typed; a subject or clip may be called like a date."""
    return name == "label" or not text or text.startswith("#")


def _frame(text: str) -> int | None:
    """Return a frame number; None for the spellings of "not coded"."""
    if why := problem_of(text):
        raise ValueError(f"is no frame number: {why}")
    if text.lower() in _UNKNOWN:
        return None
    try:
        value = whole_number(text)
    except ValueError:
        value = -1
    if value < 0:
        raise ValueError(f"{text[:20]!r} is no frame number")
    return value


def _without_null_apex(path: Path, rows: Sequence[SheetRow]) -> list[SheetRow]:
    """Return the rows without an apex that is the onset, and say which they were."""
    null = [row for row in rows if row.apex is not None and row.apex == row.onset]
    if null:
        more = f" and {len(null) - 5} more" if len(null) > 5 else ""
        log.warning(
            "%s, row %s%s: the apex is the onset, so nothing moves between them; the frame that differs most "
            "from the onset is used instead", path, _lines(null[:5]), more
        )  # fmt: skip
    return [replace(row, apex=None) if row in null else row for row in rows]


def told_apart(rows: Sequence[SheetRow]) -> tuple[list[SheetRow], list[tuple[int, str]]]:
    """Part the rows of one recording by their onsets.

    Parameters
    ----------
    rows : sequence of SheetRow
        All rows of one recording.

    Returns
    -------
    rows, faults
        Rows that are clips of their own. Each fault is a line of the sheet and a reason: a row that is there
        again (the first is kept), rows that differ under one onset (none is kept), several rows of which one
        has no onset (none is kept), and a row without offset before another onset.
    """
    different = {(r.onset, r.apex, r.offset, r.label.lower()): r for r in reversed(rows)}
    kept = sorted(different.values(), key=lambda r: r.line)
    faults = [
        (row.line, f"the sheet has this row more than once; the first is row {first.line}")
        for row in rows
        if row is not (first := different[row.onset, row.apex, row.offset, row.label.lower()])
    ]
    if len(kept) > 1 and (blank := [row for row in kept if row.onset is None]):
        faults.append((
            kept[0].line, f"the sheet has this clip more than once (rows {_lines(kept)}), without onset in "
            f"row {_lines(blank)}; give each row its onset, or keep one row"
        ))  # fmt: skip
        return [], faults
    good = []
    for onset in dict.fromkeys(row.onset for row in kept):
        same = [row for row in kept if row.onset == onset]
        later = min(
            (r.onset for r in kept if r.onset is not None and onset is not None and r.onset > onset),
            default=None,
        )
        if len(same) > 1:
            faults.append((
                same[0].line, f"the sheet has this clip more than once with onset {onset} "
                f"(rows {_lines(same)}), and they differ; keep one row"
            ))  # fmt: skip
        elif same[0].offset is None and later is not None:
            faults.append((
                same[0].line, f"the row names no offset, and another expression begins at {later}"
            ))  # fmt: skip
        else:
            good.append(same[0])
    return good, faults


def _lines(rows: Sequence[SheetRow]) -> str:
    return ", ".join(str(row.line) for row in rows)
