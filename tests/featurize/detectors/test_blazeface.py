"""BlazeFace: its numbers decoded, candidates merged, faces found of every size and tilt."""

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data as pictures

from featurize.detect import Detection, detector, iou
from featurize.detectors.base import POINTS
from featurize.detectors.blazeface import SAME, anchors, decode, overlap, weighted_nms
from featurize.faces import Box
from featurize.images import decode as read
from featurize.images import to_grey

#: The box of scikit-image's astronaut.
ASTRONAUT = Box(174, 76, 272, 174, True)


@pytest.fixture(scope="module")
def find():
    return detector("blazeface")


@pytest.fixture(scope="module")
def astronaut():
    return pictures.astronaut()


def test_an_anchor_stands_in_the_middle_of_each_cell():
    assert anchors().shape == (2304, 2)
    assert anchors()[:2].tolist() == [[2, 2], [6, 2]]
    assert anchors()[48].tolist() == [2, 6]


def test_decoding():
    regressors, logits = np.zeros((2304, 16), np.float32), np.full(2304, -9, np.float32)
    regressors[49] = [1, 2, 20, 30, *range(12)]
    logits[49] = 2.0
    logits[50] = 5.0  # of no area
    rows, scores = decode(regressors, logits, 0.5)
    assert rows.tolist() == [[6 + 1 - 10, 6 + 2 - 15, 6 + 1 + 10, 6 + 2 + 15, *(6 + k for k in range(12))]]
    assert scores == pytest.approx([1 / (1 + np.exp(-2))])


def test_decoding_leaves_out_what_is_not_finite():
    regressors, logits = np.ones((2304, 16), np.float32), np.full(2304, 9, np.float32)
    regressors[3, 5] = np.nan
    regressors[4, 2] = np.inf
    logits[5] = np.nan
    rows, scores = decode(regressors, logits, 0.5)
    assert len(rows) == len(scores) == 2304 - 3


def test_boxes_of_one_face_are_averaged_by_their_scores():
    rows = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]], float)
    merged, best = weighted_nms(rows, np.array([0.9, 0.3, 0.5]), SAME)
    assert merged.tolist() == [[0.5, 0, 10.5, 10], [50, 50, 60, 60]]
    assert best.tolist() == [0.9, 0.5]
    none, nothing = weighted_nms(np.empty((0, 16)), np.empty(0), SAME)
    assert none.shape == (0, 16)
    assert nothing.shape == (0,)


boxes = st.lists(
    st.tuples(*(st.integers(0, 60),) * 2, *(st.integers(5, 40),) * 2, st.floats(0.1, 1)), max_size=12
)


@given(boxes)
def test_no_group_is_lost_and_the_best_stay(given_boxes):
    rows = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in given_boxes], float).reshape(-1, 4)
    scores = np.array([s for *_, s in given_boxes])
    merged, best = weighted_nms(rows, scores, SAME)
    assert sorted(best, reverse=True) == list(best)
    assert len(best) <= len(scores)
    assert not len(scores) or best[0] == scores.max()
    if len(rows):
        low, high = rows.min(axis=0), rows.max(axis=0)
        assert ((merged >= low - 1e-9) & (merged <= high + 1e-9)).all()


def test_overlap_is_that_of_two_boxes():
    a, b = Box(0, 0, 10, 10, True), Box(5, 5, 15, 25, True)
    assert overlap(np.array(a[:4], float), np.array([b[:4]], float)) == pytest.approx([iou(a, b)])


def test_a_face_with_its_points(find, astronaut):
    (face,) = find(astronaut)
    assert isinstance(face, Detection)
    assert iou(face.box, ASTRONAUT) > 0.6
    assert len(face.points) == len(POINTS)
    at = dict(zip(POINTS, face.points, strict=True))
    assert at["right_eye"][0] < at["nose"][0] < at["left_eye"][0]
    assert at["right_eye"][1] < at["nose"][1] < at["mouth"][1]
    assert 0.6 < face.confidence <= 1


