"""Recordings found by the names of their folders, whatever lies above them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from featurize.walk import Fault, list_folder
from pipelines.datasets.micro_expressions.clip_folders import NoFolderError, alike
from pipelines.datasets.micro_expressions.clip_records import ClipRecord, from_rows, sheet_path
from pipelines.datasets.micro_expressions.coding_sheet import read_sheet
from pipelines.datasets.published.tree import folders


class Recordings:
    """The folders of frames below a root.

    Parameters
    ----------
    root : Path
    depth : int
        Folders looked through.
    prefer : str
        Of several folders of one name, the one with this word in its path.
    """

    def __init__(self, root: Path, depth: int = 4, prefer: str = "") -> None:
        self.root, self._prefer = root, prefer
        self._of: dict[str, list[Path]] = {}
        for folder in folders(root, depth):
            self._of.setdefault(alike(folder.name), []).append(folder)

    def of(self, name: str) -> Path:
        """Return the folder of a recording.

        Raises
        ------
        NoFolderError
            If there is none, or several.
        """
        return self.only(self._of.get(alike(name), []), name)

    def where(self, fits: Callable[[Path], bool], name: str) -> Path:
        """Return the only folder that fits, as `of`."""
        return self.only((f for several in self._of.values() for f in several if fits(f)), name)

    def only(self, found: Iterable[Path], name: str) -> Path:
        """Return the one folder with images among those found, as `of`."""
        whole = [folder for folder in found if list_folder(folder).images]
        named = [f for f in whole if self._prefer in str(f.relative_to(self.root)).lower()]
        whole = named or whole
        if not whole:
            raise NoFolderError(f"no folder of frames for {name} in {self.root}")
        if len(whole) > 1:
            raise NoFolderError(f"{name} fits both {whole[0]} and {whole[1]}; give path=one of the two")
        return whole[0]


def from_recordings(
    root: Path, sheet: Path | str | None, prefer: str = ""
) -> tuple[list[ClipRecord], list[Fault]]:
    """Match the rows of a sheet with the recordings that they name.

    Parameters
    ----------
    root : Path
    sheet : Path, str or None
        See `clip_records.sheet_path`.
    prefer : str
        See `Recordings`.

    Returns
    -------
    records, faults
        As `clip_records.from_rows`. Subjects are those of the sheet.
    """
    table, recordings = sheet_path(root, sheet), Recordings(root, prefer=prefer)
    return from_rows(table, read_sheet(table), lambda row: (row.subject, recordings.of(row.clip)))
