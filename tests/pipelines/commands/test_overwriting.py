"""Every command that takes a target leaves what it reads as it was, and says so in one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def mine(tmp_path):
    """Make a person's folder: photos, tables, recipes, a model and a video."""
    rng = np.random.default_rng(0)
    for name in ("train/happy", "train/sad", "test/happy", "test/sad"):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i in range(6):
            image = rng.integers(0, 256, (48, 48), np.uint8)
            Image.fromarray(image).save(tmp_path / "faces" / name / f"{i}.jpg")
    photos = tmp_path / "p"
    photos.mkdir()
    for name in ("a.jpg", "b.jpg", "c.png", "d.webp"):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(photos / name)
    (photos / "d.jpg").write_text("not a photo, but mine")
    rows = [f"faces/train/{label}/{i}.jpg,{label},train" for label in ("happy", "sad") for i in range(6)]
    rows += [f"faces/test/{label}/{i}.jpg,{label},test" for label in ("happy", "sad") for i in range(6)]
    for name in ("summary.csv", "rows.csv", "labels.csv"):
        (tmp_path / name).write_text("file,label,split\n" + "\n".join(rows) + "\n")
    (photos / "boxes.csv").write_text("file,left,top,width,height\na.jpg,0,0,64,64\n")
    recipe = '{"name": "r", "data": "synthetic(n_per_class=10)", "extractors": ["pixels"], "heads": ["knn"]}'
    (tmp_path / "recipe.json").write_text(recipe)
    return tmp_path


@pytest.fixture
def refused(mine, run_cli, monkeypatch, model_folder):
    """Return a function that runs a command which must be refused with nothing changed."""
    shutil.copytree(model_folder(), mine / "model")
    monkeypatch.chdir(mine)

    def run(*words: object) -> str:
        before = snapshot(mine)
        code, out, err = run_cli(*words)
        assert snapshot(mine) == before
        assert (code, out) == (1, "")
        (line,) = [line for line in err.splitlines() if line.startswith("mueca: ")]
        assert "give another" in line and "defect" not in line
        return line

    return run


@pytest.mark.parametrize(
    "words",
    [
        ("p", "--draw", "p"),
        ("p/a.jpg", "--draw", "p"),
        ("p/d.webp", "--draw", "p/../p"),
        ("p", "--draw", "./p/"),
        ("p/a.jpg", "--out", "p/boxes.csv", "--boxes", "p/boxes.csv"),
        ("p", "--out", "model/rows.csv", "--model", "model"),
        ("p", "--out", "model/head.skops.json", "--model", "model"),
    ],
    ids=" ".join,
)
def test_predict(refused, words):
    assert "would write over" in refused("predict", *words, "--detector", "none")


def test_predict_through_links(refused, mine):
    (mine / "marked").mkdir()
    (mine / "marked" / "a.jpg").symlink_to(mine / "p" / "a.jpg")
    refused("predict", "p/a.jpg", "--draw", "marked", "--detector", "none")
    (mine / "marked" / "a.jpg").unlink()
    os.link(mine / "p" / "a.jpg", mine / "marked" / "a.jpg")
    refused("predict", "p/a.jpg", "--draw", "marked", "--detector", "none")
    shutil.copyfile(mine / "p" / "a.jpg", mine / "photo")  # a photo without an ending, and records without
    refused("predict", "photo", "--out", "photo", "--detector", "none")


def test_copies_of_an_earlier_run_are_replaced(mine, run_cli, monkeypatch, model_folder):
    monkeypatch.chdir(mine)
    for _ in range(2):
        words = ("predict", "p/a.jpg", "--draw", "marked", "--detector", "none", "--model", model_folder())
        assert run_cli(*words).code == 0
    before = snapshot(mine)
    code, _, err = run_cli("predict", ".", "--draw", "marked", "--detector", "none")
    assert code == 1 and "marked/a.jpg" in err  # by now it is one of the photos below .
    assert snapshot(mine) == before


def test_videos_and_their_charts(refused, mine, video_file):
    video = mine / "v" / "talk.mp4"
    video.parent.mkdir()
    shutil.copyfile(video_file(), video)
    shutil.copyfile(mine / "p" / "c.png", mine / "v" / "talk.png")
    refused("predict", "v/talk.mp4", "--draw", "v")
    assert "talk.png" in refused("predict", "v/talk.mp4", "--chart", "v")


@pytest.mark.parametrize("name", ["labels.csv", "faces/train/happy/0.csv"])
def test_featurize(refused, mine, name):
    (mine / "faces" / "train" / "happy" / "0.csv").write_text("my notes")
    data = "labels.csv" if name == "labels.csv" else "faces"
    refused("featurize", "--data", data, "--backbone", "pixels", "--out", name)


def test_fit_keeps_what_is_no_part_of_a_model(refused, mine):
    common = ("--backbone", "pixels", "--head", "knn", "--out", "model")
    shutil.copyfile(mine / "labels.csv", mine / "model" / "labels.csv")
    assert "labels.csv" in refused("fit", "--data", "synthetic", *common)
    assert "labels.csv" in refused("fit", "--data", "model/labels.csv", *common)


@pytest.mark.parametrize("data", ["rows.csv", "summary.csv"])
def test_compare(refused, mine, data):
    (mine / "r.yaml").write_text(f"name: r\ndata: {data}\nextractors: [pixels]\nheads: [knn]\n")
    refused("compare", "r.yaml", "--out", ".")


def test_compare_over_its_recipe(refused):
    assert "recipe.json" in refused("compare", "recipe.json", "--out", ".")


def test_audit(refused):
    refused("data", "audit", "summary.csv", "--out", ".")


def test_train(refused, mine):
    (mine / "history.csv").write_text((mine / "labels.csv").read_text())
    refused("train", "--backbone", "huamanga", "--data", "history.csv", "--out", ".")
    assert "holds a model" in refused(
        "train", "--backbone", "huamanga", "--data", "synthetic", "--out", "model"
    )
