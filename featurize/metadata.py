"""PNG and JPEG files without what says nothing of their pixels: comments, profiles, records of programs."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
#: Chunks beside the critical ones that decide pixels, or that there are several images.
_PNG_PIXELS = frozenset({b"tRNS", b"acTL", b"fcTL", b"fdAT"})
#: Beginnings of PNG chunks that may state a rotation.
_PNG_ROTATION = (
    b"eXIf",
    b"iTXtXML:com.adobe.xmp\0\0",
    b"zTXtRaw profile type exif\0",
    b"tEXtRaw profile type exif\0",
)
#: Larger than any record of a rotation alone.
_ROTATION_BYTES = 2**17


def with_less_metadata(data: bytes) -> Iterator[bytes]:
    """Yield a PNG or JPEG file without its metadata: first with what may state a rotation, then without.

    Parts are copied as they are, checksums too, so that damaged pixels stay damaged. Nothing is unpacked.

    Parameters
    ----------
    data : bytes
        The whole file. Of other formats, and where there is nothing to leave out, nothing is yielded.
    """
    split = _png_parts if data.startswith(_PNG) else _jpeg_parts if data.startswith(b"\xff\xd8\xff") else None
    before = data
    for rotation in (True, False) if split else ():
        less = b"".join(split(data, rotation))  # type: ignore[misc]
        if less != before:
            yield less
        before = less


def _png_parts(data: bytes, rotation: bool) -> Iterator[bytes]:
    yield _PNG
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + length
        critical = not kind[0] & 0x20
        turned = rotation and length < _ROTATION_BYTES and data.startswith(_PNG_ROTATION, at + 4)
        if critical or kind in _PNG_PIXELS or turned:
            yield data[at:end]
        at = end
    yield data[at:]


def _jpeg_parts(data: bytes, rotation: bool) -> Iterator[bytes]:
    """Yield the parts up to the first scan, and the rest as one."""
    yield data[:2]
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # a byte that fills
            at += 1
            continue
        if marker == 0xDA or not 0xC0 <= marker <= 0xFE:
            break
        end = at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if _KEPT.get(marker, _always)(data[at + 4 : end], rotation):
            yield data[at:end]
        at = end
    yield data[at:]


def _always(_body: bytes, _rotation: bool) -> bool:
    return True


def _never(_body: bytes, _rotation: bool) -> bool:
    return False


#: Marker -> whether a segment stays. JFIF's and Adobe's say what the colours are, where they are whole.
_KEPT: dict[int, Callable[[bytes, bool], bool]] = {
    **dict.fromkeys([*range(0xE0, 0xF0), 0xFE], _never),
    0xE0: lambda body, _: body.startswith(b"JFIF\0") and len(body) >= 14,
    0xE1: lambda body, rotation: rotation and body.startswith(b"Exif\0\0"),
    0xEE: lambda body, _: body.startswith(b"Adobe") and len(body) >= 12,
}
