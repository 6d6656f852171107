"""Without any extra the core predicts, extracts, fits and compares; what needs one says which."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from PIL import Image
from skimage import data

from tests.helpers.rooms import ROOT

RECIPE = """name: core
data: synthetic
extractors: [own-small, hog]
heads: [softmax]
"""
#: What is asked for -> the extra that brings it.
NEEDS = {
    "train": "train", "profile": "train", "report": "plots", "export": "export", "serve": "web",
    "landmarks": "dlib", "parquet": "parquet", "dlib-hog": "dlib",
}  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what each command said, by a word of its own."""
    here = tmp_path_factory.mktemp("core")
    photo = here / "photo.jpg"
    Image.fromarray(data.astronaut()).save(photo)
    (here / "recipe.yaml").write_text(RECIPE)
    synthetic = ["--data", "synthetic", "--backbone"]
    commands = {
        "predict": ["predict", str(photo), "--format", "csv"],
        "featurize": ["featurize", *synthetic, "ucm-f+hog+facemesh", "--out", str(here / "v.npz")],
        "fit": ["fit", *synthetic, "own-small", "--head", "knn", "--out", str(here / "model")],
        "svm": ["fit", *synthetic, "vggface2-mobilenet(size=96)", "--head", "svm", "--C", "1"],
        "compare": ["compare", str(here / "recipe.yaml"), "--out", str(here / "results")],
        "list": ["list"],
        "doctor": ["doctor"],
        "train": ["train", *synthetic, "ucm-a", "--epochs", "1", "--out", str(here / "training")],
        "profile": ["profile", "ucm-a"],
        "report": ["report", str(here / "results")],
        "export": ["export", str(here / "model"), "--out", str(here / "exported")],
        "serve": ["serve"],
        "landmarks": ["featurize", *synthetic, "landmarks"],
        "parquet": ["featurize", *synthetic, "hog", "--out", str(here / "v.parquet")],
        "dlib-hog": ["predict", str(photo), "--detector", "dlib-hog"],
    }
    program = [sys.executable, "-m", "tests.helpers.core_only", json.dumps(list(commands.values()))]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["loaded"] == []
    return dict(zip(commands, found["said"], strict=True))


@pytest.mark.parametrize("name", ["predict", "featurize", "fit", "svm", "compare", "list", "doctor"])
def test_the_core_does(said, name):
    code, line = said[name]
    assert code == 0, line


def test_a_photo_is_predicted(said):
    assert said["predict"][1].startswith("1 face in 1 photo")


@pytest.mark.parametrize(("name", "extra"), NEEDS.items())
def test_a_missing_extra_is_one_line(said, name, extra):
    code, line = said[name]
    assert code == 1, line
    assert line.startswith("mueca: ")
    assert f"pip install 'mueca[{extra}]'" in line
    assert "defect" not in line
