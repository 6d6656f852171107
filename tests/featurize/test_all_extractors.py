"""One body of checks over every registered extractor of images."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from featurize import Extractor, extractor, list_extractors, parse
from featurize.registry import EXTRACTORS

#: Largest difference between batch sizes: matrix products round differently with their number of rows.
TOLERANCE = 1e-5
#: Extractors of clips and maps, and networks, which need weights, have a body of checks of their own.
NAMES = [n for n in list_extractors() if EXTRACTORS[n].startswith("featurize.handcrafted.")]


@cache
def built(name: str) -> Extractor:
    return extractor(name)


@pytest.fixture(params=NAMES)
def one(request) -> Extractor:
    return built(request.param)


def test_vectors_are_as_the_contract_says(one, faces_48):
    X = one.transform(faces_48[:5])
    assert X.shape == (5, one.dim)
    assert X.dtype == np.float32
    assert X.flags["C_CONTIGUOUS"]
    assert np.isfinite(X).all()
    assert len(np.unique(X, axis=0)) == 5, "different faces must give different vectors"


def test_nothing_in_nothing_out(one):
    X = one.transform([])
    assert X.shape == (0, one.dim)
    assert X.dtype == np.float32


def test_the_same_twice(one, faces_48):
    np.testing.assert_array_equal(one.transform(faces_48[:3]), one.transform(faces_48[:3]))
    fresh = extractor(one.name)
    np.testing.assert_array_equal(one.transform(faces_48[:3]), fresh.transform(faces_48[:3]))


def test_batches_do_not_matter(one, faces_48):
    n = 14 if one.name == "dlib-face" else 64
    whole = one.transform(faces_48[:n])
    sevens = np.concatenate([one.transform(faces_48[i : min(i + 7, n)]) for i in range(0, n, 7)])
    ones = np.concatenate([one.transform(faces_48[i : i + 1]) for i in range(0, n, 5)])
    np.testing.assert_allclose(sevens, whole, atol=TOLERANCE)
    np.testing.assert_allclose(ones, whole[::5], atol=TOLERANCE)


def test_input_is_left_alone(one, faces_48):
    before = faces_48[:2].copy()
    one.transform(faces_48[:2])
    np.testing.assert_array_equal(faces_48[:2], before)


def test_rgb_copies_of_grey_give_the_same(one, faces_48):
    rgb = np.repeat(faces_48[:3, :, :, None], 3, axis=3)
    np.testing.assert_allclose(one.transform(rgb), one.transform(faces_48[:3]), atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (13, 31), (64, 48), (200, 90), (57, 57, 3)])
def test_odd_sizes(one, shape):
    picture = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    X = one.transform([picture])
    assert X.shape == (1, one.dim)
    assert np.isfinite(X).all()


@pytest.mark.parametrize("value", [0, 127, 255])
def test_blank_pictures(one, value):
    X = one.transform(np.full((2, 48, 48), value, np.uint8))
    assert np.isfinite(X).all()
    np.testing.assert_allclose(X[0], X[1], atol=TOLERANCE)


def test_fallbacks_are_within_the_count(one, faces_48):
    X = one.transform(np.concatenate([faces_48[:2], np.zeros((1, 48, 48), np.uint8)]))
    assert 0 <= one.fallbacks(X) <= len(X)


#: What is refused by every registered extractor, networks too, before any weights are read.
BAD = {
    "None": (None, TypeError),
    "path": ("face.jpg", TypeError),
    "number": (3, TypeError),
    "floats": (np.full((48, 48), 0.5), TypeError),
    "floats with NaN": (np.full((48, 48), np.nan), ValueError),
    "int64": (np.zeros((48, 48), np.int64), TypeError),
    "mask": (np.zeros((48, 48), bool), TypeError),
    "one channel": (np.zeros((48, 48, 1), np.uint8), ValueError),
    "alpha": (np.zeros((48, 48, 4), np.uint8), ValueError),
    "no pixels": (np.zeros((48, 0), np.uint8), ValueError),
    "no rows": (np.zeros((0, 48, 3), np.uint8), ValueError),
    "one axis": (np.zeros(48 * 48, np.uint8), ValueError),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", list_extractors())
def test_what_is_no_image_is_refused(name, bad):
    given, error = BAD[bad]
    for samples in (given, [given]):
        with pytest.raises(error) as caught:
            built(name).transform(samples)
        assert "\n" not in str(caught.value)
        assert not {"OpenCV", "attribute", "iterable"} & set(str(caught.value).split())


def test_any_memory_order(one):
    image = np.random.default_rng(2).integers(0, 256, (48, 48, 3)).astype(np.uint8)
    frozen, backwards = image.copy(), np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    frozen.flags.writeable = False
    same = one.transform([image, frozen, np.asfortranarray(image), backwards])
    for row in same[1:]:
        np.testing.assert_allclose(row, same[0], atol=TOLERANCE)


def test_one_image_is_a_list_of_one(one, faces_48):
    for image in (faces_48[0], np.repeat(faces_48[0][..., None], 3, axis=2)):
        np.testing.assert_allclose(one.transform(image), one.transform([image]), atol=TOLERANCE)


def test_spec_says_where_it_comes_from(one):
    spec = one.spec
    assert (spec.name, spec.dim) == (one.name, one.dim)
    assert spec.licence
    if spec.weights_sha256 is not None:
        assert len(spec.weights_sha256) == 64
        assert spec.source


def test_spec_survives_json_and_text(one):
    spec = one.spec
    assert json.loads(json.dumps(spec.identity())) == spec.identity()
    (again,) = parse(spec.as_text())
    assert again.spec == spec


def test_a_misspelt_parameter_is_one_line(one):
    with pytest.raises(ValueError, match=f"extractor {one.name}: no parameter 'sidez'; known:") as caught:
        extractor(one.name, sidez=3)
    assert "\n" not in str(caught.value)
