"""Rows and predictions: out and in again."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize import atomic
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import (
    COLUMNS,
    SEEN_VALIDATION,
    Row,
    append_grid,
    append_rows,
    read_grid,
    read_rows,
)


def row(**fields):
    known = {
        "run": "r1",
        "dataset": "d",
        "fingerprint": "f",
        "protocol": "p",
        "split": "test",
        "extractor": "hog",
        "spec": "hog(cell=8)",
        "head": "svm",
    }
    return Row(**(known | fields))


def same(a, b):
    return all(
        x == y or (isinstance(x, float) and math.isnan(x) and math.isnan(y))
        for x, y in ((getattr(a, c), getattr(b, c)) for c in COLUMNS)
    )


words = st.text(st.characters(exclude_categories=("Cs", "Cc")))


@given(error=words, params=words, accuracy=st.floats(allow_infinity=False), n=st.integers(0, 10**9))
def test_round_trip(tmp_path_factory, error, params, accuracy, n):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    written = row(error=error, params=params, accuracy=accuracy, n_test=n)
    append_rows(path, [written])
    (read,) = read_rows(path)
    assert same(written, read)


def test_columns_are_those_of_the_design():
    assert ",".join(COLUMNS) == (
        "run,dataset,fingerprint,protocol,split,extractor,spec,head,params,seed,fold,n_train,n_test,accuracy,"
        "balanced_accuracy,f1_macro,f1_weighted,auc_ovr,log_loss,ci_low,ci_high,extract_s,fit_s,"
        "predict_ms_per_sample,model_bytes,embedding_key,git_sha,versions,status,error,"
        "marks,warnings,ece_votes"
    )


def test_the_last_of_equal_rows_counts(tmp_path):
    path = tmp_path / "rows.csv"
    append_rows(path, [row(status="error", error="no")])
    append_rows(path, [row(accuracy=0.5), row(split="validation")])
    assert [(r.split, r.status) for r in read_rows(path)] == [("test", "ok"), ("validation", "ok")]


def test_no_file_no_rows(tmp_path):
    assert read_rows(tmp_path / "rows.csv") == []


def test_foreign_file_is_left_alone(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no result rows"):
        append_rows(path, [row()])
    with pytest.raises(ValueError, match="no result rows"):
        read_rows(path)
    assert path.read_text() == "a,b\n1,2\n"


def test_bad_line_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    append_rows(path, [row()])
    with path.open("a") as file:
        file.write("half,a,row\n")
    with pytest.raises(ValueError, match="line 3"):
        read_rows(path)


def older(path, lacking=2):
    """Make a file one of a version that lacked the last columns."""
    with path.open(newline="") as file:
        lines = [line[:-lacking] for line in csv.reader(file)]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


@pytest.mark.parametrize("lacking", [1, 2, 3])
def test_rows_of_older_versions_are_read_and_added_to(tmp_path, lacking):
    path = tmp_path / "rows.csv"
    append_rows(path, [row(accuracy=0.5, error='of "two"\nlines')])
    older(path, lacking)
    (old,) = read_rows(path)
    assert (old.accuracy, old.marks, old.warnings) == (0.5, "", "")
    append_rows(path, [row(run="r2", marks=SEEN_VALIDATION, warnings='["no"]')])
    first, second = read_rows(path)
    assert same(first, old)
    assert (second.marks, second.seen_validation) == (SEEN_VALIDATION, True)
    assert path.read_text().startswith(",".join(COLUMNS))


def test_a_full_disk_leaves_an_older_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    append_rows(path, [row()])
    older(path)
    before = path.read_bytes()

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        append_rows(path, [row(run="r2")])
    assert path.read_bytes() == before


def test_a_damaged_line_of_an_older_file_is_still_named(tmp_path):
    path = tmp_path / "rows.csv"
    append_rows(path, [row()])
    older(path)
    with path.open("a") as file:
        file.write("half,a,row\n")
    append_rows(path, [row(run="r2")])
    with pytest.raises(ValueError, match="line 3"):
        read_rows(path)


def test_a_file_that_lacks_other_columns_is_foreign(tmp_path):
    path = tmp_path / "rows.csv"
    append_rows(path, [row()])
    older(path, 4)
    with pytest.raises(ValueError, match="no result rows of this version"):
        append_rows(path, [row()])


def test_full_disk_leaves_no_half_row(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    append_rows(path, [row()])
    before = path.read_bytes()

    def full(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        append_rows(path, [row(run="r2")])
    assert path.read_bytes() == before


def whole(tmp_path, names=("r1", "r2")):
    """Write a run a row; return the file."""
    path = tmp_path / "rows.csv"
    for name in names:
        append_rows(path, [row(run=name, warnings='["of \\"two\\", words"]')])
    return path


def test_a_file_is_read_however_much_of_its_end_is_lost(tmp_path, caplog):
    caplog.set_level("ERROR")
    path = whole(tmp_path)
    data = path.read_bytes()
    first = len(data) - (len(data) - data.index(b"\n") - 1) // 2
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        names = [r.run for r in read_rows(path)]
        if data[:size].endswith(b",,"):  # all but the warnings, or a row without any: it counts
            continue
        expected = (["r1"] if size >= first - 1 else []) + (["r2"] if size >= len(data) - 1 else [])
        assert names == expected, size
    for size in (0, 1, 30, first - 40, first, len(data) - 1, len(data) - 5):
        path.write_bytes(data[:size])
        before = [r.run for r in read_rows(path)]
        append_rows(path, [row(run="r3")])
        assert [r.run for r in read_rows(path)] == [*before, "r3"]


@pytest.mark.parametrize("end", [b"", b"\0" * 4096, b"\xff\xfe", b'r3,"half\nof a record'])
def test_what_a_crash_has_put_at_the_end_is_cut(tmp_path, end):
    path = whole(tmp_path)
    path.write_bytes(path.read_bytes() + end)
    assert [r.run for r in read_rows(path)] == ["r1", "r2"]
    append_rows(path, [row(run="r3")])
    assert [r.run for r in read_rows(path)] == ["r1", "r2", "r3"]


def test_a_quote_too_few_cuts_nothing_off(tmp_path):
    path = whole(tmp_path, [f"r{i}" for i in range(30)])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], 'a"' + lines[3].replace('"', ""), *lines[4:]]))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="line 4"):
        read_rows(path)
    with pytest.raises(ValueError, match="line 4"):
        append_rows(path, [row()])
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"mine", b"run", b"\x89PNG\r\n", b"run,datas\n1,2\n", b"run,dataset,x"])
def test_only_the_beginning_of_a_header_is_taken_for_nothing(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    if content == b"run":
        assert read_rows(path) == []
        return
    for use in (lambda: read_rows(path), lambda: append_rows(path, [row()])):
        with pytest.raises(ValueError, match="no result rows"):
            use()
    assert path.read_bytes() == content


def test_a_file_that_was_edited_where_lines_end_otherwise(tmp_path):
    path = whole(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [r.run for r in read_rows(path)] == ["r1", "r2"]
    append_rows(path, [row(run="r3")])
    assert [r.run for r in read_rows(path)] == ["r1", "r2", "r3"]


def predictions():
    return Predictions(
        ids=np.array(["a", "ñ"]),
        true=np.array([0, 1]),
        predicted=np.array([1, 1]),
        scores=np.array([[0.5, 0.5], [0, 1]], np.float32),
        classes=np.array(["x", "y"]),
        clean=np.array([True, False]),
        probabilistic=True,
    )


def test_predictions_round_trip(tmp_path):
    predictions().save(tmp_path / "p" / "one.npz")
    read = load_predictions(tmp_path / "p" / "one.npz")
    for name in ("ids", "true", "predicted", "scores", "classes", "clean"):
        np.testing.assert_array_equal(getattr(read, name), getattr(predictions(), name))
    assert read.probabilistic is True
    assert [p.name for p in (tmp_path / "p").iterdir()] == ["one.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x04K\x01."])
def test_foreign_predictions_are_refused(tmp_path, content):
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(ValueError, match="no predictions"):
        load_predictions(tmp_path / "p.npz")


def test_predictions_from_before_subjects_were_kept(tmp_path):
    columns = {
        "ids": np.array(["a"]), "true": np.array([0]), "predicted": np.array([1]),
        "scores": np.zeros((1, 2), np.float32), "classes": np.array(["x", "y"]), "clean": np.array([True]),
        "probabilistic": np.array(False),
    }  # fmt: skip
    np.savez(tmp_path / "old.npz", **columns)
    assert load_predictions(tmp_path / "old.npz").groups.shape == (0,)
    np.savez(tmp_path / "less.npz", **{k: v for k, v in columns.items() if k != "clean"})
    with pytest.raises(ValueError, match="clean"):
        load_predictions(tmp_path / "less.npz")


def test_candidates_of_a_grid(tmp_path):
    path = tmp_path / "grid.csv"
    assert read_grid(path) == []
    append_grid(path, "r1", "svm", [{"C": 1, "validation": 0.5, "fit_s": 2.0}])
    append_grid(
        path,
        "r1",
        "svm",
        [{"C": 1, "validation": 0.6, "fit_s": 1.0}, {"C": 10, "validation": 0.7, "fit_s": 1.0}],
    )
    assert [(c.params, c.validation) for c in read_grid(path)] == [('{"C": 1}', 0.6), ('{"C": 10}', 0.7)]
    path.write_text(path.read_text() + "r2,svm,{},x,1\n")
    with pytest.raises(ValueError, match="line 5: not a candidate"):
        read_grid(path)
    with pytest.raises(ValueError, match="no result rows of this version"):
        append_rows(path, [row()])
