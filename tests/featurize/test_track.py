"""Following: numbers that stay, faces that are missed, lost, or too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.detect import Detection, iou
from featurize.faces import Box
from featurize.track import MANY, MISSES, SAME, Tracker, matched


def scene(left, top=60, seed=0, size=(240, 320)):
    """Return a picture with a textured square of 60 pixels, and its box."""
    rng = np.random.default_rng(seed)
    patch = rng.integers(0, 255, (15, 15), np.uint8).repeat(4, 0).repeat(4, 1)
    picture = np.random.default_rng(99).integers(100, 130, size, np.uint8)
    picture[top : top + 60, left : left + 60] = patch
    return picture, Box(left, top, left + 60, top + 60, True)


class Finder:
    """A detector that finds what it is told, and counts how often it is asked."""

    def __init__(self):
        self.boxes, self.asked = [], 0

    def __call__(self, image):
        self.asked += 1
        return [Detection(box, 1.0) for box in self.boxes]


def test_a_face_is_followed_between_searches():
    find = Finder()
    track = Tracker(find, every=10)
    for i in range(25):
        picture, box = scene(50 + 3 * i)
        find.boxes = [box]
        (seen,) = track(picture)
        assert seen.track == 1
        assert iou(seen.detection.box, box) > 0.8
        assert seen.searched == (i % 10 == 0)
    assert find.asked == 3


def test_at_a_cut_the_frame_is_searched_at_once_and_numbers_are_new():
    find = Finder()
    track = Tracker(find, every=10)
    for i in range(4):
        picture, box = scene(50 + i)
        find.boxes = [box]
        track(picture)
    picture, box = scene(60, seed=5)  # another at the same place
    find.boxes = [box]
    (seen,) = track(np.ascontiguousarray(255 - picture))
    assert (seen.track, seen.searched) == (2, True)


def test_a_face_that_searches_miss_is_given_up():
    find = Finder()
    track = Tracker(find, every=2)
    picture, box = scene(80)
    find.boxes = [box]
    assert len(track(picture)) == 1
    find.boxes = []
    seen = [len(track(picture)) for _ in range(2 * (MISSES + 1))]
    assert seen == [1] * (2 * MISSES + 1) + [0]
    find.boxes = [box]
    assert [s.track for _ in range(2) for s in track(picture)] == [2]  # found at the next search


def test_searching_every_frame_shows_only_what_is_found():
    find = Finder()
    track = Tracker(find, every=1)
    picture, box = scene(80)
    find.boxes = [box]
    assert [s.track for s in track(picture)] == [1]
    find.boxes = []
    assert track(picture) == []
    find.boxes = [box]
    assert [s.track for s in track(picture)] == [1]  # one miss: the same face


def test_a_crowd_is_searched_every_frame():
    find = Finder()
    track = Tracker(find, every=10)
    picture = np.random.default_rng(0).integers(0, 255, (400, 400), np.uint8)
    find.boxes = [
        Box(70 * (i % 5), 70 * (i // 5), 70 * (i % 5) + 60, 70 * (i // 5) + 60, True) for i in range(30)
    ]
    assert len(find.boxes) > MANY
    numbers = [sorted(s.track for s in track(picture)) for _ in range(3)]
    assert numbers == [list(range(1, 31))] * 3
    assert find.asked == 3


def test_a_picture_without_structure():
    find = Finder()
    track = Tracker(find, every=10)
    find.boxes = [Box(-20, -20, 40, 40, True)]
    grey = np.full((100, 100), 127, np.uint8)
    assert [len(track(grey)) for _ in range(3)] == [1, 1, 1]  # lost each time, and found again


def test_another_size_begins_anew():
    find = Finder()
    track = Tracker(find, every=10)
    for size, number in (((240, 320), 1), ((300, 320), 2)):
        picture, box = scene(80, size=size)
        find.boxes = [box]
        assert [s.track for s in track(picture)] == [number]


def test_wrong_words():
    with pytest.raises(ValueError, match="every=0"):
        Tracker(Finder(), every=0)


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h, True),
    *(st.integers(-20, 100),) * 2, *(st.integers(1, 80),) * 2,
)  # fmt: skip


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_no_face_is_two(followed, found):
    pairs = matched(followed, found)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(iou(followed[i], found[j]) >= SAME for i, j in pairs)
    left = [b for k, b in enumerate(followed) if k not in {i for i, _ in pairs}]
    over = [b for k, b in enumerate(found) if k not in {j for _, j in pairs}]
    assert not any(iou(a, b) >= SAME for a in left for b in over)  # nothing that fits is left alone
