"""Following: numbers that stay, faces that are missed, lost, come back, or are too many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.detect import Detection, iou
from featurize.faces import Box
from featurize.track import CONFIRM, KEEP, MANY, MISSES, SAME, Tracker, matched


def scene(left, top=60, seed=0, size=(240, 320), ground=99):
    """Return an image with a textured square of 60 pixels, and its box."""
    rng = np.random.default_rng(seed)
    patch = rng.integers(0, 255, (15, 15), np.uint8).repeat(4, 0).repeat(4, 1)
    picture = np.random.default_rng(ground).integers(0, 255, (6, 8), np.uint8).repeat(50, 0).repeat(50, 1)
    picture = np.ascontiguousarray(picture[: size[0], : size[1]])
    picture[top : top + 60, left : left + 60] = patch
    return picture, Box(left, top, left + 60, top + 60, True)


class Finder:
    """A detector that finds what it is told, and counts how often it is asked to search or to look again."""

    def __init__(self):
        self.boxes, self.asked, self.looked = [], 0, 0

    def __call__(self, image):
        self.asked += 1
        return [Detection(box, 1.0) for box in self.boxes]

    def near(self, image, last):
        self.looked += 1
        best = max(self.boxes, key=lambda box: iou(box, last.box), default=None)
        return Detection(best, 0.5) if best and iou(best, last.box) > SAME else None

    def show(self, track, *args, **kwargs):
        """Return the numbers of a scene with one face."""
        picture, box = scene(*args, **kwargs)
        self.boxes = [box]
        return [s.track for s in track(picture)]


@pytest.fixture
def find():
    return Finder()


def test_a_face_is_followed_between_searches(find):
    track = Tracker(find, every=10, near=find.near)
    for i in range(25):
        picture, box = scene(50 + 3 * i)
        find.boxes = [box]
        (seen,) = track(picture)
        assert (seen.track, seen.detection.box, seen.searched) == (1, box, i % 10 == 0)
    assert (find.asked, find.looked) == (3, 22)


def test_at_a_cut_the_frame_is_searched_at_once_and_numbers_are_new(find):
    track = Tracker(find, every=10, near=find.near)
    for i in range(4):
        find.show(track, 50 + i)
    picture, box = scene(60, ground=7)  # the same face at the same place, in another shot
    find.boxes = [box]
    (seen,) = track(picture)
    assert (seen.track, seen.searched) == (2, True)


def test_another_face_at_the_same_place_has_another_number(find):
    for every in (1, 10):
        track = Tracker(find, every=every, near=find.near)
        shown = [find.show(track, 60, seed=seed) for seed in (0, 0, *[5] * CONFIRM)]
        assert shown == [[1], [1], *[[]] * (CONFIRM - 1), [2]]


def test_a_lost_face_is_searched_at_once(find):
    track = Tracker(find, every=10, near=find.near)
    find.show(track, 60)
    # Jumped: found by a search, too far away to be the same.
    assert [find.show(track, 200) for _ in range(CONFIRM)] == [[]] * (CONFIRM - 1) + [[2]]
    assert find.asked == 1 + CONFIRM


def test_after_a_short_loss_the_number_is_the_same(find):
    track = Tracker(find, every=5, near=find.near)
    assert find.show(track, 80) == [1]
    empty, _ = scene(80)
    find.boxes = []
    assert [track(empty) for _ in range(20)] == [[]] * 20
    assert sum(([s] for s in (find.show(track, 100) for _ in range(6)) if s), [])[-1] == [1]


def test_after_a_long_loss_it_is_new(find):
    track = Tracker(find, every=1)
    assert find.show(track, 80) == [1]
    empty, _ = scene(80)
    find.boxes = []
    for _ in range(KEEP + 1):
        assert track(empty) == []
    assert [find.show(track, 80) for _ in range(CONFIRM)][-1] == [2]


def test_a_face_that_searches_miss_is_shown_while_it_is_seen_where_it_was(find):
    track = Tracker(find, every=2, near=find.near)
    picture, box = scene(80)
    find.boxes = [box]
    assert len(track(picture)) == 1
    track.find = lambda image: []
    seen = [len(track(picture)) for _ in range(2 * (MISSES + 1))]
    assert seen == [1] * (2 * MISSES + 1) + [0]


def test_searching_every_frame_shows_only_what_is_found(find):
    track = Tracker(find, every=1)
    assert find.show(track, 80) == [1]
    picture, _ = scene(80)
    find.boxes = []
    assert track(picture) == []
    assert find.show(track, 80) == [1]  # one miss: the same face


def test_a_crowd_is_searched_every_frame(find):
    track = Tracker(find, every=10, near=find.near)
    picture = np.random.default_rng(0).integers(0, 255, (400, 400), np.uint8)
    find.boxes = [
        Box(70 * (i % 5), 70 * (i // 5), 70 * (i % 5) + 60, 70 * (i // 5) + 60, True) for i in range(30)
    ]
    assert len(find.boxes) > MANY
    numbers = [sorted(s.track for s in track(picture)) for _ in range(3)]
    assert numbers == [list(range(1, 31))] * 3
    assert (find.asked, find.looked) == (3, 0)


def test_a_picture_without_structure(find):
    track = Tracker(find, every=10, near=find.near)
    find.boxes = [Box(-20, -20, 40, 40, True)]
    grey = np.full((100, 100), 127, np.uint8)
    assert [[s.track for s in track(grey)] for _ in range(3)] == [[1], [1], [1]]


def test_a_face_beyond_the_edge(find):
    track = Tracker(find, every=2, near=find.near)
    picture, _ = scene(80)
    find.boxes = [Box(-90, -90, -10, -10, True), Box(319, 239, 400, 300, True)]
    assert [len(track(picture)) for _ in range(3)] == [2, 2, 2]


def test_another_size_begins_anew(find):
    track = Tracker(find, every=10, near=find.near)
    assert find.show(track, 80, size=(240, 320)) == [1]
    assert find.show(track, 80, size=(240, 300)) == [2]


def test_a_face_that_appears_within_a_shot_is_given_when_it_was_found_so_often_in_a_row(find):
    track = Tracker(find, every=10, near=find.near)
    picture, _ = scene(80)
    assert track(picture) == []
    picture, box = scene(80, seed=1)
    find.boxes = [box]
    seen = [track(picture) for _ in range(10 + CONFIRM)]
    shown = [frame for frame, faces in enumerate(seen) if faces]
    assert shown == list(range(9 + CONFIRM - 1, 10 + CONFIRM)), "a search every 10 frames, then at once again"
    assert {s.track for faces in seen for s in faces} == {1}


def test_what_is_found_once_or_twice_within_a_shot_is_no_face_and_takes_no_number(find):
    track = Tracker(find, every=1)
    assert find.show(track, 60) == [1]
    picture, box = scene(60)
    false = Box(200, 150, 260, 210, True)
    for times in range(1, CONFIRM):
        find.boxes = [box, false]
        assert all([s.track for s in track(picture)] == [1] for _ in range(times))
        find.boxes = [box]
        assert [s.track for s in track(picture)] == [1]
    find.boxes = [box, false]
    assert [len(track(picture)) for _ in range(CONFIRM)] == [1] * (CONFIRM - 1) + [2]
    assert sorted(s.track for s in track(picture)) == [1, 2]


def test_wrong_words():
    with pytest.raises(ValueError, match="every=0"):
        Tracker(Finder(), every=0)


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h, True),
    *(st.integers(-20, 100),) * 2, *(st.integers(1, 80),) * 2,
)  # fmt: skip


@given(st.lists(boxes, max_size=6), st.lists(boxes, max_size=6))
def test_no_face_is_two(followed, found):
    plain = np.zeros(256, np.float32)
    pairs = matched([(box, plain) for box in followed], [(box, plain) for box in found])
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(iou(followed[i], found[j]) >= SAME for i, j in pairs)
    left = [b for k, b in enumerate(followed) if k not in {i for i, _ in pairs}]
    over = [b for k, b in enumerate(found) if k not in {j for _, j in pairs}]
    assert not any(iou(a, b) >= SAME for a in left for b in over)  # nothing that fits is left alone
