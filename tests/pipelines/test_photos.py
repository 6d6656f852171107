"""Photos in, records out; what cannot be read is named."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

import cli
from pipelines.files import find_files
from pipelines.photos import predict_photos
from pipelines.predict import Predictor


@pytest.fixture(scope="module")
def shipped():
    return Predictor.load()


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a face, no face, an empty file, a text and a video's name."""
    root = tmp_path / "fotos ñ <b>"
    (root / "a").mkdir(parents=True)
    Image.fromarray(pictures.astronaut()).save(root / "a" / "face.png")
    Image.fromarray(np.full((90, 120), 128, np.uint8)).save(root / "face.jpg")
    (root / "empty.jpg").touch()
    (root / "words.png").write_text("no picture")
    return root


def test_one_line_a_photo(shipped, folder, tmp_path):
    to = io.StringIO()
    tally = predict_photos(find_files([folder]), shipped, to, drawn=tmp_path / "marked")
    face, grey = sorted(map(json.loads, to.getvalue().splitlines()), key=lambda r: -len(r["faces"]))
    assert (face["width"], face["height"]) == (512, 512)
    assert sum(face["faces"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert grey["faces"] == grey["skipped"] == []
    assert (tally.photos, tally.faces) == (2, 1)
    assert sorted(fault.path.rpartition("/")[2] for fault in tally.faults) == ["empty.jpg", "words.png"]
    copies = [Image.open(p).size for p in sorted((tmp_path / "marked").iterdir())]
    assert sorted(copies) == [(120, 90), (512, 512)], "two photos of one name must not overwrite each other"


def test_one_row_a_face(shipped, folder):
    to = io.StringIO()
    predict_photos([folder / "a" / "face.png", folder / "face.jpg"], shipped, to, form="csv")
    (row,) = csv.DictReader(io.StringIO(to.getvalue()))
    assert row["label"] == max(shipped.classes, key=lambda name: float(row[name]))
    assert int(row["right"]) > int(row["left"])


def test_a_picture_of_text_has_no_face(shipped):
    assert shipped.faces(pictures.page()) == []


def test_the_command(folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", str(folder), "--out", str(tmp_path / "faces.jsonl")])
    said = capsys.readouterr().err
    assert left.value.code == cli.PARTLY
    assert "1 faces in 2 photos" in said
    assert "empty.jpg" in said
    assert len((tmp_path / "faces.jsonl").read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.jpg"], "no file or folder nowhere.jpg"),
        (["."], "no pictures in"),
        (["x.png", "--model", "none"], "no model in none"),
        (["x.png", "--detector", "harr"], "haar"),
        (["clip.mp4"], "cannot be opened as a video"),
        (["clip.mp4", "x.png"], "in two commands"),
        (["x.png", "--chart", "charts"], "--chart is for videos"),
        (["clip.mp4", "--window", "18"], "need a model of clips"),
        (["clip.mp4", "--smooth", "-1"], "--smooth"),
    ],
)
def test_bad_words(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if words != ["."]:
        (tmp_path / "x.png").touch()
        (tmp_path / "clip.mp4").write_bytes(b"\0" * 40)
    with pytest.raises(SystemExit) as left:
        cli.main(["predict", *words])
    assert left.value.code in (1, 2, cli.PARTLY)
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
