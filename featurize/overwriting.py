"""No command writes over what it reads: one question, asked of every option before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def check_overwrites(
    option: str, writes: Iterable[Path], reads: Iterable[Path], *, beside: Iterable[Path] = ()
) -> None:
    """Refuse to write over something that is read.

    Links are followed: a file is the same by any of its names.

    Parameters
    ----------
    option : str
        What the target was given by, for the message.
    writes : iterable of Path
        Files that will be written, or folders that will be replaced as a whole.
    reads : iterable of Path
        Files that are read, and folders of such: nothing that is there already in one of these is replaced.
    beside : iterable of Path
        Folders that hold a person's own files: nothing that lies directly in one of them is replaced.

    Raises
    ------
    ValueError
        One line that names the file and says what to do.
    """
    there = [path for path in writes if path.exists()]
    if not there:
        return
    known = {identity: path for path in reads if (identity := _identity(path)) is not None}
    holding = {identity for path in beside if (identity := _identity(path)) is not None}
    for path in there:
        if (found := _read(path, known)) is not None:
            what = "which is read" if found == path else f"and {found} is read"
            raise ValueError(f"{option} would write over {path}, {what}; give another name or folder")
        if _identity(path.resolve().parent) in holding or _identity(path.parent) in holding:
            raise ValueError(
                f"{option} would write over {path}, which lies beside what is read; give another folder"
            )


def _read(path: Path, known: dict[tuple[int, int], Path]) -> Path | None:
    """Return what of the things that are read a path stands for: itself, a folder around it, or a part."""
    for place in (path, *path.resolve().parents):
        if (found := known.get(_identity(place) or (-1, -1))) is not None and (
            place == path or found.is_dir()
        ):
            return found
    if path.is_dir():
        mine = _identity(path)
        return next((p for p in known.values() if mine in map(_identity, p.resolve().parents)), None)
    return None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
