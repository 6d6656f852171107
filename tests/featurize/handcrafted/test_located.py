"""The 68 points, by dlib or by the face mesh: near each other, each a key of its own."""

import numpy as np
import pytest

from featurize import extractor, faces
from featurize.detect import detector
from featurize.handcrafted.located import MESH_68, mesh_68
from featurize.images import to_grey
from featurize.store import key_of

#: Keys of before there was a choice.
PARAMS = {"aligned": {"points": True, "hog": True, "lbp": True, "geometry": True}, "fisher": {}}


@pytest.fixture(scope="module")
def crops():
    """Return grey crops of one face, upright and tilted by 10 degrees each way."""
    import cv2
    from skimage import data as pictures

    photo, find = pictures.astronaut(), detector()
    face = to_grey(find.crop(photo, find(photo)[0].box, faces.CROP_SIZE))
    turns = [cv2.getRotationMatrix2D((72, 72), degrees, 1) for degrees in (0, 10, -10)]
    return np.stack(
        [cv2.warpAffine(face, turn, (144, 144), borderMode=cv2.BORDER_REPLICATE) for turn in turns]
    )


def test_there_is_a_point_for_each_and_none_is_two():
    assert len(set(MESH_68)) == len(MESH_68) == 68
    assert max(MESH_68) < 468


def test_the_mesh_has_its_points_where_dlib_has_them(crops):
    (dlib, _), (mesh, found) = faces.locate(crops), mesh_68(crops)
    eyes = np.linalg.norm(dlib[:, 36:42].mean(axis=1) - dlib[:, 42:48].mean(axis=1), axis=1)
    apart = np.linalg.norm(dlib - mesh, axis=2) / eyes[:, None]
    assert found.all()
    assert np.median(apart[:, 17:]) < 0.1
    assert np.median(apart[:, :17]) < 0.25


@pytest.mark.parametrize("name", PARAMS)
def test_the_key_of_vectors_by_dlib_is_what_it_was(name):
    plain, same, other = extractor(name), extractor(name, points="dlib"), extractor(name, points="mesh")
    assert plain.spec.params == same.spec.params == PARAMS[name]
    keys = [key_of(one.spec.identity()) for one in (plain, same, other)]
    assert keys[0] == keys[1] != keys[2]
    assert plain.weights_sha256 != other.weights_sha256
    assert "Apache" in other.spec.licence
    assert "dlib" not in other.spec.source
    assert "points='mesh'" in other.spec.as_text()


@pytest.mark.parametrize("name", PARAMS)
def test_vectors_by_the_mesh_are_much_like_those_by_dlib(name, crops):
    by_dlib, by_mesh = (extractor(name, points=points).transform(crops) for points in ("dlib", "mesh"))
    assert by_mesh.shape == by_dlib.shape
    assert not np.array_equal(by_mesh, by_dlib)
    cosine = (by_dlib * by_mesh).sum(axis=1)
    cosine /= np.linalg.norm(by_dlib, axis=1) * np.linalg.norm(by_mesh, axis=1)
    assert cosine.min() > 0.5


@pytest.mark.parametrize("name", PARAMS)
def test_no_face_is_counted(name):
    one = extractor(name, points="mesh")
    X = one.transform([np.full((48, 48), 90, np.uint8)])
    assert np.isfinite(X).all()
    assert one.fallbacks(X) == 1


@pytest.mark.parametrize("name", PARAMS)
def test_other_points_are_refused_in_one_line(name):
    with pytest.raises(ValueError, match="points='eyes'") as caught:
        extractor(name, points="eyes")
    assert "\n" not in str(caught.value)
