"""Tables of records: Parquet and JSON lines, as rows of text with a header."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from featurize.extras import require
from pipelines.utils.cells import text_of
from pipelines.utils.table_text import decode_text

#: What the four numbers of a field of this name are.
_BOX = {"box": ("left", "top", "width", "height"), "bbox": ("left", "top", "width", "height")}


def is_parquet(data: bytes) -> bool:
    """Return whether a file begins as Parquet does."""
    return data.startswith(b"PAR1")


def is_json(data: bytes) -> bool:
    """Return whether a file begins as JSON lines, or as a list of JSON objects, does."""
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip().startswith(b"{"))


def parquet_rows(data: bytes) -> list[list[str]]:
    """Return the rows of a Parquet file as text, its fields' names first.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    pa, pq = require("pyarrow"), require("pyarrow.parquet")

    try:
        records = pq.read_table(io.BytesIO(data)).to_pylist()
    except (pa.ArrowException, OSError):
        raise ValueError("a damaged Parquet file; write it again") from None
    return record_rows(records)


def json_rows(data: bytes) -> list[list[str]]:
    """Return the objects of a file as rows of text, their keys first.

    Parameters
    ----------
    data : bytes
        One object a line, or one list of objects.

    Raises
    ------
    ValueError
        If a line is no object; the message names it.
    """
    text = decode_text(data).lstrip("\ufeff")
    if text.lstrip().startswith("["):
        return record_rows(_objects([text], "the file"))
    return record_rows(_objects(text.splitlines(), "line"))


def _objects(lines: Sequence[str], what: str) -> list[Mapping[str, Any]]:
    records: list[Mapping[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        where = f"line {number}" if what == "line" else what
        try:
            found = json.loads(line) if line.strip() else []
        except json.JSONDecodeError:
            raise ValueError(f"{where} is no JSON; write one object a line") from None
        several = found if isinstance(found, list) else [found]
        if not all(isinstance(one, dict) for one in several):
            raise ValueError(f"{where} holds something other than objects; write one object a line")
        records += several
    return records


def record_rows(records: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return records as rows of text, the names of all their fields first.

    A field that holds fields becomes ``field.inner``; a box of four numbers left, top, width and height.
    """
    flat = [_flat(record) for record in records]
    names = list(dict.fromkeys(name for record in flat for name in record))
    return [names, *([record.get(name, "") for name in names] for record in flat)]


def _flat(record: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in record.items():
        box = _BOX.get(name.lower())
        if isinstance(value, Mapping):
            found |= {f"{name}.{inner}": cell_text(v) for inner, v in value.items()}
        elif box and isinstance(value, list | tuple) and len(value) == len(box):
            found |= {side: cell_text(v) for side, v in zip(box, value, strict=True)}
        else:
            found[name] = cell_text(value)
    return found


def cell_text(value: Any) -> str:
    """Return a value as text; a number that is none (NaN) is an empty cell."""
    if isinstance(value, float) and math.isnan(value):
        return ""
    return text_of(value.item() if hasattr(value, "item") else value)
