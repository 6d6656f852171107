"""Tables that people made, however saved: the one reader of coding sheets, indexes, labels and FER2013's CSV.

Text is split at commas, semicolons, tabs or bars, whichever the header is written with, in UTF-8, UTF-16 or
Windows-1252. Of a workbook every worksheet is looked at. The header is the first row that names all columns
that are needed; rows before it are notes, rows without any text are nothing. Parquet and JSON lines are read
as tables whose header is the names of their fields.
"""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.utils.cells import SpoiltCell, clean, heading_key
from pipelines.utils.table_book import is_zip, other_kind, worksheets
from pipelines.utils.table_records import is_json, is_parquet, json_rows, parquet_rows
from pipelines.utils.table_text import DELIMITERS, declared_delimiter, decode_text, split_rows

log = logging.getLogger(__name__)

#: What is said where a reader of CSV gives up.
_NO_END = "a quote is not closed, or a cell has no end; save it again"
#: Endings that are read, and those of tables that are not but get advice.
ENDINGS = (".csv", ".tsv", ".xlsx", ".xlsm")
#: Of records rather than of what a spreadsheet saves.
RECORD_ENDINGS = (".parquet", ".jsonl", ".ndjson")
OTHER_ENDINGS = (".xls", ".xlsb", ".ods", ".numbers")
#: Rows looked at for the header: SAMM's sheet begins with a dozen rows of notes.
HEADER_ROWS = 40
#: Characters; a longer cell is no heading. FER2013's pixels are some 8,000, and need not be spelt out as one.
LONGEST_HEADING = 500


class MissingColumnsError(KeyError):
    """A table without the columns `names`; `str()` says what was looked for and what is there."""

    def __init__(self, names: Sequence[str], words: str) -> None:
        super().__init__(words)
        self.names, self.words = tuple(names), words

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Columns:
    """Columns to look for.

    Attributes
    ----------
    spellings : mapping of str to tuple of str
        Name -> what headings it may have, as `heading_key` makes them. Of several that a table has, the first
        spelling wins.
    needed : tuple of str
        Names that the table must have.
    families : tuple of str
        Beginnings of headings of which a table may have any number, such as "votes": a heading
        ``votes.happy`` or ``votes_happy`` is found under the name "votes.happy".
    """

    spellings: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...]
    families: tuple[str, ...] = ()

    def found(self, row: Iterable[str]) -> dict[str, int]:
        """Return name -> place, for the columns that a row of headings names."""
        keys = [heading_key(cell) if len(cell) <= LONGEST_HEADING else "" for cell in row]
        found = {}
        for name, spellings in self.spellings.items():
            spelling = next((s for s in spellings if s in keys), None)
            if spelling is not None:
                found[name] = keys.index(spelling)
        return found | self._of_families(row)

    def _of_families(self, row: Iterable[str]) -> dict[str, int]:
        if not self.families:
            return {}
        member = re.compile(rf"({'|'.join(self.families)})[._\-: /]+(.+)", re.IGNORECASE)
        matches = [(member.fullmatch(clean(cell)), at) for at, cell in enumerate(row)]
        return {f"{m[1].lower()}.{m[2]}": at for m, at in matches if m}

    def twice(self, row: Sequence[str], found: Mapping[str, int]) -> str | None:
        """Return the heading of a found column that another column has too, None if there is none."""
        keys = [heading_key(cell) for cell in row]
        return next((clean(row[at]) for at in found.values() if keys.count(keys[at]) > 1), None)


@dataclass(frozen=True)
class Table:
    """A table that was read: for each row its number in the file, from 1, and its cells by name of column.

    `worksheet` is the one of the workbook it stands on, empty for text.
    """

    rows: list[tuple[int, dict[str, str]]]
    worksheet: str = ""


@dataclass(frozen=True)
class _Header:
    row: int
    where: dict[str, int]
    delimiter: str = ","


@dataclass
class _Search:
    """Looks for a header in one rendering of a table after another, and remembers the nearest miss."""

    columns: Columns
    near: dict[str, int] = field(default_factory=dict)
    near_row: tuple[int, list[str]] | None = None

    def header(self, rows: Iterable[list[str]], delimiter: str = ",") -> _Header | None:
        for number, row in enumerate(itertools.islice(rows, HEADER_ROWS)):
            found = self.columns.found(row)
            if all(name in found for name in self.columns.needed):
                if heading := self.columns.twice(row, found):
                    raise ValueError(f"two columns are called {heading!r}; rename or delete one")
                return _Header(number, found, delimiter)
            filled = [clean(cell) for cell in row if clean(cell)]
            if filled and (self.near_row is None or len(found) > len(self.near)):
                self.near, self.near_row = found, (number, filled)
        return None

    def missing(self) -> MissingColumnsError:
        names = [name for name in self.columns.needed if name not in self.near]
        several = {name: self.columns.spellings[name][:3] for name in names}
        spelt = "; ".join(f"{name}: {' or '.join(s)}" for name, s in several.items() if s != (name,))
        number, row = self.near_row or (0, ["nothing"])
        which = f"row {number + 1}" if number else "first row"
        shown = ", ".join(row)
        spelt = f" ({spelt})" if spelt else ""
        return MissingColumnsError(
            names, f"no column for {', '.join(names)}{spelt}; its {which} is: {shown[:120]}"
        )


