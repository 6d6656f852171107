"""Several looks at a face: which, in what order, and that their vectors are averaged."""

from __future__ import annotations

import numpy as np
import pytest

from featurize import extractor
from featurize.backbones.views import SCALES, resampling, views


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


def test_looks(faces):
    assert [len(list(views(faces, how))) for how in ("one", "flip", "six", "ten")] == [1, 2, 6, 10]
    for how in ("one", "flip", "six", "ten"):
        for look in views(faces, how):
            assert look.shape == faces.shape and look.dtype == np.uint8
    first, second = views(faces, "flip")
    np.testing.assert_array_equal(first, faces)
    np.testing.assert_array_equal(second, faces[:, :, ::-1])


@pytest.mark.parametrize("shape", [(48, 48), (128, 128), (224, 224), (97, 131), (2, 3)])
def test_two_matrices_scale_a_face_to_the_last_grey_level(shape):
    faces = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    scaled = list(views(faces, "six"))[2::2]
    for scale, wanted in zip(SCALES[1:], scaled, strict=True):
        rows, columns = resampling(*shape, scale)
        found = np.floor(rows @ faces.astype(np.float32) @ columns.T + 0.5)
        np.testing.assert_array_equal(found, wanted)


def test_ten_looks_at_corners_and_middle():
    face = np.zeros((1, 48, 48), np.uint8)
    face[0, :3, :3] = 255  # in the upper left crop alone
    bright = [look.max() > 0 for look in views(face, "ten")]
    assert bright == [True, True, *[False] * 8]


def test_six_looks_are_at_three_sizes_about_the_middle():
    face = np.zeros((1, 48, 48), np.uint8)
    face[0, 12:36, 12:36] = 200  # half of the side
    looks = list(views(face, "six"))
    np.testing.assert_array_equal(looks[0], face)
    np.testing.assert_allclose([np.sqrt((look / 200).sum()) / 24 for look in looks[::2]], SCALES, atol=0.01)
    for straight, mirrored in zip(looks[::2], looks[1::2], strict=True):
        np.testing.assert_array_equal(mirrored, straight[:, :, ::-1])
        np.testing.assert_allclose(straight.astype(int), mirrored, atol=2)  # still in the middle


def test_edges_go_on_where_a_face_gets_smaller():
    assert all(look.min() == 90 for look in views(np.full((1, 48, 48), 90, np.uint8), "six"))


@pytest.mark.parametrize("how", ["six", "ten"])
def test_coloured_pictures_have_the_same_looks(faces, how):
    coloured = np.repeat(faces[..., None], 3, axis=-1)
    for grey, colour in zip(views(faces, how), views(coloured, how), strict=True):
        np.testing.assert_array_equal(colour[..., 1], grey)


def test_vectors_are_averaged_and_do_not_know_left_from_right(faces):
    settings = {"weights": "random", "engine": "keras", "precision": "f32"}
    one, both = (extractor("ucm-a", views=v, **settings) for v in ("one", "flip"))
    mirrored = [face[:, ::-1] for face in faces]
    expected = (one.transform(list(faces)) + one.transform(mirrored)) / 2
    np.testing.assert_allclose(both.transform(list(faces)), expected, atol=1e-6)
    np.testing.assert_allclose(both.transform(mirrored), expected, atol=1e-6)


def test_looks_are_in_the_key_and_one_look_is_as_before():
    one, flip = (extractor("ucm-a", weights="random", views=v).spec.identity() for v in ("one", "flip"))
    assert "views" not in one["params"]
    assert flip["params"].pop("views") == "flip"
    assert flip == one


def test_a_clip_has_one_look():
    with pytest.raises(ValueError, match="views=flip is for images"):
        extractor("stcnn-smic", weights="random", views="flip")
