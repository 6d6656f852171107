"""CAS(ME)^2 (Qu et al., TAC 2018): 57 micro- and 300 macro-expressions of 22 subjects.

A recording has several. The workbook has a worksheet without a header, and two that say what recordings and
subjects are called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_folders import NoFolderError, alike
from pipelines.datasets.micro_expressions.clip_records import from_rows, sheet_path
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.micro_expressions.coding_sheet import SheetRow
from pipelines.datasets.micro_expressions.recordings import Recordings
from pipelines.datasets.published.about import About
from pipelines.utils.cells import clean, heading_key, problem_of, whole_number
from pipelines.utils.table_book import is_zip, worksheets

ABOUT = About(
    "CAS(ME)^2 (Qu et al. 2018)",
    "http://casme.psych.ac.cn/casme/e3, a signed release agreement",
    "non-commercial research, signed",
    {"train": 57},
)
Kind = Literal["micro", "macro", "all"]
KINDS = ("micro", "macro", "all")
#: The columns of the worksheet without a header.
_COLUMNS = ("subject", "video", "onset", "apex", "offset", "units", "emotion", "kind", "report")


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    kind: Kind = "micro",
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load CAS(ME)^2.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``s15/15_0101disgustingteeth/*.jpg``, itself or below; selected images win over
        raw ones.
    sheet : Path or str, optional
        The workbook (CAS(ME)^2code_final.xlsx); by default the only one in `path` or a folder below.
    kind : {"micro", "macro", "all"}
        Which expressions.
    labels, span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "s15" ... A clip is a recording and an onset.

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    if kind not in KINDS:
        raise ValueError(f"cas(me)2: kind={kind!r}; use one of {', '.join(KINDS)}")
    root = existing_folder(path, "cas(me)2")
    table = sheet_path(root, sheet)
    book = _Book(table)
    recordings = Recordings(root, prefer="selected")

    def folder_of(row: SheetRow) -> tuple[str, Path]:
        subject, code = book.names(row)

        def fits(folder: Path) -> bool:
            recording = folder.name.partition("_")[2]
            return alike(folder.parent.name) == alike(subject) and recording.startswith(code)

        return subject, recordings.where(fits, f"{subject}/*_{code}*")

    rows = [row for row, which in book.rows if kind in ("all", which)]
    if not rows:
        raise ValueError(f"cas(me)2: {table} has no {kind}-expressions")
    records, faults = from_rows(table, rows, folder_of)
    return build("cas(me)2", root, records, labels=labels, span=span, strict=strict, faults=faults)


class _Book:
    """The workbook: its rows with their kind, and the two naming rules."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        if not is_zip(data):
            raise ValueError(f"{path}: no .xlsx workbook; the set's has two worksheets of naming rules")
        sheets = {heading_key(title): rows for title, rows in worksheets(data)}
        one = next((rows for title, rows in sheets.items() if title.endswith("rule1")), None)
        two = next((rows for title, rows in sheets.items() if title.endswith("rule2")), None)
        main = next((rows for title, rows in sheets.items() if "rule" not in title), [])
        if one is None or two is None:
            raise ValueError(f"{path}: no worksheets 'naming rule1' and 'naming rule2' in the workbook")
        self.recordings = {clean(row[1]).casefold(): clean(row[0]).zfill(4) for row in one if len(row) > 1}
        self.subjects = {clean(row[2]): clean(row[1]) for row in two if len(row) > 2}
        self.rows = [_row(line, row) for line, row in enumerate(main, 1) if row and row[0].strip().isdigit()]

    def names(self, row: SheetRow) -> tuple[str, str]:
        """Return the subject's folder and the recording's code."""
        video = row.clip.rpartition("_")[0] or row.clip  # anger1_2 is the second expression in anger1
        subject, code = self.subjects.get(row.subject, ""), self.recordings.get(video.casefold(), "")
        if not subject or not code:
            what = f"subject {row.subject}" if not subject else f"recording {video}"
            raise NoFolderError(f"the naming rules do not say what {what} is called")
        return subject, code


def _row(line: int, cells: list[str]) -> tuple[SheetRow, str]:
    found = dict(zip(_COLUMNS, [clean(cell) for cell in cells] + [""] * len(_COLUMNS), strict=False))
    frames: list[int | None] = []
    problem = problem_of(found["emotion"]) or ("" if found["emotion"] else "the row names no label")
    for name in ("onset", "apex", "offset"):
        try:
            frames.append(whole_number(found[name] or "0") or None)
        except ValueError:
            problem = problem or f"{name} {found[name]!r} is no frame number"
    subject, video, emotion = (str(found[name]) for name in ("subject", "video", "emotion"))
    onset, apex, offset = (*frames, None, None, None)[:3]
    row = SheetRow(line, subject, video, emotion, onset, apex, offset, problem)
    return row, found["kind"].lower().partition("-")[0]
