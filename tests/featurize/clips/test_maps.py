"""Vectors of motion maps; mirrors, shifts and the kernels that do not mind them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from featurize.clips.maps import MapField, MapHOOF, altered, direction_shares, motion_field
from featurize.registry import extractor
from pipelines.cross_validation.kernels import invariant_kernels, squared_distances

NAMES = ("flow-pixels", "flow-field", "flow-hoof", "flow-hog", "flow-residual")


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_vectors(name, maps):
    built = extractor(name)
    X = built.transform(maps)
    assert X.shape == (7, built.dim)
    assert X.dtype == np.float32
    assert built.spec.kind == "flow"
    assert np.array_equal(X[2:3], built.transform(maps[2:3]))
    assert np.isfinite(built.transform(np.zeros((1, 28, 28, 3), np.uint8))).all()


def test_the_field_knows_neither_zero_nor_strength(maps):
    weak = maps.copy()
    weak[..., :2] = maps[..., :2] // 3 + 40
    assert MapField().transform(weak) == pytest.approx(MapField().transform(maps), abs=0.05)
    field = motion_field(maps)
    assert np.abs(np.median(field, axis=(1, 2))).max() < 1e-5
    assert (field**2).mean(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)


def test_a_coarse_field_holds_block_means(maps):
    wanted = motion_field(maps).reshape(7, 4, 7, 4, 7, 2).mean(axis=(2, 4)).reshape(7, -1)
    assert MapField(grid=4).transform(maps) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("angle", "bins", "wanted"),
    [(0, 8, {0: 1.0}), (45, 8, {1: 1.0}), (60, 4, {0: 1 / 3, 1: 2 / 3}), (-30, 4, {0: 2 / 3, 3: 1 / 3})],
)
def test_a_direction_is_shared_between_the_nearest_bins(angle, bins, wanted):
    a = np.deg2rad(angle)
    field = np.full((1, 1, 1, 2), [2 * np.cos(a), 2 * np.sin(a)], np.float32)
    shares = direction_shares(field, bins)[0, 0, 0]
    assert shares == pytest.approx([2 * wanted.get(b, 0.0) for b in range(bins)], abs=1e-5)


def test_histograms_are_normalised(maps):
    assert (MapHOOF().transform(maps) ** 2).sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_a_mirror_is_undone_by_a_mirror_and_negates_horizontal_flow(maps):
    once = altered(maps, mirror=True)
    assert np.array_equal(altered(once, mirror=True), maps)
    assert np.array_equal(once[:, :, 0, 0], 255 - maps[:, :, -1, 0])
    assert np.array_equal(once[:, :, 0, 1:], maps[:, :, -1, 1:])


def test_shifts_repeat_the_edge(maps):
    moved = altered(maps, dx=2, dy=-1)
    assert np.array_equal(moved[:, :-1, 2:], maps[:, 1:, :-2])
    assert np.array_equal(moved[:, :-1, 0], maps[:, 1:, 0])
    assert np.array_equal(moved[:, -1, 2:], maps[:, -1, :-2])


def test_kernels_do_not_mind_a_mirror(maps):
    mirrored = maps.copy()
    mirrored[3] = altered(maps[3:4], mirror=True)[0]
    for name in NAMES[:1]:  # exact where mirroring is a permutation with a change of sign
        plain = invariant_kernels(maps, name, (0.5,), shift=0)["0.5"]
        other = invariant_kernels(mirrored, name, (0.5,), shift=0)["0.5"]
        assert other == pytest.approx(plain, abs=1e-6)
    assert invariant_kernels(maps, "flow-pixels", (0.5,), shift=0, mirror=False)["0.5"] != pytest.approx(
        plain, abs=0.05
    )


def test_kernels_without_alterations_are_gaussian(maps):
    X = maps.reshape(7, -1) / 255.0
    base = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    scale = np.median(base[np.triu_indices(7, 1)])
    found = invariant_kernels(maps, "flow-pixels", (0.5, 2.0), shift=0, mirror=False)
    for gamma in (0.5, 2.0):
        assert found[f"{gamma:g}"] / found[f"{gamma:g}"][0, 0] == pytest.approx(
            np.exp(-gamma * base / scale), abs=1e-4
        )


def test_a_kernel_of_regions_is_the_mean_of_theirs(maps):
    field = MapField().transform(maps).astype(float).reshape(7, 28, 28, 2)
    wanted = np.zeros((7, 7))
    for rows, columns in product((slice(14), slice(14, 28)), repeat=2):
        x = field[:, rows, columns].reshape(7, -1)
        base = ((x[:, None] - x[None]) ** 2).sum(axis=2)
        wanted += np.exp(-0.5 * base / np.median(base[np.triu_indices(7, 1)])) / 4
    found = invariant_kernels(maps, "flow-field", (0.5,), shift=0, mirror=False, regions=2)["0.5"]
    assert found == pytest.approx(wanted, abs=1e-6)


def test_an_unusual_motion_in_one_region_leaves_the_others_alike(maps):
    pair = np.concatenate([maps, maps[:1]])
    pair[7, :10, :10] = 255 - pair[7, :10, :10]
    whole, parts = (
        invariant_kernels(pair, "flow-field", (2.0,), shift=0, mirror=False, regions=r)["2"] for r in (1, 2)
    )
    assert parts[0, 7] > whole[0, 7]


def test_extractors_without_rows_stay_whole(maps):
    whole, parts = (invariant_kernels(maps, "flow-hog", (0.5,), shift=0, regions=r)["0.5"] for r in (1, 2))
    assert np.array_equal(whole, parts)


def test_a_small_shift_costs_less_with_shifts():
    rng = np.random.default_rng(1)
    smooth = np.kron(rng.integers(0, 256, (4, 7, 7, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8)
    pair = np.concatenate([smooth, altered(smooth[:1], dx=1)])
    rigid = invariant_kernels(pair, "flow-field", (2.0,), shift=0)["2"]
    loose = invariant_kernels(pair, "flow-field", (2.0,), shift=1)["2"]
    assert loose[0, 4] / loose[0, 0] > rigid[0, 4] / rigid[0, 0]


def test_distances():
    A, B = np.random.default_rng(0).normal(size=(5, 3)), np.random.default_rng(1).normal(size=(4, 3))
    assert squared_distances(A, B) == pytest.approx(((A[:, None] - B) ** 2).sum(axis=2))
    assert squared_distances(A, A).min() >= 0
