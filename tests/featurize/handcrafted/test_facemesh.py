"""Geometry of the face mesh: free of pose and size, and told where there is no face."""

import numpy as np
import pytest
from skimage import data as pictures

from featurize import extractor, mesh
from featurize.handcrafted.facemesh import AU_ANGLES, AU_DISTANCES, frontal, unit_geometry


@pytest.fixture(scope="module")
def face():
    return np.ascontiguousarray(pictures.astronaut()[62:182, 163:283])


@pytest.fixture(scope="module")
def points(face):
    return mesh.fit_crops(face[None])[0]


def turned(points, yaw, pitch, roll):
    """Return points of a head turned about three axes, moved and made larger."""
    turns = []
    for angle, (a, b) in ((yaw, (0, 2)), (pitch, (1, 2)), (roll, (0, 1))):
        turn = np.eye(3)
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        turns.append(turn)
    return 2.5 * points @ (turns[0] @ turns[1] @ turns[2]) + (30, -12, 7)


def test_the_head_is_brought_to_the_front(points):
    xyz = frontal(points)
    np.testing.assert_allclose(xyz[0, [33, 263], 0], [-0.5, 0.5], atol=1e-9)
    np.testing.assert_allclose(xyz[0, [33, 263], 1:], 0, atol=1e-9)
    assert xyz[0, 152, 1] > 0 > xyz[0, 10, 1]  # the chin below, the forehead above
    assert xyz[0, 1, 2] < 0  # the nose in front


@pytest.mark.parametrize("pose", [(0.4, 0, 0), (0, -0.3, 0), (0, 0, 1.2), (-0.5, 0.2, 0.3)])
def test_pose_place_and_size_do_not_count(points, pose):
    np.testing.assert_allclose(frontal(turned(points, *pose)), frontal(points), atol=1e-9)


def test_points_of_one_place_give_finite_numbers():
    xyz = frontal(np.zeros((2, 468, 3)))
    assert np.isfinite(xyz).all()
    assert np.isfinite(unit_geometry(xyz)).all()


def test_an_open_mouth_shows_in_its_distance(points):
    xyz = frontal(points)
    before = unit_geometry(xyz)
    xyz[0, [14, 17], 1] += 0.3
    k = [name for name, *_ in AU_DISTANCES].index("mouth, inner opening")
    assert unit_geometry(xyz)[0, k] > before[0, k] + 0.2


def test_groups_and_whether_there_is_a_face(face):
    blank = np.full((48, 48), 128, np.uint8)
    whole = extractor("facemesh")
    X = whole.transform([face, blank])
    assert X.shape == (2, 1404 + len(AU_DISTANCES) + len(AU_ANGLES) + 2 + 1)
    assert X[:, -1].tolist() == [1, 0]
    assert whole.fallbacks(X) == 1
    units = extractor("facemesh", coordinates=False).transform([face])
    np.testing.assert_array_equal(units[0], X[0, 1404:])


def test_its_licence_allows_commercial_use():
    assert extractor("facemesh").spec.licence == "Apache-2.0"
