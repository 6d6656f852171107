"""Own photos to a data set: faces cut out, classes kept, splits by person."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cli import main
from pipelines.datasets import registry
from pipelines.datasets.cropping import crop_folder, write_split


@pytest.fixture
def photos(tmp_path):
    """Return photos of two classes by three persons; one shows nobody, one is no image."""
    face = Image.fromarray(data.astronaut())
    for label, turn in (("happy", 0), ("sad", 9)):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for person in range(3):
            face.rotate(turn + person).save(folder / f"p{person}_a.jpg")
    Image.new("RGB", (300, 200), "gray").save(tmp_path / "photos" / "sad" / "p9_wall.jpg")
    (tmp_path / "photos" / "sad" / "p8_half.jpg").write_bytes(
        (tmp_path / "photos" / "sad" / "p0_a.jpg").read_bytes()[:2000]
    )
    return tmp_path / "photos"


def run(words, capsys):
    """Return exit code, output and errors of a command."""
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    told = capsys.readouterr()
    return left.value.code or 0, told.out, told.err


def test_classes_are_kept_and_what_is_left_out_is_named(photos, tmp_path, capsys):
    code, out, err = run(["data", "crop", photos, "--out", tmp_path / "faces"], capsys)
    assert code == 3
    assert "6 faces written" in out
    assert "left out sad/p9_wall.jpg: no face of 32 pixels" in err.replace("\\", "/")
    assert "p8_half.jpg" in err
    faces = registry.load(str(tmp_path / "faces"))
    assert faces.classes == ("happy", "sad")
    assert len(faces) == 6
    assert all(abs(s.shape[0] - 122) < 15 and s.shape[0] == s.shape[1] for s in faces.samples)
    assert faces.notes == (), "a set of crops is none of whole photos"


def test_a_set_of_photos_says_how_to_crop(photos, caplog):
    registry.load(str(photos))
    assert "mueca data crop PHOTOS --out FACES" in caplog.text


@pytest.mark.parametrize(("out", "words"), [("photos/faces", "lies inside"), ("full", "holds files already")])
def test_where_nothing_may_be_written(photos, tmp_path, out, words):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    with pytest.raises(ValueError, match=words):
        crop_folder(photos, tmp_path / out)


def test_no_folder_and_no_face(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        crop_folder(tmp_path / "nowhere", tmp_path / "out")
    for label in ("a", "b"):
        (tmp_path / "walls" / label).mkdir(parents=True)
        Image.new("RGB", (90, 90)).save(tmp_path / "walls" / label / "x.png")
    with pytest.raises(ValueError, match="no face of 32 pixels on any of 2 photos"):
        crop_folder(tmp_path / "walls", tmp_path / "out")


@pytest.fixture
def faces(tmp_path):
    """Return a folder of 2 classes x 10 persons x 3 images."""
    rng = np.random.default_rng(0)
    for label in ("happy", "sad"):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for person in range(10):
            for i in range(3):
                image = rng.integers(0, 256, (48, 48), dtype=np.uint8)
                Image.fromarray(image).save(tmp_path / "faces" / label / f"p{person}_{i}.png")
    return tmp_path / "faces"


def test_a_split_by_person_is_a_table_that_is_read(faces, tmp_path, capsys):
    words = ["data", "split", faces, "--by", "subject", "--subject", r"p\d+", "--out", tmp_path / "s.csv"]
    code, out, err = run(words, capsys)
    assert code == 0, err
    rows = list(csv.DictReader((tmp_path / "s.csv").open()))
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    persons = {
        name: {r["subject"] for r in rows if r["split"] == name} for name in ("train", "validation", "test")
    }
    assert sum(map(len, persons.values())) == len(set.union(*persons.values())) == 10
    read = registry.load(str(tmp_path / "s.csv"))
    assert len(read) == 60
    assert len(read.where("test")) == sum(r["split"] == "test" for r in rows)
    assert run([*words[:-1], tmp_path / "t.csv"], capsys)[0] == 0
    assert (tmp_path / "t.csv").read_text() == (tmp_path / "s.csv").read_text(), (
        "the same seed, the same split"
    )


def test_persons_must_be_known(faces, tmp_path, capsys):
    code, _, err = run(["data", "split", faces, "--out", tmp_path / "s.csv"], capsys)
    assert code == 1
    assert "its persons are not known; give --subject" in err
    code, out, _ = run(["data", "split", faces, "--by", "class", "--out", tmp_path / "s.csv"], capsys)
    assert code == 0
    assert "test 12" in out
    code, _, err = run(["data", "split", "synthetic", "--by", "class", "--out", tmp_path / "s.csv"], capsys)
    assert "no set of whole image files" in err
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        write_split(registry.load(str(faces)), tmp_path / "x.csv", "class", test=1.5)
