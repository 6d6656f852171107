"""Squares of an image: all of it is seen, at the sizes that are asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.detectors.pyramid import LARGEST, NEARLY, SMALLEST, sides, squares
from featurize.tflite import SIDE

lengths = st.integers(1, 900)


@given(lengths, st.floats(0, 200))
def test_halves_down_to_the_smallest_face(longer, smallest):
    found = sides(longer, smallest)
    assert found[0] == 2 * longer
    assert found[1] == longer or NEARLY * longer <= found[1] == found[-1]
    assert all(b < a <= 2 * b / NEARLY + 1 for a, b in zip(found, found[1:], strict=False))
    if smallest > 1:
        assert found[-1] * SMALLEST <= smallest + 1 or found[-1] == longer


@pytest.mark.parametrize("longer", range(30, 900, 7))
def test_every_face_is_taken_from_some_square(longer):
    image = np.zeros((longer, longer), np.uint8)
    for smallest in (longer / 20, NEARLY * longer * SMALLEST, longer * SMALLEST):
        limits = sorted({(square.smallest, square.largest) for square in squares(image, smallest)})
        reached = 0.0
        for least, most in limits:
            assert least <= reached
            reached = max(reached, most)
        assert reached == np.inf


def test_a_face_that_a_square_cannot_show_is_shown_by_the_next():
    found = sides(4000, 30)
    assert len(found) > 4
    for larger, smaller in zip(found[1:], found[2:], strict=False):
        assert larger * SMALLEST < smaller * LARGEST


@given(st.tuples(lengths, lengths), st.sampled_from([0, 20, 60]))
def test_every_pixel_is_in_a_square_of_each_size(shape, smallest):
    image = np.full(shape, 255, np.uint8)
    cut = list(squares(image, smallest))
    seen = {}
    for square in cut:
        assert square.pixels.shape == (SIDE, SIDE, 3)
        assert square.pixels.dtype == np.uint8
        area = np.count_nonzero(square.pixels[..., 0]) * square.across * square.down
        seen[square.largest, square.smallest] = seen.get((square.largest, square.smallest), 0) + area
    assert all(area >= 0.99 * image.size for area in seen.values())


def test_places_are_those_of_the_picture():
    image = np.zeros((300, 500, 3), np.uint8)
    image[200:220, 400:420] = 255
    for square in squares(image, 12):
        rows, columns = np.nonzero(square.pixels[..., 0] > 127)
        if (
            len(rows)
            and rows.max() < SIDE - 1
            and columns.max() < SIDE - 1
            and min(rows.min(), columns.min())
        ):
            assert (columns.mean() + 0.5) * square.across + square.left == pytest.approx(410, abs=4)
            assert (rows.mean() + 0.5) * square.down + square.top == pytest.approx(210, abs=4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (200, 3200), (16, 16)])
def test_pictures_of_odd_shapes(shape):
    assert all(square.pixels.shape == (SIDE, SIDE, 3) for square in squares(np.zeros(shape, np.uint8), 0))
