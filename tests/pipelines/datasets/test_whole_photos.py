"""Whole photos in a folder of faces are counted and said; crops of faces are not."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import cli
from featurize.detect import Detection
from featurize.faces import Box
from featurize.images import decode
from pipelines.datasets import registry, whole_photos
from pipelines.datasets.base import Dataset
from pipelines.datasets.synthetic import faces as faces_module
from pipelines.datasets.whole_photos import SAMPLE, WholePhotos
from pipelines.datasets.whole_photos import whole_photos as look


def images(samples):
    """Return a set of images; their labels are nobody's business here."""
    n = len(samples)
    names = np.array([f"{i:04d}" for i in range(n)])
    return Dataset("mine", ("a", "b"), names, np.arange(n) % 2, np.full(n, "train"), samples, names)


def noise(height, width, n=6):
    return images([np.random.default_rng(i).integers(0, 256, (height, width, 3), np.uint8) for i in range(n)])


@pytest.fixture
def finds(monkeypatch):
    """Let the detector find a face of a part of each image's longer side; say how often it was asked."""
    asked = []

    def pretend(*parts, score=1.0):
        def find(image, smallest):
            part = parts[len(asked) % len(parts)]
            asked.append(image.shape)
            side = round(part * smallest / whole_photos.SMALLEST)
            return [Detection(Box(0, 0, side, side, True), score)] if part else []

        monkeypatch.setattr("featurize.detect.detector", lambda name: find)
        return asked

    return pretend


@pytest.mark.parametrize(
    ("height", "width", "found"),
    [
        (375, 500, "far from square"), (500, 375, "far from square"), (1080, 1920, "far from square"),
        (900, 1000, "large"), (48, 48, ""), (100, 100, ""), (224, 224, ""), (218, 178, ""), (512, 512, ""),
        (48, 64, ""), (90, 120, ""),
    ],
)  # fmt: skip
def test_shapes_on_which_no_face_is_found(finds, height, width, found):
    finds(0)
    note = look(noise(height, width)).note("mine")
    assert (
        f"6 of 6 images looked at seem to be whole photos, not crops of faces (6 {found})" in note
    ) == bool(found)
    assert bool(note) == bool(found)


@pytest.mark.parametrize(("part", "small"), [(0.15, 6), (0.3, 6), (0.35, 0), (0.5, 0), (0.8, 0)])
@pytest.mark.parametrize("side", [128, 224, 600])
def test_a_small_face(finds, part, small, side):
    finds(part)
    assert look(noise(side, side)) == WholePhotos(6, small_face=small)


def test_what_the_detector_is_not_sure_of_is_no_small_face(finds):
    finds(0.2, score=0.1)
    assert look(noise(224, 224)).found == 0


def test_a_face_that_fills_an_image_of_any_shape(finds):
    finds(0.5)
    assert look(noise(700, 1000)).found == 0
    assert look(noise(2000, 2000, 2)).found == 0


def test_turned_faces_among_crops_of_any_shape(finds):
    finds(0.6, 0, 0.6)  # of each three faces one is not found
    assert look(noise(300, 200, 12)).found == 0
    assert look(noise(900, 900, 6)).found == 0


def test_a_few_do_not_count(finds):
    finds(0)
    square, long = noise(200, 200, 58).samples, noise(200, 400, 2).samples
    mixed = look(images([*square, *long]))
    assert 1 <= mixed.elongated <= 2
    assert mixed.note("mine") == ""
    assert look(images([*square[:10], *long])).note("mine").startswith("mine: 2 of 12 images")


def test_a_bounded_number_is_looked_at_evenly(finds):
    asked = finds(0)
    big = noise(140, 140, 1).samples[0]
    assert look(images([big] * 1000)).looked == SAMPLE == len(asked)
    taken = []

    class Remembering(list):
        def __getitem__(self, index):
            taken.append(index)
            return big

    look(replace(images([big] * 1000), samples=Remembering([0] * 1000)))
    assert (taken[0], taken[-1]) == (0, 999)
    assert set(np.diff(taken)) <= {20, 21}


