"""Weight files: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from featurize import extractor
from featurize.backbones import weightfile
from featurize.backbones.weightfile import WeightsError
from tests.featurize.backbones.conftest import write_weights

_NONE = weightfile.TrainingProvenance.of((), ())
_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}/[a-z_]{1,8}", fullmatch=True)
_TENSORS = st.dictionaries(
    _NAMES,
    npst.arrays(np.float32, npst.array_shapes(max_dims=4, max_side=3), elements=st.floats(-9, 9, width=32)),
)


@given(tensors=_TENSORS, text=st.text(max_size=20))
def test_round_trip(tmp_path_factory, tensors, text):
    path = tmp_path_factory.mktemp("w") / "w.npz"
    marks = weightfile.TrainingProvenance(np.array([1, 2, 3], np.uint64), np.array([7, 9], np.uint64))
    sha = weightfile.save(path, tensors, {"network": text}, marks)
    found = weightfile.load(path)
    assert found.card["network"] == text
    assert weightfile.load_card(path) == found.card
    assert found.seen.samples.tolist() == weightfile.load_seen(path).samples.tolist() == [1, 2, 3]
    assert found.seen.contents.tolist() == weightfile.load_seen(path).contents.tolist() == [7, 9]
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)
    assert weightfile.save(path, tensors, {"network": text}, marks) == sha, "equal weights give equal files"


def test_half_precision_refuses_what_it_cannot_hold(tmp_path):
    with pytest.raises(WeightsError, match="a/kernel is not finite in float16"):
        weightfile.save(tmp_path / "w.npz", {"a/kernel": np.array([1e5])}, {}, _NONE, np.float16)
    assert not list(tmp_path.iterdir())


@given(tensors=_TENSORS)
def test_eight_bits_are_within_half_a_step_of_each_channel(tmp_path_factory, tensors):
    path = tmp_path_factory.mktemp("w") / "w.npz"
    weightfile.save(path, tensors, {}, _NONE, np.int8)
    found = weightfile.load(path).tensors
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        axes = tuple(range(tensor.ndim - 1)) if tensor.ndim > 1 and tensor.shape[-1] > 1 else None
        largest = np.abs(tensor).max(axis=axes)
        step = largest / 127 if axes is not None else largest * 2e-3 + 1e-7
        assert (np.abs(found[name] - tensor) <= step / 2 + 1e-6).all(), name


def test_eight_bits_of_a_scale_that_fits_no_kernel_are_refused(tmp_path):
    weightfile.save(tmp_path / "w.npz", {"a/kernel": np.ones((2, 3))}, {}, _NONE, np.int8)
    with np.load(tmp_path / "w.npz") as whole:
        arrays = {name: whole[name] for name in whole.files}
    for wrong in ({"a/kernel#scale": np.ones(2, np.float32)}, {"b/kernel#scale": np.ones(3, np.float32)}):
        np.savez(tmp_path / "w.npz", **(arrays | wrong))
        with pytest.raises(WeightsError, match="kernel#scale fits no kernel"):
            weightfile.load(tmp_path / "w.npz")


def test_eight_bits_hold_no_value_that_is_not_finite(tmp_path):
    with pytest.raises(WeightsError, match="a/kernel is not finite"):
        weightfile.save(tmp_path / "w.npz", {"a/kernel": np.full((2, 3), np.nan)}, {}, _NONE, np.int8)


@pytest.mark.parametrize("keep", [0, 10, 5000, -30])
def test_a_truncated_file_is_refused(ucm_a, keep):
    ucm_a.write_bytes(ucm_a.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"ucm-a\.npz is truncated or no weight file"):
        weightfile.load(ucm_a)


def test_a_flipped_byte_is_refused(ucm_a):
    content = bytearray(ucm_a.read_bytes())
    content[len(content) // 2] ^= 0xFF
    ucm_a.write_bytes(content)
    with pytest.raises(WeightsError, match=r"ucm-a\.npz is truncated or no weight file"):
        weightfile.load(ucm_a)


@pytest.mark.parametrize("content", [b"weights of mine\n", pickle.dumps({"a": 1}), b""])
def test_text_and_pickles_are_refused_without_advice_to_trust_them(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.npz is truncated or no weight file") as refused:
        weightfile.load(tmp_path / "w.npz")
    assert "unsafely" not in str(refused.value)


def test_foreign_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(WeightsError, match="it has no card"):
        weightfile.load(tmp_path / "other.npz")
    with pytest.raises(WeightsError, match="no weight file"):
        weightfile.load(tmp_path / "absent.npz")
    weightfile.save(tmp_path / "w.npz", {}, {"format": 99}, _NONE)
    with pytest.raises(WeightsError, match="format 99; this version reads 1"):
        weightfile.load(tmp_path / "w.npz")


def test_pickles_are_never_read(tmp_path):
    np.savez(
        tmp_path / "w.npz",
        **{"#card": np.array([{}], object), "#samples": np.zeros(0), "#contents": np.zeros(0)},
        allow_pickle=True,
    )
    with pytest.raises(WeightsError):
        weightfile.load(tmp_path / "w.npz")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("fc1/kernel"), r"has no fc1/kernel \(1 tensors missing\)"),
        (lambda t: t.update({"fc9/kernel": np.zeros(1)}), "holds fc9/kernel, which the network has not"),
        (
            lambda t: t.update({"fc1/bias": np.zeros(3)}),
            r"fc1/bias has shape \(3,\), the network needs \(64,\)",
        ),
        (lambda t: t.update({"fc1/bias": np.full(64, np.nan)}), "fc1/bias holds NaN"),
    ],
)
def test_tensors_that_do_not_fit_leave_the_network_alone(tmp_path, change, said):
    tensors = write_weights(tmp_path / "w.npz")
    model = extractor("ucm-a", weights="random").network.build(7)
    before = {n: v.numpy() for n, v in weightfile.tensors_of(model).items()}
    change(tensors)
    with pytest.raises(WeightsError, match=said):
        weightfile.assign(model, tensors, "w.npz")
    for name, variable in weightfile.tensors_of(model).items():
        np.testing.assert_array_equal(variable.numpy(), before[name])


def test_another_networks_file_is_refused_by_name(tmp_path):
    write_weights(tmp_path / "w.npz", "ucm-b")
    with pytest.raises(WeightsError, match="holds weights of ucm-b version 1, not of ucm-a version 1"):
        _ = extractor("ucm-a", weights=str(tmp_path / "w.npz")).spec


def test_the_spec_remembers_what_was_learned_from(ucm_a, tmp_path):
    one = extractor("ucm-a", weights=str(ucm_a), precision="f32")
    assert one.spec.trained_on == "f" * 64
    assert one.seen.contents.tolist() == [0, 0, 0]
    assert len(set(one.seen.samples.tolist())) == 3
    moved = tmp_path / "elsewhere.npz"
    moved.write_bytes(ucm_a.read_bytes())
    other = extractor("ucm-a", weights=str(moved), precision="f32", engine="keras")
    assert json.dumps(other.spec.identity()) == json.dumps(one.spec.identity()), (
        "neither path nor engine decides"
    )
    write_weights(moved, seed=1)
    assert extractor("ucm-a", weights=str(moved), precision="f32").spec.identity() != one.spec.identity()


def test_random_weights_say_so():
    spec = extractor("ucm-a", weights="random").spec
    assert spec.weights_sha256 == "random"
    assert "random" in spec.as_text()


def test_half_precision_where_it_rounds_nothing(tmp_path):
    tensors = {"a/kernel": np.array([0.5, 1.25], np.float32), "b/kernel": np.array([0.1, 1e5], np.float32)}
    card, seen = {"network": "n", "version": 1, "classes": []}, weightfile.TrainingProvenance.of((), ())
    weightfile.save(tmp_path / "w.npz", tensors, card, seen, np.float16, exact=True)
    with np.load(tmp_path / "w.npz", allow_pickle=False) as file:
        assert (file["a/kernel"].dtype, file["b/kernel"].dtype) == (np.float16, np.float32)
    for name, tensor in weightfile.load(tmp_path / "w.npz").tensors.items():
        np.testing.assert_array_equal(tensor, tensors[name])
