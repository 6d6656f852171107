"""Workbooks: the worksheets of an .xlsx as text, and what to do with every other kind."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pipelines.utils.cells import SpoiltCell, text_of

#: Worksheets wider than this have cells that nobody means: a format that was applied to whole rows.
_COLUMNS = 512
_OLD = bytes.fromhex("d0cf11e0a1b11ae1")
_NO_VALUE = "a formula whose value was not stored; open the workbook in a spreadsheet and save it"


def other_kind(data: bytes) -> str | None:
    """Return what a file is and what to do with it, None if it may be text or .xlsx."""
    if data.startswith(_OLD):
        if "EncryptedPackage".encode("utf-16-le") in data:
            return "a workbook with a password; save it without one, as .xlsx or .csv"
        return "an old workbook (.xls); save it as .xlsx or .csv"
    if data.startswith(b"%PDF"):
        return "a PDF; copy its table into a spreadsheet and save that as .csv"
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html", b"<table")):
        return "a web page; open it in a spreadsheet and save it as .xlsx or .csv"
    return _other_zip(data) if is_zip(data) else None


def is_zip(data: bytes) -> bool:
    """Return whether a file begins as .xlsx, .ods and .numbers do."""
    return data.startswith(b"PK\x03\x04")


def _other_zip(data: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            names = parts.namelist()
            mime = parts.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        return None
    if b"opendocument" in mime:
        return "an OpenDocument table (.ods); save it as .xlsx or .csv"
    if any(name.endswith(".iwa") for name in names):
        return "a Numbers table; export it as Excel (.xlsx) or CSV"
    if "xl/workbook.bin" in names:
        return "a binary workbook (.xlsb); save it as .xlsx or .csv"
    return None if "[Content_Types].xml" in names else "an archive, no table; take the table out of it"


def worksheets(data: bytes) -> list[tuple[str, list[list[str]]]]:
    """Return the worksheets of an .xlsx, title and rows of text; those that are hidden come last.

    A cell that holds a date, or a formula without a stored value, is a `SpoiltCell`.

    Raises
    ------
    ValueError
        If the workbook cannot be read.
    """
    values, formulas = _rows(data, data_only=True), _rows(data, data_only=False)
    return [(title, _joined(rows, formulas[title])) for title, rows in values.items()]


def _rows(data: bytes, *, data_only: bool) -> dict[str, list[tuple[Any, ...]]]:
    import warnings

    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that only the look of the workbook needs
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=data_only)
        try:
            sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
            return {sheet.title: _values(sheet) for sheet in sheets}
        finally:
            book.close()
    except Exception:  # openpyxl raises whatever the parts of a damaged workbook lead to
        raise ValueError("no .xlsx workbook that can be read; save it as .csv") from None


def _values(sheet: Any) -> list[tuple[Any, ...]]:
    sheet.reset_dimensions()  # other programs than Excel write them wrong
    rows = [tuple(row) for row in sheet.iter_rows(values_only=True, max_col=_COLUMNS)]
    while rows and not any(value not in (None, "") for value in rows[-1]):
        rows.pop()
    return rows


def _joined(values: list[tuple[Any, ...]], formulas: list[tuple[Any, ...]]) -> list[list[str]]:
    """Return texts; a formula without a value is told from an empty cell."""
    rows = []
    for number, formula in enumerate(formulas):
        row = values[number] if number < len(values) else ()
        cells = [*row, *[None] * (len(formula) - len(row))]
        rows.append([_cell(cell, source) for cell, source in zip(cells, formula, strict=False)])
    return rows


def _cell(value: Any, source: Any) -> str:
    missing = value is None and isinstance(source, str) and source.startswith("=")
    return SpoiltCell("", f"{source[:40]} is {_NO_VALUE}") if missing else text_of(value)
