"""Boxes that are given and used as they are: a table with a line for each face."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.faces import Box
from featurize.images import Image
from pipelines.utils.paths import as_path
from pipelines.utils.read_table import Columns, read_table

_PLACES = ("left", "top", "width", "height")
_COLUMNS = Columns({name: (name,) for name in ("file", *_PLACES)}, ("file", *_PLACES))


@dataclass(frozen=True)
class Boxes:
    """The faces of a table.

    Attributes
    ----------
    table : Path
    by_file : mapping of Path to list of (int, Box)
        The line and the box of each face of a file, which is an absolute path.
    """

    table: Path
    by_file: Mapping[Path, list[tuple[int, Box]]]

    def of(self, path: Path, image: Image) -> list[Box]:
        """Return the boxes of an image, in the order of the table; none where it names none.

        Raises
        ------
        ValueError
            If one lies outside the image; one line that names the table's line.
        """
        height, width = image.shape[:2]
        found = self.by_file.get(path.absolute(), [])
        for line, box in found:
            if box.left >= width or box.top >= height or box.right <= 0 or box.bottom <= 0:
                where = f"{self.table.name} line {line}"
                raise ValueError(f"{where}: the box lies outside the image ({width} x {height} pixels)")
        return [box for _, box in found]

    def check(self, photos: Sequence[Path]) -> None:
        """Refuse a table of other files than those given.

        Raises
        ------
        ValueError
        """
        given = {photo.absolute() for photo in photos}
        if not given & set(self.by_file):
            first = next(iter(self.by_file), "")
            why = f"it names none of the photos given; its first file is {first}" if first else "it is empty"
            raise ValueError(f"--boxes {self.table}: {why}")


def read_boxes(table: Path | str) -> Boxes:
    """Read a table of faces.

    Parameters
    ----------
    table : path
        Text or .xlsx with the columns file, left, top, width, height, in pixels of the image as it is shown
        (upright as its EXIF says). A file is looked for beside the table, then where the command was started.

    Raises
    ------
    ValueError, OSError
        One line: a column is missing, a number is none, a box has no area.
    """
    path = as_path(table, "boxes")
    by_file: dict[Path, list[tuple[int, Box]]] = {}
    for line, cells in read_table(path, _COLUMNS).rows:
        box = _box(cells, f"{path} line {line}")
        by_file.setdefault(_file(path, cells["file"], line), []).append((line, box))
    return Boxes(path, by_file)


def _file(table: Path, name: str, line: int) -> Path:
    if not name:
        raise ValueError(f"{table} line {line}: no file is named; give its path")
    beside = (table.parent / name).absolute()
    return beside if beside.exists() else Path(name).absolute()


def _box(cells: Mapping[str, str], where: str) -> Box:
    left, top, width, height = (_number(cells[name], name, where) for name in _PLACES)
    if width < 1 or height < 1:
        raise ValueError(f"{where}: width {width:g} and height {height:g} have no area; give 1 pixel or more")
    return Box(round(left), round(top), round(left + width), round(top + height), True)


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e6:
        raise ValueError(f"{where}: {name} is {text[:40]!r}; give a number of pixels")
    return value