def test_the_same_picture_gives_the_same_faces(find, astronaut):
    assert find(astronaut, 30) == find(astronaut, 30)


def test_grey_and_any_memory_order(find, astronaut):
    grey = to_grey(astronaut)
    assert iou(find(grey)[0].box, ASTRONAUT) > 0.6
    mirrored = find(astronaut[:, ::-1])[0].box
    assert abs(mirrored.left + ASTRONAUT.right - 512) < 25


@pytest.mark.parametrize("degrees", [-45, -20, 20, 45])
def test_a_tilted_face(find, astronaut, degrees):
    turn = cv2.getRotationMatrix2D((223, 125), degrees, 1)
    (face,) = find(cv2.warpAffine(astronaut, turn, (512, 512)))
    assert iou(face.box, ASTRONAUT) > 0.5


def test_a_face_that_fills_the_image(find, astronaut):
    close = astronaut[70:190, 165:285]
    (face,) = find(close)
    assert face.box.right - face.box.left > 60


def test_a_face_of_20_pixels(find, astronaut):
    small = cv2.resize(astronaut, (105, 105), interpolation=cv2.INTER_AREA)
    large = np.full((600, 800, 3), 120, np.uint8)
    large[400:505, 600:705] = small
    (face,) = find(large, smallest=18)
    assert iou(face.box, Box(600 + 36, 400 + 16, 600 + 56, 400 + 36, True)) > 0.4
    assert find(large) == []  # as a whole the image does not show it


def test_500_faces(find, astronaut):
    tile = cv2.resize(astronaut[40:220, 133:313], (72, 72), interpolation=cv2.INTER_AREA)
    crowd = np.tile(tile, (20, 25, 1))
    found = find(crowd, smallest=30)
    middles = {((d.box.left + d.box.right) // 144, (d.box.top + d.box.bottom) // 144) for d in found}
    assert len(middles) >= 475
    assert len(found) <= 525


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1, 3), (200, 3200, 3)])
def test_nothing_to_find(find, shape):
    assert find(np.full(shape, 90, np.uint8), 16) == []


@pytest.mark.parametrize("name", ["coffee", "cat", "coins", "text", "moon", "horse"])
def test_no_face(find, name):
    image = np.asarray(getattr(pictures, name)())
    image = np.uint8(255 * image) if image.dtype == bool else image
    assert find(image, 20) == []


def test_a_panorama(find, astronaut):
    wide = np.full((256, 16 * 256, 3), 128, np.uint8)
    wide[:, 3000:3256] = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    (face,) = find(wide, 32)
    assert iou(face.box, Box(3087, 38, 3136, 87, True)) > 0.5


def test_threads_share_the_network(find, astronaut):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: find(astronaut, 30), range(8)))
    assert all(one == found[0] for one in found)


@pytest.mark.shared
def test_the_annotated_photos(find, shared):
    truth = {}
    with (shared / "photos" / "faces.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (int(row[k]) for k in ("left", "top", "width", "height"))
            truth.setdefault(row["photo"], []).append(Box(left, top, left + width, top + height, True))
    for photo, wanted in truth.items():
        found = [d.box for d in find(read((shared / "photos" / photo).read_bytes()), 29)]
        assert all(max(iou(box, one) for one in found) >= 0.4 for box in wanted), photo
        assert len(found) == len(wanted), photo


@pytest.mark.parametrize("name", ["blazeface", "dlib-hog"])
def test_a_face_is_found_again_near_where_it_was(name, astronaut):
    find = detector(name)
    (face, *_) = find(astronaut)
    moved = np.roll(astronaut, (9, -7), (0, 1))
    again = find.near(moved, face)
    expected = Box(face.box.left - 7, face.box.top + 9, face.box.right - 7, face.box.bottom + 9, True)
    assert iou(again.box, expected) > 0.6
    assert find.near(np.full_like(astronaut, 90), face) is None
    assert find.near(astronaut[:60, :60], face) is None  # beyond the image
    with pytest.raises(ValueError, match="empty"):
        find.near(astronaut, Detection(Box(9, 9, 9, 9, True), 1.0))
