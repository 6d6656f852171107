"""CSV files that grow by whole records: written whole or not at all, and read up to where they are whole.

A file that is empty, or whose last line a crash of the machine has cut short, is read as far as it goes.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurize.atomic import write_text
from featurize.regular import open_regular
from pipelines.utils.csv_files import as_csv

log = logging.getLogger(__name__)

Record = dict[str, str | None]
#: Characters of one field; rows of a grid may hold long parameters.
_LONGEST_FIELD = 2**24
#: Lines of a record that was cut short; more are no such record, but a quote too few somewhere.
_LONGEST_TORN = 8


def append(
    path: Path, columns: Sequence[str], records: Iterable[Mapping[str, Any]], added: Sequence[str] = ()
) -> None:
    """Append records, whole or not at all, also when several runs write to the file.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    records : iterable of mapping
    added : sequence of str
        The last of the columns, which files of older versions lack: such a file gets them first.

    Raises
    ------
    ValueError
        If the file is there and holds something else.
    OSError
        If it cannot be written; it then stays as it was.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        text = _whole_text(path, columns, added)
        if text and _header(text) != tuple(columns):
            older: list[Record] = [{**dict.fromkeys(columns, ""), **r} for _, r in _parsed(text)]
            text = as_csv(older, columns)
        write_text(path, text + as_csv(records, columns, header=not text))


def read(path: Path, columns: Sequence[str], added: Sequence[str] = ()) -> Iterator[tuple[int, Record]]:
    """Yield the number of the line and the record, for each record of a file; none where there is no file.

    Raises
    ------
    ValueError
        If it holds something else.
    """
    yield from _parsed(_whole_text(path, columns, added))


def header_of(path: Path, columns: Sequence[str], added: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the columns that a file has, all of them where it is empty or not there; raises as `read`."""
    text = _whole_text(path, columns, added)
    return _header(text) if text else tuple(columns)


def _whole_text(path: Path, columns: Sequence[str], added: Sequence[str]) -> str:
    """Return the text of a file without what was cut short; "" if nothing of it is whole."""
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8", "replace").removeprefix("\ufeff")
    except FileNotFoundError:
        return ""
    text = text.rstrip("\0")  # blocks that a crash of the machine has left empty
    known = [tuple(columns[: len(columns) - n]) for n in range(len(added) + 1)]
    if not text or any(",".join(header).startswith(text) for header in known):
        return ""  # an empty file, or the beginning of a header
    if _header(text) not in known:
        raise ValueError(f"{path} holds no result rows of this version; give another --out folder")
    return _without_torn(text, path)


def _without_torn(text: str, path: Path) -> str:
    """Return a text up to the end of its last whole record."""
    end, quotes, number = 0, 0, 0
    for found in re.finditer("\n", text):
        quotes += text.count('"', number, found.end())
        number = found.end()
        if quotes % 2 == 0:
            end = found.end()
    torn = text[end:]
    if not torn:
        return text
    if torn.count("\n") > _LONGEST_TORN:
        line = text.count("\n", 0, end) + 1
        raise ValueError(f"{path}, line {line}: a quote without its end; mend or remove that line")
    if _is_whole(torn, len(_header(text))):
        return f"{text}\n"
    log.warning("%s: its last line was cut short; what belongs to it is left out", path)
    run, comma, _ = torn.partition(",")
    return _without_run(text[:end], run) if comma else text[:end]


def _without_run(text: str, run: str) -> str:
    """Return a text without the records at its end that are of a run: what was cut short belongs to it."""
    lines = text.splitlines(keepends=True)
    while run and len(lines) > 1 and lines[-1].partition(",")[0] == run:
        lines.pop()
    return "".join(lines)


def _is_whole(line: str, width: int) -> bool:
    """Say whether a line that only lacks its end holds all of a record: its last field is JSON, or empty."""
    fields = next(_csv(line), [])
    return len(fields) == width and line.count('"') % 2 == 0 and fields[-1].strip()[-1:] in ("", "]", "}")


def _header(text: str) -> tuple[str, ...]:
    return tuple(next(_csv(text), []))


def _parsed(text: str) -> Iterator[tuple[int, Record]]:
    lines = _csv(text)
    names = next(lines, [])
    for number, fields in enumerate(lines, start=2):
        if fields:
            missing = [None] * (len(names) - len(fields))
            yield number, dict(zip(names, [*fields, *missing], strict=False))


def _csv(text: str) -> Iterator[list[str]]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error:
        return
    finally:
        csv.field_size_limit(before)
