"""What a file is, by its first bytes: the one answer that every reader of files gives.

A name and its ending are what somebody called the file; the first bytes are what a decoder gets. Endings
serve two purposes only: to list 36,000 images without opening one, and to tell a camera's raw file from the
TIFF that it begins as.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from functools import cache
from typing import Literal

#: Bytes that decide: enough for ten packets of an MPEG transport stream.
HEAD = 2048
#: Endings of images that are read, in lower case.
IMAGE_ENDINGS = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".tif",
        ".tiff",
        ".webp",
        ".gif",
        ".pgm",
        ".ppm",
        ".pnm",
    }
)
#: Endings of images that are read where a reader is installed, or not at all.
OTHER_IMAGE_ENDINGS = frozenset(
    {".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".mpo", ".dib", ".apng", ".pjpeg"}
)
#: Endings of videos, in lower case.
VIDEO_ENDINGS = frozenset(
    {".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".mpe", ".m2v", ".vob", ".wmv", ".asf",
     ".3gp", ".3g2", ".ts", ".mts", ".m2ts", ".flv", ".f4v", ".qt"}
)  # fmt: skip
#: Endings of cameras' raw files, most of which begin as a TIFF with a thumbnail.
RAW_ENDINGS = frozenset(
    {".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".kdc", ".mrw", ".nef", ".nrw", ".orf", ".pef",
     ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)  # fmt: skip
#: Brands of ISO files that hold a still image or a burst of them.
_HEIF_BRANDS = frozenset(
    {
        b"heic",
        b"heix",
        b"hevc",
        b"hevx",
        b"heim",
        b"heis",
        b"hevm",
        b"hevs",
        b"mif1",
        b"mif2",
        b"msf1",
        b"miaf",
    }
)
_AVIF_BRANDS = frozenset({b"avif", b"avis", b"avio"})
_KNOWN = "JPEG, PNG, BMP, TIFF, WebP, GIF, PGM or PPM"

Group = Literal[
    "image", "video", "unsupported", "pointer", "dead link", "empty", "text", "other", "special", "closed"
]


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes
    ----------
    group : str
        "image" and "video": of a format that is decoded. "unsupported": an image of another format, or HEIC
        without its reader. "pointer": a stand-in for content that was not fetched (Git LFS, DVC, git-annex).
        "dead link"; "empty"; "text"; "special": a folder, FIFO, device or socket, never opened; "closed": it
        cannot be opened; "other": everything else.
    name : str
        The format in a word or two, such as "JPEG" or "Git LFS pointer".
    what : str
        The same in a sentence, with its article; empty for what is not recognised.
    cure : str
        What to do about it; empty if nothing can be said.
    """

    group: Group
    name: str
    what: str = ""
    cure: str = ""

    def reason(self, wanted: Literal["image", "video"] = "image") -> str:
        """Say in one line why the file is no image (no video) that can be read, and what to do."""
        if self.group == "empty":
            return "empty file (0 bytes); copy it again"
        if self.group in ("unsupported", "pointer", "dead link", "closed"):
            return "; ".join(filter(None, (self.what, self.cure)))
        if not self.what or self.group == wanted:
            known = f"{_KNOWN} image" if wanted == "image" else "video of a known kind"
            return f"not a {known}, or its beginning is damaged"
        article = "an image" if wanted == "image" else "a video"
        return "; ".join(filter(None, (f"{self.what}, not {article}", self.cure)))


def _image(name: str) -> FileKind:
    return FileKind("image", name, f"an image ({name})")


def _video(name: str) -> FileKind:
    return FileKind("video", name, f"a video ({name})")


def _other(name: str, what: str, cure: str = "") -> FileKind:
    return FileKind("other", name, what, cure)


