"""Where records go: the ending decides the format, the file appears with its first record, columns differ."""

from __future__ import annotations

import csv
import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from featurize.atomic import AtomicFile, naming, replace_file
from featurize.extras import require
from featurize.overwriting import check_overwrites
from pipelines.prediction.faces import Form

log = logging.getLogger(__name__)

#: Ending -> format. A .json holds JSON lines too: a record a line, written as it comes.
ENDINGS: dict[str, Form] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".parquet": "parquet",
}  # fmt: skip
#: Rows of a .parquet file that are held until they are written.
GROUP = 4096
#: Types of the columns before those of the classes; those that are not named here are numbers with a point.
_WHOLE = frozenset({"face", "frame", "last_frame", "track", "left", "top", "right", "bottom"})
_TEXT = frozenset({"file", "label", "meaning"})


class Stream(Protocol):
    """What records are written to."""

    def write(self, text: str, /) -> Any:
        """Take some text."""

    def flush(self) -> Any:
        """Hand on what was taken."""


def record_format(out: Path | None, form: Form | None) -> Form:
    """Return the format of records: as the file's ending says, or as asked.

    Parameters
    ----------
    out : Path or None
        None: the output stream. A name without an ending, such as /dev/stdout, takes any format.
    form : {"jsonl", "csv", "parquet"}, optional
        None: as the ending says, and JSON lines without one.

    Raises
    ------
    ValueError
        If the ending is unknown or another format's, or Parquet is asked for without a file.
    """
    if out is None and form == "parquet":
        raise ValueError("--format parquet is for a file; give --out NAME.parquet")
    if out is None or not out.suffix:
        return form or "jsonl"
    said = ENDINGS.get(out.suffix.lower())
    if said is None:
        raise ValueError(f"--out {out}: unknown ending {out.suffix}; known: {', '.join(ENDINGS)}")
    if form not in (None, said):
        raise ValueError(
            f"--out {out} and --format {form} differ; leave out --format, or end the name in .{form}"
        )
    return said


def check_out(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is computed; nothing is made or touched.

    Raises
    ------
    IsADirectoryError, NotADirectoryError, PermissionError
        One line.
    """
    if path.is_dir():
        raise IsADirectoryError(f"--out {path} is a folder; give a file, such as {path / 'faces.csv'}")
    _check_writable(path, "--out")


def check_folder(path: Path, option: str) -> None:
    """Refuse a folder that is a file or cannot be written; as `check_out`.

    Parameters
    ----------
    path : Path
    option : str
        What it was given by, for the message.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"{option} {path} is a file; give a folder, which is made if it is not there"
        )
    _check_writable(path, option)


def _check_writable(path: Path, option: str) -> None:
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if there != path.absolute() and not there.is_dir():
        raise NotADirectoryError(f"{option} {path} cannot be written: {there} is a file, no folder")
    if not os.access(there, os.W_OK):
        raise PermissionError(
            f"{option} {path} cannot be written: {there} is read-only for you; give another"
        )


