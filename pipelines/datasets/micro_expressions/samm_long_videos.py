"""SAMM long videos (Yap, Kendrick and Yap, FG 2020): 159 micro- and 343 macro-expressions in 147 recordings.

The sheet names no emotion: the classes are the two kinds of expressions. A clip is a recording and an onset.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_records import from_rows, sheet_path
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.micro_expressions.coding_sheet import SheetRow, read_sheet
from pipelines.datasets.micro_expressions.recordings import Recordings
from pipelines.datasets.published.about import About

ABOUT = About(
    "SAMM long videos (Yap, Kendrick, Yap 2020)",
    "https://helward.mmu.ac.uk/STAFF/M.Yap/dataset.php, a signed agreement",
    "non-commercial research, signed",
    {"train": {"macro": 343, "micro": 159}},
)


def load(
    path: Path | str, *, sheet: Path | str | None = None, span: str = "onset-offset", strict: bool = False
) -> Dataset:
    """Load SAMM's long videos.

    Parameters
    ----------
    path : Path or str
        A folder that holds ``006_1/006_1_0001.jpg``, itself or below.
    sheet : Path or str, optional
        The sheet (SAMM_LongVideos_V2_Release), .xlsx or .csv; by default the only one in `path` or below.
    span, strict
        See `pipelines.datasets.micro_expressions.clips.load`.

    Returns
    -------
    Dataset
        `groups` are "006" ...

    Raises
    ------
    ValueError, OSError
        One line that names the path and what is wrong with it.
    """
    root = existing_folder(path, "samm-lv")
    table, recordings = sheet_path(root, sheet), Recordings(root)

    def folder_of(row: SheetRow) -> tuple[str, Path]:
        recording = "_".join(row.clip.split("_")[:2])  # of 006_1_2, the second expression in 006_1
        return row.clip.split("_")[0], recordings.of(recording)

    rows = [replace(row, label=_kind(row.label)) for row in read_sheet(table, ("type",))]
    records, faults = from_rows(table, rows, folder_of)
    return build("samm-lv", root, records, labels="own", span=span, strict=strict, faults=faults)


def _kind(text: str) -> str:
    """Return "micro" for "Micro - 1/2"."""
    word = text.lower().replace("-", " ").split()
    return word[0] if word else text
