"""The face network in NumPy against dlib's own."""

from __future__ import annotations

import numpy as np
import pytest

from featurize import extractor, faces
from featurize.handcrafted.dlib_net import FaceNet, face_net


@pytest.fixture(scope="module")
def chips():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (2, 150, 150, 3)).astype(np.uint8)
    smooth = np.broadcast_to(np.linspace(0, 255, 150)[:, None], (1, 150, 150))
    return np.concatenate([noise, np.repeat(smooth[..., None], 3, axis=3).astype(np.uint8)])


def test_equal_to_dlib(chips):
    import dlib

    net = dlib.face_recognition_model_v1(str(faces.model_file("face-net")))
    theirs = np.array([net.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips])
    np.testing.assert_allclose(face_net()(chips), theirs, atol=1e-5)


def test_equal_to_dlib_on_a_face(faces_48):
    import dlib

    one = extractor("dlib-face")
    rgb = np.repeat(np.kron(faces_48[0], np.ones((3, 3), np.uint8))[..., None], 3, axis=2)
    net = dlib.face_recognition_model_v1(str(faces.model_file("face-net")))
    theirs = np.array(net.compute_face_descriptor(one.chip(rgb)))
    np.testing.assert_allclose(one.transform([rgb])[0], theirs, atol=1e-5)


def test_spec_names_the_weights():
    spec = extractor("dlib-face").spec
    assert spec.dim == 128
    assert spec.weights_sha256 == faces.model_sha256("face-net")
    assert "public domain" in spec.licence


def test_another_file_is_refused(tmp_path):
    other = tmp_path / "other.dat"
    other.write_bytes(b"no network at all")
    with pytest.raises(ValueError, match="is not dlib's face recognition network"):
        FaceNet(other)


def test_a_cut_file_is_refused(tmp_path):
    cut = tmp_path / "cut.dat"
    cut.write_bytes(faces.model_file("face-net").read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match="is not dlib's face recognition network"):
        FaceNet(cut)
