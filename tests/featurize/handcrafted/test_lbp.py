"""LBP against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import local_binary_pattern

from featurize import extractor
from featurize.handcrafted.lbp import circle, grid_histograms, uniform_patterns


def _nearest_tie(image, radius):
    """Smallest |interpolated neighbour - centre| around each pixel."""
    pad = radius + 1
    padded = np.pad(image.astype(np.float64), pad)
    h, w = image.shape
    gaps = []
    for taps in circle(radius):
        value = sum(float(k) * padded[pad + dy : pad + dy + h, pad + dx : pad + dx + w] for dy, dx, k in taps)
        gaps.append(np.abs(value - image))
    return np.min(gaps, axis=0)


@pytest.mark.parametrize("radius", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["noise", "faces"])
def test_patterns_equal_scikit_image(radius, kind, faces_48):
    noise = np.random.default_rng(radius).integers(0, 256, (8, 48, 40)).astype(np.uint8)
    images = noise if kind == "noise" else faces_48[:8]
    ours = uniform_patterns(images, radius)
    theirs = np.stack([local_binary_pattern(x, 8, radius, "nri_uniform") for x in images])
    # The one difference allowed: where a neighbour equals the centre to within rounding, scikit-image's own
    # rounding decides; ours counts an exact tie as "not below".
    tie = np.stack([_nearest_tie(x, radius) for x in images]) < 1e-4
    np.testing.assert_array_equal(ours[~tie], theirs[~tie])
    assert (ours != theirs).mean() < 0.01


def test_all_256_codes_have_scikit_images_numbers():
    # A 3x3 image for each code: the axis neighbours of radius 1 are the pixels, the diagonal ones lie
    # between four, so corners are set far enough to decide.
    images = np.empty((256, 3, 3), np.uint8)
    for code in range(256):
        ring = [(1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2)]
        images[code] = 100
        for bit, (row, column) in enumerate(ring):
            images[code, row, column] = (
                (255 if bit % 2 else 101) if code >> bit & 1 else (0 if bit % 2 else 99)
            )
    ours = uniform_patterns(images, 1)[:, 1, 1]
    theirs = [local_binary_pattern(x, 8, 1, "nri_uniform")[1, 1] for x in images]
    np.testing.assert_array_equal(ours, theirs)
    assert len(set(ours.tolist())) == 59


def test_flat_regions_are_exact_ties():
    codes = uniform_patterns(np.full((1, 20, 20), 77, np.uint8), 3)
    assert (codes[0, 4:-4, 4:-4] == 57).all()  # every neighbour "not below"


@pytest.mark.parametrize("grid", [1, 5, 7])
def test_histograms_count_each_cell(grid):
    patterns = np.random.default_rng(0).integers(0, 59, (3, 48, 48)).astype(np.uint8)
    ours = grid_histograms(patterns, grid).reshape(3, grid, grid, 59)
    edge = [-(-48 * i // grid) for i in range(grid + 1)]
    for i in range(grid):
        for j in range(grid):
            cell = patterns[1, edge[i] : edge[i + 1], edge[j] : edge[j + 1]].ravel()
            np.testing.assert_allclose(ours[1, i, j], np.bincount(cell, minlength=59) / cell.size, rtol=1e-6)


def test_vector_is_radius_by_cell_by_pattern(faces_48):
    lbp = extractor("lbp", radii=[2, 1], grid=3, root=False)
    X = lbp.transform(faces_48[:4]).reshape(4, 2, 9, 59)
    np.testing.assert_allclose(X.sum(axis=3), 1, rtol=1e-5)
    np.testing.assert_array_equal(
        X[:, 1].reshape(4, -1), grid_histograms(uniform_patterns(faces_48[:4], 1), 3)
    )
    rooted = extractor("lbp", radii=[2, 1], grid=3).transform(faces_48[:4])
    np.testing.assert_allclose(rooted**2, X.reshape(4, -1), atol=1e-6)


def test_brightness_does_not_matter(faces_48):
    dim = faces_48[:4] // 2
    np.testing.assert_array_equal(
        uniform_patterns(dim, 1)[:, 2:-2, 2:-2], uniform_patterns(dim + 100, 1)[:, 2:-2, 2:-2]
    )
