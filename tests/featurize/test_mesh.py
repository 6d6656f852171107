"""The face mesh: 468 points in place, and no face where there is none."""

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from featurize import mesh
from featurize.detect import detector


@pytest.fixture(scope="module")
def astronaut():
    return pictures.astronaut()


@pytest.fixture(scope="module")
def found(astronaut):
    return detector("blazeface")(astronaut)[0]


def test_points_lie_on_the_face(astronaut, found):
    points, presence = mesh.fit(astronaut, [mesh.region(found)])
    assert points.shape == (1, mesh.POINTS, 3)
    assert presence[0] > mesh.PRESENT
    corners = points[0, [33, 263], :2]
    assert np.abs(corners.mean(axis=0) - np.mean(found.points[:2], axis=0)).max() < 8
    assert points[0, 1, 2] < points[0, [33, 263], 2].min()  # the nose is nearest


@pytest.mark.parametrize("degrees", [-90, 30, 180])
def test_a_turned_square_gives_the_same_points(astronaut, found, degrees):
    upright, _ = mesh.fit(astronaut, [mesh.region(found)])
    turn = cv2.getRotationMatrix2D((256, 256), degrees, 1)
    turned = cv2.warpAffine(astronaut, turn, (512, 512))
    x, y, side, angle = mesh.region(found)
    moved = mesh.Region(*(turn @ (x, y, 1)), side, angle - np.radians(degrees))
    points, presence = mesh.fit(turned, [moved])
    assert presence[0] > mesh.PRESENT
    expected = upright[0, :, :2] @ turn[:, :2].T + turn[:, 2]
    assert np.abs(points[0, :, :2] - expected).mean() < 2


def test_the_box_around_a_mesh_is_the_detectors(astronaut, found):
    points, _ = mesh.fit(astronaut, [mesh.region(found)])
    assert np.abs(np.subtract(mesh.box_around(points[0]), found.box[:4])).max() < 12


def test_no_face_and_no_regions(astronaut):
    points, presence = mesh.fit(astronaut, [mesh.Region(450, 60, 90, 0.0)])
    assert presence[0] < mesh.PRESENT
    assert np.isfinite(points).all()
    points, presence = mesh.fit(astronaut, [])
    assert points.shape == (0, mesh.POINTS, 3)
    assert presence.shape == (0,)


def test_what_is_no_image_is_refused():
    with pytest.raises(TypeError, match="None"):
        mesh.fit(None, [])


def test_a_mesh_of_one_place_has_a_finite_box():
    assert np.isfinite(mesh.box_around(np.zeros((468, 3)))).all()