def class_columns(known: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return a column name for each class: its own, with ``p_`` before it where another column has it.

    Parameters
    ----------
    known : sequence of str
        Names of the other columns.
    classes : sequence of str
    """
    taken = {*known, *(name for name in classes if name not in known)}
    columns = []
    for name in classes:
        column = name
        while name in known and column in taken:
            column = f"p_{column}"
        taken.add(column)
        columns.append(column)
    return columns


class RecordFile:
    """A text file of records, which gets its name when all of them are there; an older one stays until then.

    Use as a context manager: a block that ends without an error leaves a file, if an empty one. What a block
    with an error has written stays beside it, as ``NAME.partial.ENDING``. What is no regular file, such as a
    pipe, is written to as records come.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = AtomicFile(path.resolve() if path.is_symlink() else path)
        self._file: IO[str] | None = None

    def write(self, text: str, /) -> int:
        """Write text."""
        with naming(self.path):
            return self._opened().write(text)

    def flush(self) -> None:
        """Hand on to the system what was written."""
        if self._file is not None:
            with naming(self.path):
                self._file.flush()

    @property
    def _streams(self) -> bool:
        return self.path.exists() and not self.path.is_file()

    def _opened(self) -> IO[str]:
        if self._file is None:
            to = self.path if self._streams else self._whole.begin()
            self._file = to.open("w", encoding="utf-8", newline="")
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with naming(self.path):
                if kind is None and self.path.suffix.lower() != ".parquet":
                    self._opened()
                if self._file is not None:
                    self._file.close()
            if self._file is not None and not self._streams:
                self._settle(kind is None)
        finally:
            self._whole.discard()

    def _settle(self, whole: bool) -> None:
        """Give the file its name, or of half of it another."""
        if whole:
            self._whole.commit()
        elif self._whole.temporary.stat().st_size:
            partial = self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")
            with suppress(OSError):
                replace_file(self._whole.temporary, partial)
                log.warning("what came until then is in %s", partial)


class CsvTable:
    """Rows as CSV, handed on one by one; the header comes with the first row, or with the end.

    Parameters
    ----------
    to : Stream
    columns : sequence of str
    classes : sequence of str
        Their columns stand last; see `class_columns`.
    """

    def __init__(self, to: Stream, columns: Sequence[str], classes: Sequence[str]) -> None:
        self.to = to
        self.columns = [*columns, *class_columns(columns, classes)]
        self._writer: Any = None

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows, a value a column."""
        self._begin()
        self._writer.writerows(rows)
        self.to.flush()

    def _begin(self) -> None:
        if self._writer is None:
            self._writer = csv.writer(self.to)
            self._writer.writerow(self.columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._begin()


class ParquetTable:
    """Rows as Parquet, `GROUP` at a time; the file gets its name when the block ends without an error.

    Parameters
    ----------
    path : Path
    columns, classes : sequence of str
        As of `CsvTable`.
    """

    def __init__(self, path: Path, columns: Sequence[str], classes: Sequence[str]) -> None:
        pa = require("pyarrow")

        types: Mapping[bool, Any] = {True: pa.int64(), False: pa.float64()}
        known = [(name, pa.string() if name in _TEXT else types[name in _WHOLE]) for name in columns]
        numbers = [(name, pa.float64()) for name in class_columns(columns, classes)]
        self.schema = pa.schema([*known, *numbers])
        self._rows: list[Sequence[Any]] = []
        self._file = AtomicFile(path)
        self._writer: Any = None

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take rows, a value a column."""
        self._rows.extend(rows)
        if len(self._rows) >= GROUP:
            self._flush()

    def _flush(self) -> None:
        pa, pq = require("pyarrow"), require("pyarrow.parquet")

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file.begin(), self.schema)
        columns = [[row[i] for row in self._rows] for i in range(len(self.schema))]
        arrays = [pa.array(c, field.type) for c, field in zip(columns, self.schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        self._rows = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._flush()
            if self._writer is not None:
                self._writer.close()
            if kind is None:
                self._file.commit()
        finally:
            self._file.discard()


class LinesWriter:
    """A JSON line a record, handed on as it comes; a subclass gives `write`. Use as a context manager."""

    def __init__(self, to: Stream) -> None:
        self.to = to

    def put(self, record: Mapping[str, Any]) -> None:
        """Write one record."""
        self.to.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.to.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class TableWriter:
    """Rows in a table with a column a class; a subclass gives `write`. Use as a context manager."""

    def __init__(self, to: Stream, form: Form, columns: Sequence[str], classes: Sequence[str]) -> None:
        self.classes = classes
        self.table = table(to, form, columns, classes)

    def numbers(self, probabilities: Mapping[str, float]) -> list[float]:
        """Return a face's numbers in the order of the class columns."""
        return [round(probabilities[name], 5) for name in self.classes]

    def __enter__(self) -> Self:
        self.table.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.table.__exit__(kind, error, trace)


def table(to: Stream, form: Form, columns: Sequence[str], classes: Sequence[str]) -> CsvTable | ParquetTable:
    """Return what writes rows in a format.

    Raises
    ------
    ValueError
        If Parquet is asked for and `to` is no `RecordFile`.
    """
    if form == "csv":
        return CsvTable(to, columns, classes)
    if not isinstance(to, RecordFile):
        raise ValueError("Parquet goes to a file: give a RecordFile")
    return ParquetTable(to.path, columns, classes)


def copy_names(paths: Sequence[Path], suffix: str) -> dict[Path, str]:
    """Return a file name for each copy; files of one name in several folders get a number."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in paths:
        stem, count = path.stem, 1
        while f"{stem}{suffix}".lower() in taken:
            stem, count = f"{path.stem}-{count + 1}", count + 1
        names[path] = f"{stem}{suffix}"
        taken.add(names[path].lower())
    return names


def check_copies(files: Sequence[Path], names: Sequence[str], folder: Path, option: str = "drawn") -> None:
    """Refuse a folder whose files of these names are read, or lie beside what is read.

    Raises
    ------
    ValueError
        One line that names the file.
    """
    check_overwrites(
        option, [folder / name for name in names], files, beside=dict.fromkeys(p.parent for p in files)
    )