_AS_JPEG = "save it as JPEG or PNG"
_UNPACK = "unpack it first"
_EMPTY = FileKind("empty", "empty file")
_TEXT = FileKind("text", "text", "text")
_UNKNOWN = FileKind("other", "unknown")
_RAW = _other("camera raw", "a camera's raw file", _AS_JPEG)
_LFS = FileKind(
    "pointer", "Git LFS pointer", "a Git LFS pointer: its content was not fetched", "run: git lfs pull"
)
_DVC = FileKind("pointer", "DVC pointer", "a DVC pointer: its content was not fetched", "run: dvc pull")
_ANNEX = FileKind(
    "pointer", "git-annex pointer", "a git-annex pointer: its content was not fetched", "run: git annex get"
)
#: A file of a cloud drive that is not on this machine.
CLOUD = FileKind(
    "pointer",
    "iCloud placeholder",
    "an iCloud placeholder: its content was not fetched",
    "download it in Finder",
)
#: What begins so is that; the longer beginnings first.
_STARTS: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89PNG\r\n\x1a\n", _image("PNG")),
    (b"\xff\xd8\xff", _image("JPEG")),
    (b"GIF87a", _image("GIF")),
    (b"GIF89a", _image("GIF")),
    (b"II*\0", _image("TIFF")),
    (b"MM\0*", _image("TIFF")),
    (b"II+\0", _image("TIFF")),
    (b"MM\0+", _image("TIFF")),
    (b"\x1a\x45\xdf\xa3", _video("Matroska or WebM")),
    (b"FLV\x01", _video("FLV")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _video("WMV")),
    (b"\0\0\x01\xba", _video("MPEG")),
    (b"\0\0\x01\xb3", _video("MPEG")),
    (b"OggS", _other("Ogg", "an Ogg file", "convert a video to .mp4")),
    (b"%PDF-", _other("PDF", "a PDF document", "save its pages as JPEG or PNG")),
    (b"PK\x03\x04", _other("ZIP", "a ZIP archive", _UNPACK)),
    (b"PK\x05\x06", _other("ZIP", "an empty ZIP archive")),
    (b"\x1f\x8b", _other("gzip", "a compressed file (gzip)", _UNPACK)),
    (b"BZh", _other("bzip2", "a compressed file (bzip2)", _UNPACK)),
    (b"\xfd7zXZ\0", _other("xz", "a compressed file (xz)", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", _other("7z", "a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", _other("RAR", "a RAR archive", _UNPACK)),
    (b"\0\x05\x16\x07", _other("AppleDouble", "what macOS notes beside a file (AppleDouble)", "remove it")),
    (b"\x93NUMPY", _other("NumPy", "a NumPy array")),
    (b"\x89HDF\r\n\x1a\n", _other("HDF5", "an HDF5 file")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _other("OLE", "an Office or thumbnail file of Windows")),
    (b"SQLite format 3\0", _other("SQLite", "an SQLite database")),
    (b"8BPS", FileKind("unsupported", "Photoshop", "a Photoshop image", _AS_JPEG)),
    (b"\0\0\0\x0cJXL \r\n\x87\n", FileKind("unsupported", "JPEG XL", "a JPEG XL image", _AS_JPEG)),
    (b"\xff\x0a", FileKind("unsupported", "JPEG XL", "a JPEG XL image", _AS_JPEG)),
    (b"\0\0\0\x0cjP  \r\n\x87\n", FileKind("unsupported", "JPEG 2000", "a JPEG 2000 image", _AS_JPEG)),
    (b"\xff\x4f\xff\x51", FileKind("unsupported", "JPEG 2000", "a JPEG 2000 image", _AS_JPEG)),
    (b"v/1\x01", FileKind("unsupported", "OpenEXR", "an OpenEXR image", _AS_JPEG)),
    (b"IIU\0", _RAW),
    (b"IIRO", _RAW),
    (b"FUJIFILMCCD-RAW", _RAW),
    (b"FOVb", _RAW),
    (b"ID3", _other("MP3", "a sound file (MP3)")),
    (b"fLaC", _other("FLAC", "a sound file (FLAC)")),
)
_TEXTS: tuple[tuple[re.Pattern[bytes], FileKind], ...] = (
    (re.compile(rb"version https://(git-lfs\.github|hawser\.github)\.com/spec/"), _LFS),
    (re.compile(rb"[^\n]{0,400}(^|/)\.?(git/)?annex/objects/"), _ANNEX),
    (re.compile(rb"(?s)(.*\n)?outs:\s*\n\s*-\s"), _DVC),
    (re.compile(rb"(?is)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg\b"),
     FileKind("unsupported", "SVG", "an SVG drawing", _AS_JPEG)),
    (re.compile(rb"(?i)\s*(<!doctype html|<html\b)"),
     FileKind("text", "HTML", "a web page (HTML)", "a download may have failed: fetch it again")),
)  # fmt: skip


def identify(head: bytes) -> FileKind:
    """Return what a file is by its first bytes; never raises.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes, or all if there are fewer.
    """
    if not head:
        return _EMPTY
    for start, kind in _STARTS:
        if head.startswith(start):
            return _RAW if kind.name == "TIFF" and head[8:10] == b"CR" else kind
    return _riff(head) or _iso(head) or _image_by_header(head) or _plain(head) or _transport(head) or _UNKNOWN


def _riff(head: bytes) -> FileKind | None:
    if head[:4] != b"RIFF":
        return None
    known = {b"WEBP": _image("WebP"), b"AVI ": _video("AVI"), b"WAVE": _other("WAV", "a sound file (WAV)")}
    return known.get(head[8:12])


def _iso(head: bytes) -> FileKind | None:
    """MP4, MOV and 3GP, and what shares their form: HEIC, AVIF, sound, a camera's raw file."""
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):  # QuickTime of before 2001
        return None if _is_text(head) else _video("QuickTime")
    if head[4:8] != b"ftyp":
        return None
    brand = head[8:12]
    if brand in _AVIF_BRANDS or (brand in _HEIF_BRANDS and _AVIF_BRANDS & _compatible(head)):
        return _heif("AVIF", avif_reader())
    if brand in _HEIF_BRANDS:
        return _heif("HEIC", heif_reader())
    if brand == b"crx ":
        return _RAW
    if brand in (b"M4A ", b"M4B ", b"M4P ", b"F4A "):
        return _other("M4A", "a sound file (M4A)")
    return _video("MP4 or MOV")


