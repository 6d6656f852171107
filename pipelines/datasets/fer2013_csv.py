"""The CSV forms of FER2013.

fer2013.csv has the columns ``emotion,pixels,Usage``; icml_face_data.csv has ``emotion, Usage, pixels``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

import numpy as np

from featurize.images import Image

SIDE = 48
#: The set's own numbers, 0 to 6; not the alphabetical order of the class folders.
NUMBERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = {"training": "train", "publictest": "public", "privatetest": "private"}
COLUMNS = ("emotion", "pixels", "usage")


def read_rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, str, str, Image]]:
    """Read a FER2013 CSV row by row.

    Parameters
    ----------
    lines : iterable of str
        The file's lines. The first is a header, in which case and spaces do not matter and the columns may
        stand in any order.
    name : str
        What to call the file in an error.

    Yields
    ------
    number : int
        Of the row, from 1 (the header is not counted).
    split : {"train", "public", "private"}
    emotion : str
        One of `NUMBERS`.
    image : (48, 48) uint8

    Raises
    ------
    KeyError
        Naming the first column that is missing.
    ValueError
        One line naming the line of the file and what is wrong in it: too few columns, an unknown emotion or
        Usage, a number of pixels other than 2,304, a value that is not 0 to 255; or the file is not text.
    """
    reader = csv.reader(lines)
    try:
        where = _columns(next(reader, []))
        for number, row in enumerate((row for row in reader if row), start=1):
            try:
                yield number, *_parsed(row, where)
            except ValueError as error:
                raise ValueError(
                    f"{name}, line {reader.line_num}: {error}; download the file again"
                ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{name}: not a text file in UTF-8; download the file again") from None
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: {error}; download the file again") from None


def _columns(header: list[str]) -> tuple[int, int, int]:
    names = [column.strip().lower() for column in header]
    for column in COLUMNS:
        if column not in names:
            raise KeyError(column)
    emotion, pixels, usage = (names.index(column) for column in COLUMNS)
    return emotion, pixels, usage


def _parsed(row: list[str], where: tuple[int, int, int]) -> tuple[str, str, Image]:
    if len(row) <= max(where):
        raise ValueError(f"only {len(row)} columns")
    emotion, pixels, usage = (row[i].strip() for i in where)
    if emotion not in ("0", "1", "2", "3", "4", "5", "6"):
        raise ValueError(f"emotion {emotion[:20]!r} is not a number from 0 to 6")
    if usage.lower() not in USAGES:
        raise ValueError(f"Usage {usage[:20]!r} is none of Training, PublicTest, PrivateTest")
    return USAGES[usage.lower()], NUMBERS[int(emotion)], parse_pixels(pixels)


def parse_pixels(text: str) -> Image:
    """Return (48, 48) uint8 from 2,304 numbers of 0 to 255 with spaces between them, row by row.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is not such a number.
    """
    # One look at the characters, so that the fast parser below meets nothing it would guess about.
    if text.strip("0123456789 ") or not text.isascii() or text.encode().translate(None, b"0123456789 "):
        raise ValueError("pixels hold something other than whole numbers from 0 to 255")
    values = np.fromstring(text, dtype=np.int64, sep=" ") if text.strip() else np.empty(0, np.int64)
    if len(values) != SIDE * SIDE:
        raise ValueError(f"{len(values):,} pixels where {SIDE} x {SIDE} = {SIDE * SIDE:,} are needed")
    if values.max() > 255:
        raise ValueError(f"pixel {values.max()} is above 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)
