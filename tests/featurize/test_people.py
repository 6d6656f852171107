"""Persons: tracks that are near each other are one, unless they were in view together."""

import numpy as np
import pytest

from featurize.people import APART, SAME_PERSON, TRIES, VECTORS, People, turn, vector


def direction(k, away=0.0):
    """Return a (128,) vector along one axis, moved a little along the last."""
    found = np.zeros(128, np.float32)
    found[k], found[-1] = 1.0, away
    return found


def show(people, frames, tracks, vectors):
    for _ in range(frames):
        people.see(tracks, lambda track: vectors.get(track))


def test_who_comes_back_has_the_number_of_the_first_track():
    people = People()
    show(people, 30, [1], {1: direction(0)})
    show(people, 3, [], {})
    show(people, 30, [2], {2: direction(1)})
    show(people, 30, [5], {5: direction(0, 0.9 * SAME_PERSON)})
    people.end()
    assert [people.number(t) for t in (1, 2, 5)] == [1, 2, 1]


def test_it_is_decided_after_some_frames_and_not_before():
    people = People()
    frames = APART * (VECTORS - 1)
    show(people, frames, [1], {1: direction(0)})
    assert people.number(1) is None
    show(people, 1, [1], {1: direction(0)})
    assert people.number(1) == 1


def test_who_shows_no_face_that_can_be_compared_is_somebody_new_and_waits_for_nothing():
    people = People()
    show(people, 40, [1], {1: direction(0)})
    show(people, APART * (TRIES - 1) + 1, [2], {})
    assert people.number(2) == 2
    show(people, 40, [3], {})
    assert people.number(3) == 3, "nor is it like the other one without vectors"


def test_a_track_that_ends_is_decided_by_what_there_is():
    people = People()
    show(people, 40, [1], {1: direction(0)})
    show(people, 2, [2], {2: direction(0)})
    show(people, 1, [], {})
    assert people.number(2) == 1


def test_nobody_is_two_in_one_frame():
    people = People()
    show(people, 40, [1, 2], {1: direction(0), 2: direction(0)})
    assert [people.number(1), people.number(2)] == [1, 2]
    show(people, 40, [3, 4], {3: direction(0), 4: direction(0, 0.1)})
    assert sorted([people.number(3), people.number(4)]) == [1, 2]


def test_the_nearest_is_who_it_is():
    people = People()
    show(people, 40, [1, 2], {1: direction(0), 2: direction(0, 0.4)})
    show(people, 40, [3], {3: direction(0, 0.35)})
    assert people.number(3) == 2


def test_a_vector_is_asked_for_in_some_frames_alone():
    people, asked = People(), []
    for _ in range(100):
        people.see([1], lambda track: asked.append(track) or direction(0))
    assert len(asked) == VECTORS


@pytest.mark.parametrize("crop", [np.full((90, 90, 3), 128, np.uint8), np.zeros((40, 40), np.uint8)])
def test_what_is_no_face_has_no_vector(crop):
    assert vector(crop) is None


def test_wrong_words():
    with pytest.raises(TypeError, match="crop"):
        vector("face.jpg")


def test_turn_is_by_the_nose():
    points = np.zeros((468, 3))
    points[263, 0], points[1, :2] = 10.0, (5.0, 4.0)
    assert turn(points) == 0.0
    points[1, 0] = 9.0
    assert turn(points) == pytest.approx(0.4)
