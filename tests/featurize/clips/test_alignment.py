"""Registration of motion maps by their mean strain."""

from __future__ import annotations

import numpy as np
import pytest

from featurize.clips.alignment import Placement, aligned, placements, resampled, root_strain

SETS = np.repeat(["one", "two"], 12)
SUBJECTS = np.repeat(["one/a", "one/b", "two/a", "two/b"], 6)


def faces(rng, eye_row, mouth_row, n):
    """Return maps that strain at two eyes and a mouth, each clip at some of them."""
    maps = rng.integers(120, 136, (n, 28, 28, 3)).astype(np.uint8)
    maps[..., 2] = rng.integers(0, 12, (n, 28, 28))
    for i in range(n):
        maps[i, eye_row : eye_row + 3, 5:10, 2] = maps[i, eye_row : eye_row + 3, 18:23, 2] = 150 + 20 * (
            i % 3
        )
        maps[i, eye_row + 1, :, 2] = np.where(maps[i, eye_row + 1, :, 2] > 100, 255, 0)
        maps[i, mouth_row : mouth_row + 2, 9:19, 2] = 100 * (i % 2)
    return maps


@pytest.fixture(scope="module")
def maps():
    rng = np.random.default_rng(0)
    return np.concatenate([faces(rng, 6, 20, 12), faces(rng, 8, 22, 12)])


def rows_of(maps):
    """Return the row of most strain in the upper half, on average."""
    return root_strain(maps).mean(axis=(0, 2))[:14].argmax()


@pytest.mark.parametrize("shrink", [None, 8.0])
def test_faces_of_two_sets_come_to_one_place(maps, shrink):
    found = aligned(maps, SUBJECTS, SETS, shrink=shrink)
    assert rows_of(maps[12:]) - rows_of(maps[:12]) == 2
    assert abs(int(rows_of(found[12:])) - int(rows_of(found[:12]))) <= 1
    assert found.dtype == np.uint8
    assert found.shape == maps.shape
    assert np.array_equal(aligned(maps, SUBJECTS, SETS, shrink=shrink), found)


def test_one_set_with_one_placement_stays_as_it_is(maps):
    one = np.full(12, "one")
    assert placements(root_strain(maps[:12]), one)[0]["one"] == Placement()
    assert np.array_equal(aligned(maps[:12], SUBJECTS[:12], one, shrink=None), maps[:12])


def test_a_subject_is_placed_by_its_own_maps_and_its_sets_mean(maps):
    """What another subject's maps show, but for their mean, decides nothing about this one."""
    order = np.r_[0:6, 11:5:-1, 12:24]  # the other subject's maps in another order
    plain, other = (aligned(m, SUBJECTS, SETS) for m in (maps, maps[order]))
    assert np.array_equal(plain[:6], other[:6])


def test_maps_without_motion_stay_where_they_are():
    blank = np.zeros((4, 28, 28, 3), np.uint8)
    assert np.array_equal(aligned(blank, np.array(list("abcd")), np.array(list("xxyy"))), blank)


def test_resampling(maps):
    down = resampled(maps[0], Placement(down=2))
    assert np.array_equal(down[2:], maps[0, :-2])
    assert np.array_equal(down[0], maps[0, 0])
    wide = resampled(np.eye(28, dtype=np.float32)[::-1].copy(), Placement(width=0.7))
    assert wide.shape == (28, 28)


@pytest.mark.parametrize(
    ("subjects", "shrink", "why"),
    [(SUBJECTS[:3], 8.0, "24 maps, 3 subjects, 24 sources: need as many"), (SUBJECTS, -1, "shrink=-1: need")],
)
def test_what_does_not_fit_is_refused(maps, subjects, shrink, why):
    with pytest.raises(ValueError, match=why):
        aligned(maps, subjects, SETS, shrink=shrink)
