"""A table reads the same however it was saved; one that cannot be read is named with what to do."""

from __future__ import annotations

import codecs
import csv
import io
import logging
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from pipelines.utils.cells import SpoiltCell, clean, problem_of
from pipelines.utils.read_table import (
    LONGEST_HEADING,
    Columns,
    MissingColumnsError,
    parse_table,
    read_table,
    stream_rows,
)
from pipelines.utils.table_text import decode_text, open_text

COLUMNS = Columns({"who": ("who", "subject"), "what": ("what",), "at": ("at", "onset")}, ("who", "what"))
HEAD = ["Who", "note", "What ", "AT"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
DELIMITERS = [",", ";", "\t", "|"]
#: Letters that every one of `ENCODINGS` has, and none of which looks like UTF-8 in another.
CELLS = st.text("abcXYZ 0189_-./\\,;|\té", max_size=8)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=5)


def saved(rows, delimiter=",", encoding="utf-8", newline="\r\n", quoting=csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(rows)
    return text.getvalue().encode(encoding)


def meant(rows) -> list[dict[str, str]]:
    return [
        {"who": clean(row[0]), "what": clean(row[2]), "at": clean(row[3])}
        for row in rows
        if any(c.strip() for c in row)
    ]


def cells(table) -> list[dict[str, str]]:
    return [row for _, row in table.rows]


DIALECT = {
    "rows": ROWS,
    "delimiter": st.sampled_from(DELIMITERS),
    "encoding": st.sampled_from(ENCODINGS),
    "newline": st.sampled_from(["\n", "\r\n", "\r"]),
    "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    "notes": st.integers(0, 12),
    "tail": st.integers(0, 3),
}


@given(**DIALECT)
def test_a_table_in_any_dialect_reads_back_equal(rows, delimiter, encoding, newline, quoting, notes, tail):
    lines = [["a note, of no use", ""]] * notes + [HEAD, *rows] + [["", "", "", ""]] * tail
    data = saved(lines, delimiter, encoding, newline, quoting)
    table = parse_table(data, "t.csv", COLUMNS)
    assert cells(table) == meant(rows)
    assert not any(isinstance(cell, SpoiltCell) for row in cells(table) for cell in row.values())
    streamed = list(stream_rows(open_text(io.BytesIO(data)), COLUMNS))
    assert [{n: clean(row[at]) for n, at in where.items()} for _, row, where in streamed] == meant(rows)


@given(rows=ROWS, sheets=st.integers(0, 2), notes=st.integers(0, 12), numbers=st.booleans())
def test_a_workbook_reads_back_equal(rows, sheets, notes, numbers):
    book = Workbook()
    for k in range(sheets):
        book.create_sheet(f"notes {k}", k).append(["read me"])
    sheet = book.worksheets[-1]
    for line in [["version 2"]] * notes + [HEAD] + [[c or None for c in row] for row in rows]:
        sheet.append(line)
    if numbers:
        sheet.append([1.0, None, 46, 7.0])
    data = io.BytesIO()
    book.save(data)
    table = parse_table(data.getvalue(), "t.xlsx", COLUMNS)
    assert cells(table) == meant(rows) + ([{"who": "1", "what": "46", "at": "7"}] if numbers else [])
    assert table.worksheet == sheet.title


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_one_line(data):
    try:
        parse_table(data, "t.csv", COLUMNS)
    except ValueError as error:
        assert str(error).startswith("t.csv: ")
        assert "\n" not in str(error)


@given(st.binary(max_size=300))
def test_a_stream_decodes_what_is_no_utf_8(data):
    text = open_text(io.BytesIO(b"who;what\r\n" + data)).read()
    assert text.startswith("who;what")


def test_bytes_that_are_no_utf_8_are_windows_1252():
    data = "who;what\nJosé;“joy” €\n".encode("cp1252")
    assert cells(parse_table(data, "t", COLUMNS)) == [{"who": "José", "what": "“joy” €"}]
    assert open_text(io.BytesIO(data)).read() == decode_text(data)
    assert decode_text(b"a\x81\xe9") == "a\x81é"


def test_the_delimiter_is_that_of_the_header():
    text = "who;note;what\nana;1,5,7,9;joy\nbo;,,,,,,;anger\n"
    assert cells(parse_table(text.encode(), "t", COLUMNS)) == [
        {"who": "ana", "what": "joy"},
        {"who": "bo", "what": "anger"},
    ]
    quoted = '"who","AU (1; 2; 4; 5)","what"\nana,"1;2",joy\n'
    assert cells(parse_table(quoted.encode(), "t", COLUMNS)) == [{"who": "ana", "what": "joy"}]


@pytest.mark.parametrize("size", [LONGEST_HEADING, LONGEST_HEADING + 1])
def test_a_cell_too_long_for_a_heading_is_none(size):
    rows = [[f"{' ' * (size - 3)}who", "what"], ["who", "what"], ["ana", "joy"]]
    found = parse_table("\n".join(map(",".join, rows)).encode(), "t", COLUMNS)
    assert len(cells(found)) == (2 if size == LONGEST_HEADING else 1)


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_the_line_that_names_the_delimiter(first):
    text = f"{first}\nwho;what\nana;joy\n"
    assert cells(parse_table(text.encode(), "t", COLUMNS)) == [{"who": "ana", "what": "joy"}]


def test_a_line_break_in_a_heading_and_in_a_cell():
    text = 'who,what,"Onset\n"\nana,"joy\nor so",3\n'
    (row,) = parse_table(text.encode(), "t", COLUMNS).rows
    assert row == (2, {"who": "ana", "what": "joy or so", "at": "3"})


def test_a_row_with_more_cells_than_the_header_is_not_trusted():
    rows = cells(parse_table(b"who,units,what\nana,4,joy\nbo,4,7,joy\ncy,4,joy,,\n", "t", COLUMNS))
    assert [bool(problem_of(row["what"])) for row in rows] == [False, True, False]
    assert "put a cell that holds ',' into quotes" in problem_of(rows[1]["what"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column for who, what (who: who or subject); its first row is: nothing"),
        ("a,b\n1,2\n", "its first row is: a, b"),
        ("x,y\nWho,mood\n1,2\n", "no column for what; its row 2 is: Who, mood"),
        ("who,what,WHO \n1,2,3\n", "two columns are called 'who'; rename or delete one"),
        ("<html><table>", "a web page; open it in a spreadsheet"),
        ("%PDF-1.7", "a PDF; copy its table"),
    ],
)
def test_a_table_without_a_header_is_refused_with_what_it_has(text, words):
    with pytest.raises(ValueError, match="^t: ") as caught:
        parse_table(text.encode(), "t", COLUMNS)
    assert words in str(caught.value)


def test_a_stream_without_a_header():
    with pytest.raises(MissingColumnsError, match="no column for what") as caught:
        list(stream_rows(["who,mood\n"], COLUMNS))
    assert caught.value.names == ("what",)


def test_a_header_below_the_first_rows_is_not_looked_for():
    text = "note\n" * 40 + "who,what\nana,joy\n"
    with pytest.raises(ValueError, match="its first row is: note"):
        parse_table(text.encode(), "t", COLUMNS)


def zipped(**parts: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return data.getvalue()


OLE = bytes.fromhex("d0cf11e0a1b11ae1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (OLE + b"x" * 600, "an old workbook (.xls); save it as .xlsx or .csv"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a workbook with a password"),
        (zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument table (.ods)"),
        (zipped(**{"Index/Document.iwa": b""}), "a Numbers table"),
        (zipped(**{"xl/workbook.bin": b""}), "a binary workbook (.xlsb)"),
        (zipped(**{"a.csv": b""}), "an archive, no table"),
        (b"PK\x03\x04 cut off", "no .xlsx workbook that can be read"),
        (zipped(**{"[Content_Types].xml": b"<x/>"}), "no .xlsx workbook that can be read"),
        (codecs.BOM_UTF16_LE + "who,what\n".encode("utf-16-le")[:-1], "its text is cut off"),
    ],
)
def test_other_files_get_advice(tmp_path, data, words):
    path = tmp_path / "sheet.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"sheet\.csv: ") as caught:
        read_table(path, COLUMNS)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def book(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    made = Workbook()
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
    del made["Sheet"]
    made.save(path)
    return path


def test_which_worksheet_is_read_is_said(tmp_path, caplog):
    path = book(tmp_path / "b.xlsx", ("about", [["v2"]]), ("codes", [["x"], ["who", "what"], ["ana", "joy"]]))
    with caplog.at_level(logging.INFO, "pipelines"):
        assert cells(read_table(path, COLUMNS)) == [{"who": "ana", "what": "joy"}]
    assert "worksheet 'codes' is read, its header is row 2" in caplog.text


def test_two_worksheets_that_fit_are_named(tmp_path, caplog):
    rows = [["who", "what"], ["ana", "joy"]]
    path = book(tmp_path / "b.xlsx", ("one", rows), ("two", rows), ("empty", rows[:1]))
    table = read_table(path, COLUMNS)
    assert table.worksheet == "one"
    assert "worksheet 'one' is read; 'two' fit as well" in caplog.text


def test_a_hidden_worksheet_comes_last(tmp_path):
    made = Workbook()
    made.active.append(["who", "what"])
    made.active.sheet_state = "hidden"
    shown = made.create_sheet("shown")
    shown.append(["who", "what"])
    shown.append(["ana", "joy"])
    made.save(tmp_path / "b.xlsx")
    assert read_table(tmp_path / "b.xlsx", COLUMNS).worksheet == "shown"


def test_a_formula_without_a_stored_value_is_said(tmp_path):
    path = book(tmp_path / "b.xlsx", ("s", [["who", "what", "at"], ["ana", "joy", "=1+2"]]))
    (row,) = cells(read_table(path, COLUMNS))
    assert row["at"] == ""
    assert "=1+2 is a formula whose value was not stored" in problem_of(row["at"])


def test_a_workbook_by_another_name_is_a_workbook(tmp_path):
    path = book(tmp_path / "b.xlsx", ("s", [["who", "what"], ["ana", "joy"]])).rename(tmp_path / "b.csv")
    assert cells(read_table(path, COLUMNS)) == [{"who": "ana", "what": "joy"}]


def test_a_workbook_without_the_columns_names_its_worksheets(tmp_path):
    path = book(tmp_path / "b.xlsx", ("one", [["v2"]]), ("two", [["who", "mood"]]))
    with pytest.raises(
        ValueError, match=r"no column for what; its first row is: who, mood \(worksheets: one, two\)"
    ):
        read_table(path, COLUMNS)