def read_table(path: Path, columns: Columns) -> Table:
    """Read a table from a file.

    Parameters
    ----------
    path : Path
        Text, .xlsx, Parquet or JSON lines; which it is is seen from its content.
    columns : Columns

    Returns
    -------
    Table
        Cells are cleaned (`pipelines.utils.cells.clean`). Those that a spreadsheet spoilt are `SpoiltCell`.

    Raises
    ------
    ValueError
        One line that names the file: it is of another kind, damaged, lacks a column, or has one twice.
    OSError
        If it cannot be read.
    """
    return parse_table(path.read_bytes(), str(path), columns)


def parse_table(data: bytes, name: str, columns: Columns) -> Table:
    """Read a table from the content of a file; `name` stands in messages. As `read_table`."""
    try:
        if other := other_kind(data):
            raise ValueError(other)
        if is_parquet(data) or is_json(data):
            return _from_rows(parquet_rows(data) if is_parquet(data) else json_rows(data), columns)
        return _from_book(data, name, columns) if is_zip(data) else _from_text(data, columns)
    except UnicodeDecodeError:
        raise ValueError(f"{name}: its text is cut off; copy the file again") from None
    except csv.Error:
        raise ValueError(f"{name}: no CSV: {_NO_END}") from None
    except (MissingColumnsError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def table_of(rows: Sequence[Sequence[str]], name: str, columns: Columns) -> Table:
    """Return rows of text, the header first, as a table; `name` stands in messages. As `read_table`."""
    try:
        return _from_rows([list(row) for row in rows], columns)
    except (MissingColumnsError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None


def _from_rows(rows: Sequence[list[str]], columns: Columns) -> Table:
    search = _Search(columns)
    header = search.header(rows[:1])
    if header is None:
        raise search.missing()
    return Table(_named(rows, header))


def _from_text(data: bytes, columns: Columns) -> Table:
    lines = list(io.StringIO(decode_text(data), newline=""))
    header = _text_header(lines, columns)
    rows = list(csv.reader(lines, delimiter=header.delimiter))
    width = len(rows[header.row])
    whole = [row if not any(map(str.strip, row[width:])) else _shifted(row, header.delimiter) for row in rows]
    return Table(_named(whole, header))


def _shifted(row: Sequence[str], delimiter: str) -> list[str]:
    """Return a row with more cells than the header has: which of them stands in which column is not known."""
    why = f"the row has more cells than the header; put a cell that holds {delimiter!r} into quotes"
    return [SpoiltCell(cell, why) for cell in row]


def _text_header(lines: Sequence[str], columns: Columns) -> _Header:
    """Return the header of a text; of several delimiters the one that shows it in the earliest row.

    Raises
    ------
    MissingColumnsError
    """
    declared = declared_delimiter(lines[0]) if lines else None
    search = _Search(columns)
    found = (search.header(split_rows(lines, d), d) for d in ([declared] if declared else DELIMITERS))
    best = min((h for h in found if h), key=lambda h: h.row, default=None)
    if best is None:
        raise search.missing()
    return best


def _from_book(data: bytes, name: str, columns: Columns) -> Table:
    sheets = worksheets(data)
    search = _Search(columns)
    fitting = [(title, rows, header) for title, rows in sheets if (header := search.header(rows))]
    if not fitting:
        titles = f" (worksheets: {', '.join(title for title, _ in sheets)})" if len(sheets) > 1 else ""
        raise ValueError(f"{search.missing()}{titles}")
    title, rows, header = fitting[0]
    if len(sheets) > 1:
        log.info("%s: worksheet %r is read, its header is row %d", name, title, header.row + 1)
    if others := ", ".join(repr(other) for other, found, at in fitting[1:] if _named(found, at)):
        log.warning("%s: worksheet %r is read; %s fit as well and are not", name, title, others)
    return Table(_named(rows, header), title)


def _named(rows: Sequence[Sequence[str]], header: _Header) -> list[tuple[int, dict[str, str]]]:
    """Return the rows below a header that hold anything, with their numbers."""
    below = itertools.islice(enumerate(rows, start=1), header.row + 1, None)
    return [
        (number, {name: clean(row[at]) if at < len(row) else "" for name, at in header.where.items()})
        for number, row in below
        if any(cell.strip() for cell in row)
    ]


def stream_rows(lines: Iterable[str], columns: Columns) -> Iterator[tuple[int, list[str], dict[str, int]]]:
    """Read a table of text row by row, holding no more of it than the rows in which the header is looked for.

    Parameters
    ----------
    lines : iterable of str
        Such as `pipelines.utils.table_text.open_text` gives.
    columns : Columns

    Yields
    ------
    line : int
        The row's last line in the file, from 1.
    row : list of str
        Its cells as written; rows without any text are left out.
    where : dict
        Name -> place, the same for every row.

    Raises
    ------
    MissingColumnsError
        If no row names the columns that are needed.
    ValueError
        If a column is there twice, or a row cannot be split; the message begins with the line.
    """
    lines = iter(lines)
    ahead = list(itertools.islice(lines, HEADER_ROWS))
    header = _text_header(ahead, columns)
    reader = csv.reader(itertools.chain(ahead, lines), delimiter=header.delimiter)
    try:
        for row in itertools.islice(reader, header.row + 1, None):
            if any(map(str.strip, row)):
                yield reader.line_num, row, header.where
    except csv.Error:
        raise ValueError(f"line {reader.line_num}: {_NO_END}") from None
