"""The upright face and the gradients at its landmarks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from featurize import extractor, faces
from featurize.handcrafted.aligned import at_points, point_gradients
from featurize.handcrafted.gradients import orientation_maps, pooled

GROUPS = {"points": 3264, "hog": 1800, "lbp": 1475, "geometry": 373}


def _shape(seed=0):
    """68 points in a crop of 144 pixels: the anchors where a face has them, the rest at random."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(20, 120, (68, 2))
    for part, (x, y) in faces.ANCHORS:
        points[part] = rng.normal(0, 3, points[part].shape)
        points[part] += np.array([72 + 55 * x, 55 + 55 * y]) - points[part].mean(axis=0)
    return points


def _turned(image, points, angle, scale):
    matrix = cv2.getRotationMatrix2D((72, 72), angle, scale)
    return cv2.warpAffine(image, matrix, (144, 144)), points @ matrix[:, :2].T + matrix[:, 2]


def test_anchors_come_to_their_places():
    points = _shape()
    _, moved = faces.upright(np.zeros((144, 144), np.uint8), points, 48, 0.5, 0.3)
    for part, place in faces.ANCHORS:
        expected = 48 * (0.5 * np.array(place) + (0.5, 0.3))
        np.testing.assert_allclose(moved[part].mean(axis=0), expected, atol=1e-6)


@pytest.mark.parametrize(("angle", "scale"), [(20, 1.0), (-35, 0.8), (5, 1.3)])
def test_tilt_and_size_are_undone(angle, scale):
    blobs = np.random.default_rng(0).integers(0, 256, (9, 9)).astype(np.uint8)
    image = cv2.GaussianBlur(cv2.resize(blobs, (144, 144), interpolation=cv2.INTER_CUBIC), (0, 0), 4)
    points = _shape()
    straight, at = faces.upright(image, points, 48, 0.6, 0.3)
    turned, turned_at = faces.upright(*_turned(image, points, angle, scale), 48, 0.6, 0.3)
    np.testing.assert_allclose(turned_at, at, atol=1e-6)
    inner = np.s_[12:36, 12:36]
    assert np.abs(turned[inner].astype(int) - straight[inner]).mean() < 3


def test_points_that_coincide_stay_finite():
    picture, points = faces.upright(np.full((144, 144), 9, np.uint8), np.full((68, 2), 5.0), 48, 0.5, 0.3)
    assert np.isfinite(points).all()
    assert (picture == 9).all()


def test_the_picture_moves_with_its_points():
    image = np.zeros((144, 144), np.uint8)
    cv2.circle(image, (72, 94), 5, 255, -1)  # the nose's base
    picture, points = faces.upright(image, _shape(), 64, 0.4, 0.36)
    row, column = np.unravel_index(np.argmax(cv2.GaussianBlur(picture, (0, 0), 2)), picture.shape)
    np.testing.assert_allclose((column, row), points[31:36].mean(axis=0), atol=1.5)


def test_orientation_maps_share_the_whole_magnitude():
    face = np.random.default_rng(2).integers(0, 256, (20, 24)).astype(np.uint8)
    smooth = cv2.GaussianBlur(face.astype(np.float32), (0, 0), 0.8)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1)
    maps = orientation_maps(face)
    np.testing.assert_allclose(maps.sum(axis=2), np.hypot(dx, dy), rtol=1e-3, atol=1e-3)
    assert ((maps > 1e-3).sum(axis=2) <= 2).all()


def test_an_edge_falls_in_its_direction():
    ramp = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))  # brighter to the right: direction 0
    vector = point_gradients(ramp, np.array([[24.0, 24.0]]), sizes=(4,)).reshape(4, 8)
    assert (vector.argmax(axis=1) == 0).all()
    np.testing.assert_allclose((vector**2).sum(), 1, rtol=1e-5)


def test_cells_are_where_they_should_be():
    maps = np.zeros((40, 40, 8), np.float32)
    maps[18, 22, 3] = 100.0  # right of and above the point: cell row 0, column 1
    cells = at_points(pooled(maps, 4), np.array([[20.0, 20.0]]), 4).reshape(2, 2, 8)
    assert np.unravel_index(cells.argmax(), cells.shape) == (0, 1, 3)


def test_flat_skin_is_zero_and_points_outside_are_read_at_the_edge():
    flat = np.full((64, 64), 90, np.uint8)
    assert not point_gradients(flat, np.array([[5.0, 5.0], [-30.0, 90.0]])).any()


@pytest.mark.parametrize("group", GROUPS)
def test_groups_can_be_asked_for_alone(group, faces_48):
    only = extractor("aligned", **{name: name == group for name in GROUPS})
    assert only.dim == GROUPS[group] + 1
    whole = extractor("aligned").transform(faces_48[:3])
    start = sum(list(GROUPS.values())[: list(GROUPS).index(group)])
    np.testing.assert_array_equal(
        only.transform(faces_48[:3])[:, :-1], whole[:, start : start + GROUPS[group]]
    )


def test_geometry_is_that_of_landmarks(faces_48):
    ours = extractor("aligned", points=False, hog=False, lbp=False).transform(faces_48[:4])
    theirs = extractor("landmarks").transform(faces_48[:4])
    assert ours.shape == theirs.shape
    ratio = ours[:, :136] / theirs[:, :136]  # one scale for the group of coordinates
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)


def test_blank_pictures_are_counted_fallbacks():
    one = extractor("aligned")
    assert one.fallbacks(one.transform(np.zeros((2, 48, 48), np.uint8))) == 2
