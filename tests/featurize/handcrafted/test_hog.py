"""HOG: the reference's vector, its layout, its parameters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from featurize import extractor


def test_default_is_the_references_900(faces_48):
    reference = cv2.HOGDescriptor((48, 48), (16, 16), (8, 8), (8, 8), 9)
    expected = np.stack([reference.compute(x).ravel() for x in faces_48[:8]])
    X = extractor("hog").transform(faces_48[:8])
    assert X.shape == (8, 900)
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize(
    ("params", "dim"),
    [({"cell": 4}, 4356), ({"cell": 6}, 1764), ({"cell": 8, "signed": True, "bins": 18}, 1800),
     ({"cell": 12}, 324), ({"cell": 4, "block": 4, "step": 4}, 1296), ({"cell": 8, "block": 1}, 324)],
)  # fmt: skip
def test_dimensions(params, dim, faces_48):
    one = extractor("hog", **params)
    assert one.dim == dim
    assert one.transform(faces_48[:1]).shape == (1, dim)


def _ramp(angle):
    y, x = np.mgrid[:48, :48] - 24
    return (128 + 2.5 * (x * np.cos(angle) + y * np.sin(angle))).clip(0, 255).astype(np.uint8)


def test_signed_tells_light_to_dark_from_dark_to_light():
    up, down = _ramp(0.3), 255 - _ramp(0.3)
    unsigned = extractor("hog").transform([up, down])
    signed = extractor("hog", signed=True, bins=18).transform([up, down])
    np.testing.assert_allclose(unsigned[0], unsigned[1], atol=0.02)
    assert np.abs(signed[0] - signed[1]).max() > 0.3


def test_energy_goes_to_the_bin_of_the_gradient():
    X = extractor("hog").transform([_ramp(np.pi / 2)]).reshape(25, 4, 9)
    assert (X.mean(axis=(0, 1)).argmax()) == 4  # 80 to 100 degrees


def test_root_is_the_square_root(faces_48):
    plain, root = (
        extractor("hog").transform(faces_48[:4]),
        extractor("hog", root=True).transform(faces_48[:4]),
    )
    np.testing.assert_allclose(root, np.sqrt(plain), rtol=1e-6)


def test_a_blank_picture_is_all_zero():
    assert not extractor("hog").transform(np.zeros((1, 48, 48), np.uint8)).any()
