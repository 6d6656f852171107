"""Records written as CSV come back as they were."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.utils.csv_files import as_csv, write_csv

texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\0"), max_size=12)


@given(st.lists(st.tuples(texts, st.floats(allow_nan=False), st.integers()), max_size=8))
def test_what_is_written_is_read_again(values):
    written = as_csv([dict(zip("abc", v, strict=True)) for v in values], "abc")
    found = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [(r["a"], float(r["b"]), int(r["c"])) for r in found] == values


def test_what_is_not_defined_is_empty():
    record = {"a": math.nan, "b": None, "c": np.float64("nan"), "d": np.float32(0.5), "e": 1 / 3, "f": True}
    assert as_csv([record]) == f"a,b,c,d,e,f\n,,,0.5,{1 / 3!r},True\n"


def test_columns_are_those_asked_for_or_all():
    records = [{"a": 1}, {"b": 2, "a": 3}]
    assert as_csv(records) == "a,b\n1,\n3,2\n"
    assert as_csv(records, ["b"], header=False) == '""\n2\n'
    assert as_csv([], ["a"]) == "a\n"


def test_an_older_file_stays_if_the_new_one_cannot_be_made(tmp_path):
    path = write_csv(tmp_path / "new" / "table.csv", [{"a": 1}])
    assert path.read_bytes() == b"a\n1\n"

    class Unwritable:
        def __str__(self):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_csv(path, [{"a": Unwritable()}])
    assert path.read_bytes() == b"a\n1\n"
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]
