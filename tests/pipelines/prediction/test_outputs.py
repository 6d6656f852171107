"""Where records go: the ending is the format, the folder is made, no two columns have one name."""

import csv
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage import data as pictures

from pipelines.api import fit
from pipelines.prediction.outputs import (
    RecordFile,
    check_folder,
    check_out,
    class_columns,
    record_format,
    table,
)
from tests.helpers.videofiles import moving_face, write

NAMES = ("confidence", "face", "label", "track", "happy")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with a photo, a video, and a model whose classes are named like columns."""
    root = tmp_path_factory.mktemp("files")
    Image.fromarray(pictures.astronaut()[:300, :400]).save(root / "photo.jpg")
    write(root / "talk.mp4", moving_face(6))
    for number, name in enumerate(NAMES):
        for split, count in (("train", 6), ("test", 2)):
            folder = root / "set" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                shade = 20 * number + i + 100 * (split == "test")
                Image.linear_gradient("L").rotate(shade).resize((48, 48)).save(folder / f"{i}.png")
    fit(str(root / "set"), "hog", "svm", out=root / "model", C=1)
    return root


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("a.csv", None, "csv"), ("a.CSV", None, "csv"), ("a.jsonl", None, "jsonl"), ("a.json", None, "jsonl"),
        ("a.parquet", None, "parquet"), ("a.csv", "csv", "csv"), ("stdout", "csv", "csv"),
        ("stdout", None, "jsonl"), (None, None, "jsonl"), (None, "csv", "csv"),
    ],
)  # fmt: skip
def test_the_ending_is_the_format(tmp_path, name, form, expected):
    assert record_format(tmp_path / name if name else None, form) == expected


@pytest.mark.parametrize(
    ("name", "form", "words"),
    [
        ("a.parquet", "csv", "differ"), ("a.csv", "jsonl", "differ"), ("a.txt", None, "unknown ending .txt"),
        ("a.csv.gz", "csv", "unknown ending .gz"), (None, "parquet", "NAME.parquet"),
    ],
)  # fmt: skip
def test_another_ending_is_one_line(tmp_path, name, form, words):
    with pytest.raises(ValueError, match=words):
        record_format(tmp_path / name if name else None, form)


def test_columns_that_collide_get_a_prefix_and_only_those():
    assert class_columns(["file", "face"], ["angry", "face"]) == ["angry", "p_face"]
    assert class_columns(["face", "p_x"], ["face", "p_face", "p_p_face"]) == [
        "p_p_p_face", "p_face", "p_p_face",
    ]  # fmt: skip
    assert class_columns(["face", "p_face"], ["face"]) == ["p_p_face"]


@given(
    st.lists(st.sampled_from(["a", "p_a", "p_p_a", "b"]), unique=True),
    st.lists(st.sampled_from(["a", "p_a", "p_p_a", "p_p_p_a", "b"]), unique=True),
)
def test_no_two_columns_have_one_name(known, classes):
    columns = class_columns(known, classes)
    assert len({*known, *columns}) == len(known) + len(classes)
    assert all(c == n for c, n in zip(columns, classes, strict=True) if n not in known)


@pytest.mark.parametrize("name", ["photo.jpg", "talk.mp4"])
def test_a_table_holds_every_number_under_its_own_name(files, tmp_path, name, run_cli):
    model = ("--model", files / "model")
    assert run_cli("predict", files / name, *model, "--out", tmp_path / "new/folder/t.csv").code == 0
    assert run_cli("predict", files / name, *model, "--out", tmp_path / "new/folder/t.parquet").code == 0
    assert run_cli("predict", files / name, *model, "--out", tmp_path / "t.jsonl").code == 0
    rows = list(csv.DictReader((tmp_path / "new/folder/t.csv").open(encoding="utf-8")))
    header = (tmp_path / "new/folder/t.csv").read_text("utf-8").splitlines()[0].split(",")
    assert len(set(header)) == len(header)
    assert rows and all(row["label"] in NAMES for row in rows)
    face = json.loads((tmp_path / "t.jsonl").read_text("utf-8").splitlines()[0])["faces"][0]
    assert float(rows[0]["p_label"]) == pytest.approx(face["scores"]["label"])
    assert float(rows[0]["happy"]) == pytest.approx(face["scores"]["happy"])
    same = pq.read_table(tmp_path / "new/folder/t.parquet")
    assert same.schema.names == header
    assert [str(v) for v in same["left"].to_pylist()] == [row["left"] for row in rows]
    assert same["p_confidence"].to_pylist() == [float(row["p_confidence"]) for row in rows]


def test_an_error_before_the_first_record_leaves_an_older_file(files, tmp_path, run_cli):
    old = tmp_path / "t.csv"
    old.write_text("of yesterday")
    assert run_cli("predict", files / "photo.jpg", "--model", tmp_path / "none", "--out", old).code == 1
    assert run_cli("predict", files / "photo.jpg", "--out", old, "--format", "jsonl").code == 1
    assert old.read_text() == "of yesterday"
    with pytest.raises(RuntimeError), RecordFile(old) as to, table(to, "csv", ["file"], ["happy"]):
        raise RuntimeError
    new = RecordFile(tmp_path / "t.parquet")
    with pytest.raises(RuntimeError), new as to, table(to, "parquet", ["file"], ["happy"]) as rows:
        rows.write([["a.jpg", 0.5]])
        raise RuntimeError
    assert old.read_text() == "of yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv"]


def test_without_a_face_there_is_a_header(files, tmp_path, run_cli):
    Image.new("L", (100, 100), 90).save(tmp_path / "grey.png")
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        assert run_cli("predict", tmp_path / "grey.png", "--out", tmp_path / name).code == 0
    assert (tmp_path / "t.csv").read_text("utf-8").startswith("file,face,left")
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 0
    (tmp_path / "broken.png").write_bytes(b"none")
    assert run_cli("predict", tmp_path / "broken.png", "--out", tmp_path / "b.jsonl").code == 3
    assert (tmp_path / "b.jsonl").read_text() == ""


def test_what_cannot_be_written_is_said_before_anything_is_computed(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(IsADirectoryError, match="is a folder; give a file"):
        check_out(tmp_path)
    with pytest.raises(NotADirectoryError, match="is a file"):
        check_out(tmp_path / "file" / "t.csv")
    with pytest.raises(NotADirectoryError, match="--draw .* is a file"):
        check_folder(tmp_path / "file", "--draw")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="read-only"):
        check_out(tmp_path / "new" / "t.csv")
    assert not (tmp_path / "new").exists()


def test_parquet_needs_a_file():
    import sys

    with pytest.raises(ValueError, match="RecordFile"):
        table(sys.stdout, "parquet", ["file"], [])


def test_a_table_of_mistakes_keeps_every_class():
    from pipelines.reporting.tables.columns import confusion_records

    first, second = confusion_records(np.array([[3, 1], [0, 2]]), ["true", "happy"])
    assert first == {"true": "true", "p_true": 3, "happy": 1}
    assert second == {"true": "happy", "p_true": 0, "happy": 2}
