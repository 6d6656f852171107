"""SAMM (Davison, Lansley, Costen, Tan and Yap, 2018): 159 clips of 32 subjects at 200 frames a second.

Asked for at Manchester Metropolitan University, with a signed agreement.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.datasets.base import Dataset
from pipelines.datasets.micro_expressions.clip_folders import parts_of
from pipelines.datasets.micro_expressions.clip_records import from_sheet, sheet_path
from pipelines.datasets.micro_expressions.clips import build, existing_folder
from pipelines.datasets.micro_expressions.coding_sheet import SheetRow
from pipelines.datasets.published.about import About

ABOUT = About(
    "SAMM (Davison et al. 2018)",
    "https://helward.mmu.ac.uk/STAFF/M.Yap/dataset.php, a signed agreement",
    "non-commercial research, signed",
    {"train": 159},
)


def load(
    path: Path | str,
    *,
    sheet: Path | str | None = None,
    labels: str = "own",
    span: str = "onset-offset",
    strict: bool = False,
) -> Dataset:
    """Load SAMM.

    Parameters
    ----------
    path : Path or str
        The folder of ``006/006_1_2/006_05562.jpg``, itself or up to two folders below.
    sheet : Path or str, optional
        The coding sheet (SAMM_Micro_FACS_Codes), .xlsx or .csv; by default the only one in `path`.
    labels, span, strict
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
    root = existing_folder(path, "samm")

    records, faults = from_sheet(root, sheet_path(root, sheet), subject_of=_subject)
    return build("samm", root, records, labels=labels, span=span, strict=strict, faults=faults)


def _subject(row: SheetRow) -> str:
    """Return the subject that the clip's name begins with, else that of the row."""
    return row.clip.split("_")[0] if "_" in row.clip and not parts_of(row.clip)[1:] else row.subject
