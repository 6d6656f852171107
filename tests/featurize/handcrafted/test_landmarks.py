"""Landmarks: geometry, and what counts as found."""

from __future__ import annotations

import csv
from collections import defaultdict

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize import extractor, faces
from featurize.handcrafted import landmarks


def _points(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 144, (2, 68, 2))
    points[:, 36:42, 0] -= 60
    points[:, 42:48, 0] += 60
    return points


@settings(max_examples=50)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.5, 4), st.floats(-90, 90), st.floats(-90, 90))
def test_position_size_and_tilt_do_not_matter(seed, angle, scale, dx, dy):
    points = _points(seed)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(
        landmarks.normalised(points @ turn.T + (dx, dy)), landmarks.normalised(points), atol=1e-8
    )


def test_the_eye_frame():
    xy = landmarks.normalised(_points(3))
    right, left = xy[:, 36:42].mean(axis=1), xy[:, 42:48].mean(axis=1)
    np.testing.assert_allclose(right, [[-0.5, 0]] * 2, atol=1e-12)
    np.testing.assert_allclose(left, [[0.5, 0]] * 2, atol=1e-12)


def test_centroid_geometry_by_hand():
    xy = landmarks.normalised(_points(4))
    got = landmarks.centroid_geometry(xy)
    offset = xy[1, 10] - xy[1].mean(axis=0)
    assert got[1, 10] == pytest.approx(np.hypot(*offset))
    angle = np.arctan2(offset[1], offset[0])
    assert (got[1, 78], got[1, 146]) == (pytest.approx(np.cos(angle)), pytest.approx(np.sin(angle)))


def _face(mouth_width=1.0, corners_up=0.0, opening=0.1, brows=0.4):
    """A symmetric face in the eye frame, only the points that the units use in their places."""
    xy = np.zeros((1, 68, 2))
    xy[0, 36:48] = [(-.7, 0), (-.6, -.1), (-.4, -.1), (-.3, 0), (-.4, .1), (-.6, .1),
                    (.3, 0), (.4, -.1), (.6, -.1), (.7, 0), (.6, .1), (.4, .1)]  # fmt: skip
    xy[0, 17:27] = [(x, -brows) for x in np.linspace(-0.9, 0.9, 10)]
    xy[0, 48], xy[0, 54] = (-mouth_width / 2, 1 - corners_up), (mouth_width / 2, 1 - corners_up)
    xy[0, [51, 62]], xy[0, [57, 66]] = (0, 1 - opening / 2), (0, 1 + opening / 2)
    return xy


@pytest.mark.parametrize(
    ("name", "change"),
    [("mouth width", {"mouth_width": 1.4}), ("mouth, inner opening", {"opening": 0.5}),
     ("brow inner, right to eye", {"brows": 0.6}), ("brow outer, left to eye", {"brows": 0.6})],
)  # fmt: skip
def test_distances_move_with_their_units(name, change):
    index = [n for n, *_ in landmarks.AU_DISTANCES].index(name)
    rest, moved = landmarks.unit_geometry(_face())[0], landmarks.unit_geometry(_face(**change))[0]
    assert moved[index] > rest[index] + 0.05


def test_a_smile_lifts_the_corners():
    rest, smile = landmarks.unit_geometry(_face())[0], landmarks.unit_geometry(_face(corners_up=0.2))[0]
    np.testing.assert_allclose(smile[-2:] - rest[-2:], 0.2, atol=1e-9)
    frown = landmarks.unit_geometry(_face(corners_up=-0.2))[0]
    np.testing.assert_allclose(frown[-2:], -0.2, atol=1e-9)


def test_coinciding_points_stay_finite():
    same = np.full((1, 68, 2), 7.0)
    xy = landmarks.normalised(same)
    for part in (xy, landmarks.centroid_geometry(xy), landmarks.unit_geometry(xy)):
        assert np.isfinite(part).all()


def test_a_blank_picture_is_a_counted_fallback():
    one = extractor("landmarks")
    X = one.transform(np.zeros((3, 48, 48), np.uint8))
    assert one.fallbacks(X) == 3
    assert (X[:, -1] == 0).all()


def test_groups_can_be_left_out(faces_48):
    whole = extractor("landmarks").transform(faces_48[:3])
    units = extractor("landmarks", coordinates=False, centroid=False).transform(faces_48[:3])
    assert units.shape == (3, 34)
    np.testing.assert_array_equal(units, whole[:, -34:])
    none = extractor("landmarks", coordinates=False, centroid=False, units=False)
    assert none.dim == 1


def test_missing_models_say_what_to_install(monkeypatch):
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"pip install 'mueca\[dlib\]'"):
        faces.model_file("68-points")


def _annotated_crops(folder):
    """Yield (grey 48x48 crop, 68 points in parts of the crop's side) of the annotated photos."""
    points = defaultdict(list)
    with (folder / "photos" / "landmarks68.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = (row["photo"], *(int(row[k]) for k in ("left", "top", "width", "height")))
            points[key].append((float(row["x"]), float(row["y"])))
    for (photo, *_), xy in points.items():
        image = cv2.imread(str(folder / "photos" / photo), cv2.IMREAD_GRAYSCALE)
        xy = np.array(xy)
        low, high = xy.min(axis=0), xy.max(axis=0)
        side = int(1.1 * (high - low).max())
        left, top = (int(v) for v in (low + high) / 2 - side / 2)
        if left < 0 or top < 0 or left + side > image.shape[1] or top + side > image.shape[0]:
            continue
        crop = cv2.resize(image[top : top + side, left : left + side], (48, 48), interpolation=cv2.INTER_AREA)
        yield crop, (xy - (left, top)) / side


@pytest.mark.shared
def test_points_lie_where_people_were_annotated(shared):
    """On 48x48 crops of real photos: mean error in inter-ocular distances to the annotation."""
    errors = []
    for crop, truth in _annotated_crops(shared):
        big = cv2.resize(crop, (faces.CROP_SIZE,) * 2, interpolation=cv2.INTER_CUBIC)
        got = faces.landmarks68(big, faces.crop_box(big)) / faces.CROP_SIZE
        eyes = np.linalg.norm(truth[36:42].mean(axis=0) - truth[42:48].mean(axis=0))
        errors.append(np.linalg.norm(got - truth, axis=1).mean() / eyes)
    assert len(errors) >= 20
    assert np.median(errors) < 0.1
