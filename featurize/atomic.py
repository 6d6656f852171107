"""Files and folders that are written whole or not at all.

Everything is written beside its place, flushed to the disk, and renamed. A full disk, an error or an
interrupt leaves what stood there before, and nothing else. What a killed run leaves is removed by the next
one that writes in the same folder (`featurize.leftovers`).
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from featurize.exchange import exchange
from featurize.leftovers import beside, remove, set_aside, sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: How often a folder is tried to be put in place while others put theirs there.
_TRIES = 20


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
        self.temporary = beside(path, "tmp")

    def begin(self) -> Path:
        """Make the folder; return the path to write to."""
        with naming(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            sweep(self.path.parent)
        return self.temporary

    def commit(self) -> None:
        """Flush what was written to the disk, and put it in the place of an older file."""
        with naming(self.path):
            replace_file(self.temporary, self.path)

    def discard(self) -> None:
        """Remove what was written and not committed."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)

    def __enter__(self) -> Path:
        return self.begin()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        try:
            if error is None:
                self.commit()
            else:
                name_file(error, self.path, self.temporary)
        finally:
            self.discard()


def name_file(error: BaseException, path: Path, temporary: Path | None = None) -> None:
    """Give an error of the system that names no file, or a temporary one, the file that it is about."""
    if isinstance(error, OSError) and error.errno is not None:
        named = error.filename
        if not isinstance(named, str | bytes | os.PathLike):
            error.filename = str(path)
        elif temporary is not None and os.fsdecode(named).startswith(str(temporary)):
            error.filename = str(path) + os.fsdecode(named).removeprefix(str(temporary))
            error.filename2 = None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the system that the block raises name this file where they name none."""
    try:
        yield
    except OSError as error:
        name_file(error, path)
        raise


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


class _Writes:
    """A file as something that takes bytes, and no more."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array as .npy, byte by byte as `np.save` does.

    That one goes round Python where it can, and then says of a full disk only how much was not written.

    Raises
    ------
    OSError
        With the system's number, and the file.
    """
    import numpy as np

    with naming(path), path.open("wb") as file:
        reserve(file, array.nbytes)
        np.save(_Writes(file), array, allow_pickle=False)


def reserve(file: IO[bytes], size: int) -> None:
    """Take the room of `size` bytes on the disk now, so that a full one is an error and not half a file.

    A memory-mapped file must have its room first: the system ends a process that writes where none is left.

    Raises
    ------
    OSError
        If there is not so much.
    """
    if size <= 0 or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ESPIPE):
            raise


def replace_file(new: Path, path: Path) -> None:
    """Put a file in the place of another of the same file system, once it is on the disk."""
    _flush(new)
    os.replace(new, path)  # noqa: PTH105  what every other rename is made of
    _flush_folder(path.parent)


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
    sweep(path.parent)
    put_back(path)
    temporary = beside(path, "tmp")
    try:
        temporary.mkdir()
        yield temporary
        replace_folder(temporary, path, keep=keep)
    except OSError as error:
        name_file(error, path, temporary)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_back(path: Path) -> None:
    """Put back what a run had set aside for `path` when it was killed, where none can be exchanged."""
    if (old := set_aside(path)) is not None:
        old.rename(path)


def replace_folder(new: Path, path: Path, *, keep: str | None = None) -> None:
    """Put a folder in the place of another of the same file system; as `atomic_folder`.

    Both are exchanged in one step where the system can do that. Elsewhere the old one is set aside first, and
    comes back if the new one cannot take its place.
    """
    for place in new.rglob("*"):
        if place.is_file():
            _flush(place)
    if keep is not None and (path / keep).is_file():
        return
    for attempt in range(_TRIES):
        try:
            _put(new, path)
            break
        except OSError as error:  # another run has put its own there, or taken it away, meanwhile
            meanwhile = error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT) and new.is_dir()
            if not meanwhile or attempt == _TRIES - 1:
                raise
    _flush_folder(path.parent)


def _put(new: Path, path: Path) -> None:
    if not path.is_dir():  # a file stays in the way: the rename says so
        new.rename(path)
    elif exchange(new, path):
        remove(new)
    else:
        _set_aside_and_put(new, path)


def _set_aside_and_put(new: Path, path: Path) -> None:
    old = beside(path, "old")
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush(file: Path) -> None:
    with naming(file), file.open("rb") as opened:  # a copy may be read-only
        os.fsync(opened.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush the names of a folder, where the system can: a rename is then on the disk, too."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
