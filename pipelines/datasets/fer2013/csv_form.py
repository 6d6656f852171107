"""The CSV forms of FER2013.

fer2013.csv has the columns ``emotion,pixels,Usage``; icml_face_data.csv has ``emotion, Usage, pixels``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from featurize.images import Image
from pipelines.utils.cells import clean, heading_key, whole_number
from pipelines.utils.read_table import Columns, stream_rows

SIDE = 48
#: The set's own numbers, 0 to 6; not the alphabetical order of the class folders.
NUMBERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = {"training": "train", "publictest": "public", "privatetest": "private"}
COLUMNS = Columns(
    {"emotion": ("emotion",), "pixels": ("pixels",), "usage": ("usage",)}, ("emotion", "pixels", "usage")
)
#: What a spreadsheet or a data frame makes of the spaces between pixels, and of whole numbers.
_BETWEEN = re.compile(r"\s+")
_POINT_ZERO = re.compile(r"(?<=\d)\.0*(?=\s|$)", re.ASCII)


def read_rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, str, str, Image]]:
    """Read a FER2013 CSV row by row.

    Parameters
    ----------
    lines : iterable of str
        The file's lines. Among the first is a header, in which case and spaces do not matter and the columns
        may stand in any order. The delimiter is that of the header. Rows without any text are left out.
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
    MissingColumnsError
        A KeyError that names the columns that are missing, and the header that is there.
    ValueError
        One line naming the line of the file and what is wrong in it: too few columns, an unknown emotion or
        Usage, a number of pixels other than 2,304, a value that is not 0 to 255; or the file is not text.
    """
    rows = stream_rows(lines, COLUMNS)
    try:
        for number, (line, row, where) in enumerate(rows, start=1):
            try:
                yield number, *_parsed(row, where)
            except ValueError as error:
                raise ValueError(f"line {line}: {error}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{name}: not a text file in UTF-8; download the file again") from None
    except ValueError as error:
        raise ValueError(f"{name}, {error}; correct it, or download the file again") from None


def _parsed(row: list[str], where: dict[str, int]) -> tuple[str, str, Image]:
    if len(row) <= max(where.values()):
        raise ValueError(f"only {len(row)} columns")
    emotion, pixels, usage = row[where["emotion"]], row[where["pixels"]], clean(row[where["usage"]])
    if heading_key(usage) not in USAGES:
        raise ValueError(f"Usage {usage[:20]!r} is none of Training, PublicTest, PrivateTest")
    return USAGES[heading_key(usage)], NUMBERS[_emotion(emotion)], parse_pixels(pixels)


def _emotion(text: str) -> int:
    try:
        number = whole_number(text)
    except ValueError:
        number = -1
    if number not in range(len(NUMBERS)):
        raise ValueError(f"emotion {text[:20]!r} is not a number from 0 to 6")
    return number


def parse_pixels(text: str) -> Image:
    """Return (48, 48) uint8 from 2,304 numbers of 0 to 255 with spaces between them, row by row.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is not such a number.
    """
    # One look at the characters, so that the fast parser below meets nothing it would guess about.
    if _other_characters(text):
        text = _BETWEEN.sub(" ", _POINT_ZERO.sub("", text))
    if _other_characters(text):
        raise ValueError("pixels hold something other than whole numbers from 0 to 255")
    values = np.fromstring(text, dtype=np.int64, sep=" ") if text.strip() else np.empty(0, np.int64)
    if len(values) != SIDE * SIDE:
        raise ValueError(f"{len(values):,} pixels where {SIDE} x {SIDE} = {SIDE * SIDE:,} are needed")
    if values.max() > 255:
        raise ValueError(f"pixel {values.max()} is above 255")
    return values.astype(np.uint8).reshape(SIDE, SIDE)


def _other_characters(text: str) -> bool:
    return not text.isascii() or bool(text.encode().translate(None, b"0123456789 "))
