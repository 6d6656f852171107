"""Archives, read member by member without unpacking them to disk: .zip, .tar, .tar.gz, .tar.bz2, .tar.xz."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

#: An archive whose contents exceed this many times its own size is refused. FER2013 comes to 2 (JPEGs in a
#: .tar.xz) and 3 (its CSV in a .tar.gz).
MAX_RATIO = 100
#: No contents above this are read, whatever the ratio: FER2013's largest form, its CSV, has 0.3 GB.
MAX_BYTES = 8 * 2**30
#: `Member.read` refuses a file above this: it is held in memory, and no image is as large.
MAX_MEMBER = 2**28


class ArchiveError(ValueError):
    """An archive that cannot or must not be read; `str()` is one line."""


@dataclass(frozen=True)
class Member:
    """One file inside an archive (or a folder): its name with forward slashes, and how to open it."""

    name: str
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Return the whole content; ArchiveError if it has more than `MAX_MEMBER` bytes."""
        with self.open() as stream:
            data = stream.read(MAX_MEMBER + 1)
        if len(data) > MAX_MEMBER:
            raise ArchiveError(f"{self.name}: more than {MAX_MEMBER // 2**20} MiB, too large for an image")
        return data


def kind(path: Path) -> str | None:
    """Return "zip", "tar", "gz", "bz2" or "xz" by the file's first bytes, None if it is none of them."""
    with path.open("rb") as file:
        head = file.read(512)
    magic = {
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
        b"\x1f\x8b": "gz",
        b"BZh": "bz2",
        b"\xfd7zXZ\x00": "xz",
    }
    by_magic = next((name for start, name in magic.items() if head.startswith(start)), None)
    return by_magic or ("tar" if head[257:262] == b"ustar" else None)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Iterator[Member]]:
    """Open an archive and give its regular files in order; each must be read before the next is asked for.

    Parameters
    ----------
    path : Path
        The archive; its kind is read from its content, not from its name.

    Yields
    ------
    iterator of Member
        Damage is found while reading, so keep nothing for good until the block has ended without an error.

    Raises
    ------
    ArchiveError
        If it is not an archive; is truncated or damaged; needs a password; holds a link, a device, or a name
        that leads out of its folder; or its contents exceed `MAX_RATIO` times its size, or `MAX_BYTES`.
    """
    try:
        yield _members(path)
    except ArchiveError:
        raise
    # struct.error and UnicodeDecodeError: a header that passed its checksum but holds nonsense.
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile,
            struct.error, UnicodeDecodeError, NotImplementedError):  # fmt: skip
        raise _damaged(path) from None
    except OSError as error:
        # The disk's own errors are not the archive's; an invalid offset is.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(path) from None


def _damaged(path: Path) -> ArchiveError:
    return ArchiveError(f"{path}: truncated or damaged archive; download it again")


def _members(path: Path) -> Iterator[Member]:
    form = kind(path)
    if form is None:
        raise ArchiveError(
            f"{path}: not a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz archive, or its beginning is lost"
        )
    limit = min(MAX_RATIO * path.stat().st_size, MAX_BYTES)
    return _zip_members(path, limit) if form == "zip" else _tar_members(path, form, limit)


def _too_large(path: Path) -> ArchiveError:
    return ArchiveError(
        f"{path}: unpacks to more than {MAX_RATIO} times its size (or {MAX_BYTES // 2**30} GiB), "
        "as an archive made to fill the disk does; not read"
    )


def _checked_name(path: Path, name: str) -> str:
    """Return the member's name with forward slashes, if it stays inside the archive's folder."""
    # A name that is not UTF-8 arrives with surrogates, which no CSV could hold.
    clean = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\\", "/")
    parts = PurePosixPath(clean).parts
    if clean.startswith("/") or ".." in parts or clean[1:2] == ":" or "\0" in clean:
        raise ArchiveError(f"{path}: member {name!r} leads out of the archive's folder; not read")
    return "/".join(parts)


def _zip_members(path: Path, limit: int) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        for info in infos:
            _check_zip_member(path, info)
        # zipfile reads no more than the declared size of a member, so the sum of them is a bound that holds.
        if sum(info.file_size for info in infos) > limit:
            raise _too_large(path)
        for info in infos:
            if not info.is_dir():
                yield Member(_checked_name(path, info.filename), partial(archive.open, info))


def _check_zip_member(path: Path, info: zipfile.ZipInfo) -> None:
    if not info.filename:
        raise zipfile.BadZipFile("a member without a name")
    _checked_name(path, info.filename)
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"{path}: member {info.filename!r} is a link or a device; not read")
    if info.flag_bits & 1:
        raise ArchiveError(f"{path}: needs a password; unpack it and give the folder")


class _Bounded(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes: a compressed file declares no size to trust."""

    def __init__(self, stream: IO[bytes], path: Path, limit: int) -> None:
        self.stream, self.path, self.left = stream, path, limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(data)
        if self.left < 0:
            raise _too_large(self.path)
        return data


class _StrictInfo(tarfile.TarInfo):
    """A header that must be there: tarfile takes a missing or broken one for the archive's end."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _StrictInfo:
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error} where a member or the end should be") from None


def _open_tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:  # only for what is not a file
        raise tarfile.ReadError(f"cannot open {info.name!r}")
    return stream


def _tar_members(path: Path, form: str, limit: int) -> Iterator[Member]:
    openers: dict[str, Any] = {"tar": open, "gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    with openers[form](path, "rb") as stream:
        bounded: Any = _Bounded(stream, path, limit)
        with tarfile.open(fileobj=bounded, mode="r|", tarinfo=_StrictInfo) as archive:
            archive.fileobj.seekable = lambda: False  # type: ignore[attr-defined] # TextIOWrapper asks
            for info in archive:
                name = _checked_name(path, info.name)
                # A sparse file may declare terabytes of zeros that the stream never holds.
                if not (info.isfile() or info.isdir()) or info.issparse():
                    raise ArchiveError(f"{path}: member {name!r} is a link, a device or sparse; not read")
                if info.isfile():
                    yield Member(name, partial(_open_tar_member, archive, info))
                archive.members.clear()  # type: ignore[attr-defined] # tarfile would keep every header
        while bounded.read(2**20):  # the compressor's own checksum stands at the very end
            pass