def test_small_images_ask_no_detector(finds):
    asked = finds(0.1)
    assert look(faces_module.load(n_per_class=10)).found == 0
    assert look(noise(100, 100)).found == 0
    assert not asked


@pytest.fixture(scope="module")
def crops(shared):
    """Return the photos and a function: crops around their faces, so many boxes wide, of one shape."""
    lines = csv.DictReader((shared / "photos" / "faces.csv").open())
    boxes = [(r["photo"], *(int(r[k]) for k in ("left", "top", "width", "height"))) for r in lines]
    photos = {p.name: decode(p.read_bytes()) for p in sorted((shared / "photos").glob("*.jpg"))}

    def cut(wide, height, width):
        found = []
        for name, left, top, w, h in boxes:
            if w >= 36:
                x, y = left + w / 2, top + h / 2
                a, b = wide * w / 2, wide * w / 2 * height / width
                window = photos[name][max(0, int(y - b)) : int(y + b), max(0, int(x - a)) : int(x + a)]
                found.append(cv2.resize(window, (width, height), interpolation=cv2.INTER_CUBIC))
        return images(found)

    return list(photos.values()), cut


@pytest.mark.shared
@pytest.mark.parametrize("wide", [1.2, 1.6, 2.0])
@pytest.mark.parametrize("size", [(48, 48), (100, 100), (224, 224), (800, 800), (260, 200)])
def test_crops_of_real_faces(crops, wide, size):
    found = look(crops[1](wide, *size))
    assert found.looked > 25
    assert found.note("mine") == ""


@pytest.mark.shared
@pytest.mark.parametrize("size", [None, (224, 224), (256, 256)])
def test_real_photos(crops, size):
    photos = [cv2.resize(p, size, interpolation=cv2.INTER_AREA) if size else p for p in crops[0]]
    note = look(images(photos)).note("mine")
    assert "of 9 images looked at seem to be whole photos" in note
    assert "with a small face" in note
    assert "cut the faces out first: mueca data crop" in note


@pytest.mark.shared
def test_cropping_faces_as_the_page_shows(shared, tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "predict.md").read_text("utf-8")
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "crop_face" in code]
    for i, path in enumerate(sorted((shared / "photos").glob("*.jpg"))):
        target = tmp_path / "photos" / "ab"[i % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/predict.md", "exec"), {})
    faces = registry.load("faces")
    assert len(faces) >= 7
    assert faces.notes == ()
    assert all(image.shape[0] == image.shape[1] for image in faces.samples)


@pytest.fixture
def photos(tmp_path):
    """Return a folder of 2 classes x 8 noisy photos."""
    for i, image in enumerate(noise(60, 200, 16).samples):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{i}.png"), image)
    return tmp_path / "photos"


NOTE = "photos: 16 of 16 images looked at seem to be whole photos, not crops of faces (16 far from square)"


def test_load_says_it_and_keeps_it(photos, caplog):
    (note,) = registry.load(photos).notes
    assert note.startswith(NOTE)
    assert caplog.messages == [note]


@pytest.mark.parametrize(
    "command",
    ["featurize --backbone hog --data", "fit --backbone hog --head knn --data", "data audit", "compare",
     "train --backbone ucm-a --epochs 1 --data"],
)  # fmt: skip
def test_every_command_says_it_once(photos, tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    words = f"name: r\ndata: {photos}\nextractors: [hog]\nheads: [knn]\n"
    (tmp_path / "r.yaml").write_text(words, "utf-8")
    with pytest.raises(SystemExit) as left:
        cli.main([*command.split(), str(photos) if command != "compare" else "r.yaml", "--json"])
    out, err = capsys.readouterr()
    assert left.value.code == 0
    assert [line.startswith(f"mueca: {NOTE}") for line in err.splitlines()] == [True]
    said = json.loads(out)
    (note,) = said.get("notes") or said["data"]["notes"]
    assert note.startswith(NOTE)
    if command == "compare":
        assert json.loads((tmp_path / "results/r/recipe.json").read_text())["data"]["notes"] == [note]
