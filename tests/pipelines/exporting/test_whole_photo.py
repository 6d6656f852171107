"""The exported detector, and the example in JavaScript that finds faces and classifies them as mueca does."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from skimage import data

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

import mueca  # noqa: E402
from featurize.tflite import network  # noqa: E402
from pipelines.exporting.detector import NAME  # noqa: E402

PACKAGES = ("onnxruntime-node", "pngjs")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return the folder of the model that ships, exported by its name."""
    return mueca.export("default", tmp_path_factory.mktemp("export") / "default", ["onnx"]).folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return photos: one face, one turned, one smaller, several small ones in a wide image, and none."""
    folder = tmp_path_factory.mktemp("photos")
    face = Image.fromarray(data.astronaut())
    crowd = Image.new("RGB", (900, 400), (120, 130, 110))
    for i, (x, side) in enumerate([(10, 300), (330, 220), (600, 260)]):
        crowd.paste(face.crop((100, 20, 356, 276)).resize((side, side)).rotate(8 * (i - 1)), (x, 40 + 20 * i))
    made = {
        "one": face,
        "turned": face.rotate(15),
        "smaller": face.resize((360, 360)),
        "crowd": crowd,
        "none": Image.new("RGB", (200, 150), "gray"),
    }
    for name, image in made.items():
        image.save(folder / f"{name}.png")
    return sorted(folder.iterdir())


def test_the_detector_gives_what_openvino_gives(exported):
    import onnxruntime

    pixels = np.random.default_rng(0).integers(0, 256, (192, 192, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(exported / "detector.onnx")
    found = session.run(["regressors", "logits"], {"pixels": pixels[None].astype(np.float32)})
    for ours, theirs in zip(network(NAME)([pixels])[0], found, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-3)


def test_the_card_says_how_faces_are_found_and_cut_out(exported):
    card = json.loads((exported / "export.json").read_text("utf-8"))
    assert card["input"]["side"] == 48
    assert card["detector"]["threshold"] == 0.6
    assert card["detector"]["crop"] == {"side": 1.14, "down": -0.045}
    assert {"detector.onnx", "photo.mjs"} <= set(card["sha256"])


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Return a folder with the packages of the example, installed from their registry."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("node")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not answer in time")
    if done.returncode:
        pytest.skip(f"npm could not install {' and '.join(PACKAGES)}")
    yield folder
    shutil.rmtree(folder / "node_modules", ignore_errors=True)


def test_javascript_finds_the_same_faces_and_numbers(exported, photos, modules):
    done = subprocess.run(
        ["node", exported / "photo.mjs", *photos], cwd=modules, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    predictor = mueca.Predictor.load(precision="f32")  # which files are written in
    for line, path in zip(map(json.loads, done.stdout.splitlines()), photos, strict=True):
        here = predictor.faces(path)
        assert len(line["faces"]) == len(here) == {"none": 0, "crowd": 3}.get(path.stem, 1), path.stem
        for found, face in zip(line["faces"], here, strict=True):
            assert np.abs(np.subtract(found["box"], face.box[:4])).max() <= 1
            assert found["label"] == face.label
            numbers = [found["probabilities"][name] for name in face.probabilities]
            np.testing.assert_allclose(numbers, list(face.probabilities.values()), atol=1e-3)
