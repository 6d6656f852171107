"""Tables as text: their encoding and their delimiter, found from the file itself."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from typing import IO

#: Of equals, the first.
DELIMITERS = (",", ";", "\t", "|")
#: UTF-32 stands before UTF-16, whose mark is the beginning of its own.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK = "mueca-windows-1252"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    """Decode as Windows-1252 the bytes that are no UTF-8; the few it lacks as Latin-1."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error(_FALLBACK, _as_windows)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text by its first bytes.

    Returns
    -------
    str
        That of the byte order mark; else UTF-16 where every other byte is 0; else "utf-8".
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked:
        return marked
    head = head[: len(head) // 2 * 2][:64]
    if head and not any(head[1::2]) and all(head[::2]):
        return "utf-16-le"
    return "utf-16-be" if head and not any(head[::2]) and all(head[1::2]) else "utf-8"


def decode_text(data: bytes) -> str:
    """Return a whole file as text; what is no UTF-8 is read as Windows-1252.

    Raises
    ------
    UnicodeDecodeError
        If the file is cut off in UTF-16 or UTF-32.
    """
    encoding = encoding_of(data)
    if encoding != "utf-8":
        return data.decode(encoding)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", _FALLBACK)


def open_text(binary: IO[bytes]) -> io.TextIOWrapper:
    """Return a stream of text over one of bytes; byte by byte, what is no UTF-8 is Windows-1252."""
    buffered = io.BufferedReader(binary)  # type: ignore[type-var]
    encoding = encoding_of(buffered.peek(64))
    errors = _FALLBACK if encoding.startswith("utf-8") else "strict"
    return io.TextIOWrapper(buffered, encoding, errors=errors, newline="")


def split_rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a text until one cannot be split; used to look at the first few."""
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        yield from reader
    except csv.Error:
        return


def declared_delimiter(line: str) -> str | None:
    """Return the delimiter that Excel's line ``sep=;`` names, None if it is no such line."""
    text = line.strip().strip('"')
    return (
        text[4:]
        if len(text) == 5 and text[:4].lower() == "sep="
        else ("\t" if text.lower() == "sep=" else None)
    )
