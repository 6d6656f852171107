"""Files and folders that are written whole or not at all.

Everything is written beside its place, flushed to the disk, and renamed. A full disk, an error or an
interrupt leaves what stood there before, and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Characters of a name, and of an ending, that the temporary name keeps: no name gets too long for a disk.
_STEM, _ENDING = 40, 10


class AtomicFile:
    """A file that gets its name when it is whole.

    Use it as a context manager, which gives the temporary path, or call `begin`, `commit` and `discard`.

    Parameters
    ----------
    path : Path
        Where the file belongs. Its folder is made with `begin`; an older file stays until `commit`.

    Attributes
    ----------
    temporary : Path
        Where to write: hidden, in the same folder, with the ending of `path`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = _beside(path, "tmp")

    def begin(self) -> Path:
        """Make the folder; return the path to write to."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary

    def commit(self) -> None:
        """Flush what was written to the disk, and put it in the place of an older file."""
        replace_file(self.temporary, self.path)

    def discard(self) -> None:
        """Remove what was written and not committed."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)

    def __enter__(self) -> Path:
        return self.begin()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file, whole or not at all; return `path`.

    Raises
    ------
    OSError
        If it cannot be written. An older file then stays as it was.
    """
    with AtomicFile(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write text as UTF-8, its line ends as they are; as `write_bytes`."""
    return write_bytes(path, text.encode("utf-8"))


def replace_file(new: Path, path: Path) -> None:
    """Put a file in the place of another of the same file system, once it is on the disk."""
    _flush(new)
    os.replace(new, path)  # noqa: PTH105  what every other rename is made of


@contextmanager
def atomic_folder(path: Path, *, keep: str | None = None) -> Iterator[Path]:
    """Give an empty folder beside `path`, and put it in its place if the block ends without an error.

    Parameters
    ----------
    path : Path
    keep : str, optional
        A file by which a whole folder is known. One that another run has put there meanwhile then stays.

    Raises
    ------
    OSError
        If it cannot be written. What stood there is then left as it was.
    """
    path = path.resolve() if path.is_symlink() else path  # a link to a folder stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path, "tmp")
    try:
        temporary.mkdir()
        yield temporary
        replace_folder(temporary, path, keep=keep)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(new: Path, path: Path, *, keep: str | None = None) -> None:
    """Put a folder in the place of another of the same file system; as `atomic_folder`.

    No system can exchange two folders in one step everywhere: the old one is set aside first, and comes back
    if the new one cannot take its place.
    """
    for file in new.rglob("*"):
        if file.is_file():
            _flush(file)
    if keep is not None and (path / keep).is_file():
        return
    old = _beside(path, "old")
    aside = path.is_dir()  # a file stays in the way: the rename says so
    if aside:
        path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        if aside:
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, mark: str) -> Path:
    """Return a hidden name in the same folder that no other run takes."""
    ending = path.suffix if len(path.suffix) <= _ENDING else ""
    return path.with_name(f".{path.stem[:_STEM]}.{os.urandom(6).hex()}.{mark}{ending}")


def _flush(file: Path) -> None:
    with file.open("rb") as opened:  # a copy may be read-only
        os.fsync(opened.fileno())