def _compatible(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[at : at + 4] for at in range(16, size - 3, 4)}


def _heif(name: str, readable: bool) -> FileKind:
    if readable:
        return _image(name)
    return FileKind(
        "unsupported", name, f"a HEIC or AVIF image ({name})", f"{_AS_JPEG}, or pip install pillow-heif"
    )


@cache
def heif_reader() -> bool:
    """Return whether HEIC can be read, with `pillow-heif` installed, and let Pillow know it."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


@cache
def avif_reader() -> bool:
    """Return whether this Pillow reads AVIF."""
    from PIL import features

    return "avif" in features.modules and features.check("avif") is True


def _image_by_header(head: bytes) -> FileKind | None:
    """BMP and PGM/PPM, which begin with two letters as text may."""
    if head[:2] == b"BM" and head[15:18] == b"\0\0\0" and head[14] in (12, 16, 40, 52, 56, 64, 108, 124):
        return _image("BMP")
    return _image("PPM") if re.match(rb"P[1-6]\s+(#|\d)", head) else None


def _transport(head: bytes) -> FileKind | None:
    """MPEG-TS: a sync byte every 188 bytes, or 192 with a time stamp (.mts, .m2ts), wherever it was cut."""
    for size in (188, 192, 204):
        for first in range(size):
            marks = head[first::size]
            if len(marks) >= 5 and marks.count(b"G") == len(marks):
                return _video("MPEG-TS")
    return None


def _plain(head: bytes) -> FileKind | None:
    if not _is_text(head):
        return None
    return next((kind for pattern, kind in _TEXTS if pattern.match(head)), _TEXT)


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) % 2 == 0:
        return head.count(b"\0") > len(head) // 4
    if any(byte < 32 and byte not in b"\t\n\f\r\x08\x1b" for byte in head):
        return False
    try:
        head[:-3].decode("utf-8")  # the last letter may be cut
    except UnicodeDecodeError as error:
        if error.start < len(head) - 6:  # Latin-1: some letters, not most of them
            return sum(byte > 126 for byte in head) < len(head) // 4
    return True


def ending_of(name: str) -> str:
    """Return a file name's ending in lower case with its dot; empty if it has none."""
    stem, dot, end = name.rpartition("/")[2].rpartition(".")
    return f".{end.lower()}" if dot and end and stem.strip(".") else ""


def examine(path: str | os.PathLike[str]) -> FileKind:
    """Return what the file of this path is; what is no regular file is never opened.

    Parameters
    ----------
    path : path
        Of anything that may lie in a folder: links are followed.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a Path each would double the time of a large folder
        if not stat.S_ISREG(mode):
            return _special(mode)
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            kind = identify(file.read(HEAD))
    except OSError as error:
        if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH114, PTH110 - as above
            return _dead(os.fsdecode(os.readlink(path)))  # noqa: PTH115 - as above
        why = (error.strerror or type(error).__name__).lower()
        return FileKind("closed", "cannot be opened", f"cannot be opened ({why})")
    raw = kind.name == "TIFF" and ending_of(os.fspath(path)) in RAW_ENDINGS
    return _RAW if raw else kind


def _special(mode: int) -> FileKind:
    names = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe (FIFO)", stat.S_IFSOCK: "socket"}
    name = names.get(stat.S_IFMT(mode), "device")
    return FileKind("special", name, f"a {name}", "save it as a file and give that")


def _dead(target: str) -> FileKind:
    if "annex/objects/" in target:
        return FileKind("dead link", "dead link", "a dead link into git-annex: its content was not fetched",
                        "run: git annex get")  # fmt: skip
    if "dvc" in target.replace("\\", "/").lower().split("/") or ".dvc/" in target:
        return FileKind("dead link", "dead link", "a dead link into DVC's cache: its content was not fetched",
                        "run: dvc pull")  # fmt: skip
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in target)
    return FileKind(
        "dead link", "dead link", f"a dead link: {shown} is not there", "fetch it, or remove the link"
    )
