"""Networks in int8: refused where there is no such form, trusted only where a test set has shown its loss."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from featurize import extractor, quantized
from featurize.engine import choose

NETWORK = "own-small"
needs_nncf = pytest.mark.skipif(
    importlib.util.find_spec("nncf") is None, reason="the extra int8 is not there"
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder that is empty."""
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    return tmp_path


def recorded(cache, identity, **said):
    """Put a record where that of a network is looked for."""
    folder = cache / "engines" / quantized.name_of(identity)
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    record = {"sha256": quantized.file_sha256(folder / "model.bin"), "lost": None} | said
    (folder / "int8.json").write_text(json.dumps(record))
    return folder


def test_a_network_without_an_int8_form_says_how_to_make_one(cache):
    one = extractor(NETWORK, precision="int8")
    with pytest.raises(ValueError, match=f"mueca quantize --backbone {NETWORK} --data NAME") as seen:
        one.transform([np.zeros((48, 48), np.uint8)])
    assert "\n" not in str(seen.value)


def test_int8_needs_openvino():
    with pytest.raises(ValueError, match="precision int8 needs engine openvino"):
        choose("keras", "int8")


@pytest.mark.parametrize(("lost", "taken"), [(None, False), (0.3, False), (0.2, True), (-0.1, True)])
def test_auto_takes_int8_only_where_a_test_showed_little_loss(cache, lost, taken):
    identity = extractor(NETWORK)._identity()
    assert not quantized.is_trusted(identity)
    recorded(cache, identity)
    if lost is not None:
        quantized.keep_check(identity, lost, "faces, test")
    assert quantized.is_trusted(identity) is taken
    one = extractor(NETWORK)
    assert (one.choice.precision == "int8") is taken
    assert (extractor(NETWORK, precision="f32").choice.precision) == "f32"


def test_vectors_hang_on_what_calibrated_them(cache):
    plain = extractor(NETWORK, precision="f32").spec.identity()
    folder = recorded(cache, extractor(NETWORK)._identity())
    first = extractor(NETWORK, precision="int8").spec.identity()
    record = json.loads((folder / "int8.json").read_text())
    (folder / "int8.json").write_text(json.dumps(record | {"sha256": "another"}))
    other = extractor(NETWORK, precision="int8").spec.identity()
    assert len({one["weights_sha256"] for one in (plain, first, other)}) == 3
    with pytest.raises(ValueError, match="is damaged"):
        quantized.model_path(extractor(NETWORK)._identity(), NETWORK)


@pytest.mark.skipif(importlib.util.find_spec("nncf") is not None, reason="the extra int8 is there")
def test_without_nncf_the_extra_is_named():
    with pytest.raises(ValueError, match=r"pip install 'mueca\[int8\]'"):
        quantized.require_nncf()


@needs_nncf
@pytest.mark.slow
def test_a_network_is_calibrated_checked_and_used(cache):
    from pipelines.exporting.quantize import quantize

    found = quantize(NETWORK, "synthetic")
    assert found.faces == 300
    assert found.lost == pytest.approx(found.before - found.int8, abs=1e-6)
    one, exact = (extractor(NETWORK, precision=p) for p in ("int8", "f32"))
    faces = [np.random.default_rng(i).integers(0, 255, (48, 48), dtype=np.uint8) for i in range(4)]
    a, b = one.transform(faces), exact.transform(faces)
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.9


@pytest.mark.parametrize("given", ["hog", "own-small+ucm-f"])
def test_what_is_no_network_is_refused(given):
    from pipelines.exporting.quantize import quantize

    with pytest.raises(ValueError, match="int8 is for one network on images"):
        quantize(given, "synthetic")
