"""The networks that ship: checked before they run, and refused in one line."""

import shutil

import numpy as np
import pytest

from featurize import tflite


@pytest.fixture
def copied(tmp_path, monkeypatch):
    shutil.copytree(tflite.FOLDER, tmp_path / "mediapipe")
    monkeypatch.setattr(tflite, "FOLDER", tmp_path / "mediapipe")
    tflite.sha256.cache_clear()
    yield tmp_path / "mediapipe"
    tflite.sha256.cache_clear()


def test_a_damaged_file_is_refused(copied):
    path = copied / "face_landmark.tflite"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match=r"face_landmark.tflite is damaged.*install mueca again"):
        tflite.sha256("face_landmark")


def test_a_missing_file_is_named(copied):
    (copied / "face_landmark.tflite").unlink()
    with pytest.raises(FileNotFoundError, match=r"face_landmark.tflite is missing"):
        tflite.sha256("face_landmark")


def test_without_openvino(monkeypatch):
    monkeypatch.setattr("featurize.engine.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="openvino is not installed"):
        tflite.network.__wrapped__("face_landmark")


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_any_number_of_pictures_in_their_order(n):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (192, 192, 3), np.uint8) for _ in range(n)]
    net = tflite.network("face_landmark")
    together = net(pictures)
    assert len(together) == n
    for picture, outputs in zip(pictures, together, strict=True):
        (alone,) = net([picture])
        np.testing.assert_array_equal(outputs[0], alone[0])


def test_the_notice_names_every_file_with_its_hash():
    notice = (tflite.FOLDER / "NOTICE.md").read_text("utf-8")
    for name in ("face_detection_full_range", "face_landmark"):
        assert f"| `{name}.tflite` | {tflite.sha256(name)} |" in notice
    assert (tflite.FOLDER / "LICENSE-Apache-2.0.txt").is_file()
