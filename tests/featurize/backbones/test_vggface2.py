"""The published form of VGGFace2's weights, written here with random values."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from featurize import extractor, weights
from featurize.backbones import resnet50_vggface2 as vgg
from featurize.backbones import weightfile
from featurize.backbones.weightfile import WeightsError


def published_layers() -> list[tuple[str, dict[str, tuple[int, ...]]]]:
    """Name and tensors of every layer, written out from the paper's plan and not from our network."""

    def conv(name, kernel, inside, out):
        bn = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (out,))
        return [(name, {"kernel": (kernel, kernel, inside, out)}), (f"{name}/bn", bn)]

    found, channels = conv("conv1/7x7_s2", 7, 3, 64), 64
    for stage, (blocks, inside, out) in zip(
        (2, 3, 4, 5), ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048)), strict=True
    ):
        for block in range(1, blocks + 1):
            name = f"conv{stage}_{block}"
            found += conv(f"{name}_1x1_reduce", 1, channels, inside)
            found += conv(f"{name}_3x3", 3, inside, inside)
            found += conv(f"{name}_1x1_increase", 1, inside, out)
            if block == 1:
                found += conv(f"{name}_1x1_proj", 1, channels, out)
            channels = out
    return found


def write_h5(path: Path, seed: int = 0) -> Path:
    """Write the file as Keras 2 does: one group a layer, the tensors' full names in it."""
    rng = np.random.default_rng(seed)
    layers = published_layers()
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"input_1", *(name.encode() for name, _ in layers)]
        file.create_group("input_1").attrs["weight_names"] = []
        for name, tensors in layers:
            group = file.create_group(name) if name not in file else file[name]
            group.attrs["weight_names"] = [f"{name}/{v}:0".encode() for v in tensors]
            for variable, shape in tensors.items():
                scale = np.sqrt(2 / np.prod(shape[:-1])) if variable == "kernel" else 0.1
                value = rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)
                value += variable in ("gamma", "moving_variance")
                group.create_dataset(
                    f"{name}/{variable}:0", data=np.abs(value) if "var" in variable else value
                )
    return path


@pytest.fixture(scope="module")
def h5(tmp_path_factory) -> Path:
    return write_h5(tmp_path_factory.mktemp("vgg") / "published.h5")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))


def damaged(h5: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(h5, tmp_path / "copy.h5"))


def test_every_tensor_of_the_file_reaches_its_variable(h5):
    model, tensors = vgg.build(), vgg.read(h5)
    assert sum(t.size for t in tensors.values()) == vgg.PARAMETERS
    weightfile.assign(model, tensors, "file")
    with h5py.File(h5) as file:
        for name in ("conv1/7x7_s2", "conv3_1_1x1_proj", "conv5_3_1x1_increase"):
            kernel = file[name][f"{name}/kernel:0"][()]
            np.testing.assert_array_equal(model.get_layer(name.replace("/", "__")).kernel.numpy(), kernel)
            mean = file[f"{name}/bn"][f"{name}/bn/moving_mean:0"][()]
            found = model.get_layer(f"{name}/bn".replace("/", "__")).moving_mean.numpy()
            np.testing.assert_array_equal(found, mean)


def test_add_then_embed(h5, faces_48):
    path = weights.add("vggface2", h5)
    assert h5.exists()
    assert weights.pinned("vggface2") == weights.listing()[0]["sha256"] != ""
    one = extractor("vggface2", precision="f32")
    X = one.transform(faces_48[:3])
    assert X.shape == (3, 2048)
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, rtol=1e-5)
    raw = extractor("vggface2", precision="f32", norm="none", weights=str(path)).transform(faces_48[:3])
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), X, atol=1e-6)
    bf16 = extractor("vggface2", precision="bf16").transform(faces_48[:3])
    assert (bf16 * X).sum(1).min() >= 0.999
    assert one.spec.weights_sha256 == weights.pinned("vggface2")


def test_a_truncated_file_is_refused_and_what_is_there_stays(h5, tmp_path):
    kept = weights.add("vggface2", h5)
    before = kept.read_bytes()
    copy = damaged(h5, tmp_path)
    with copy.open("r+b") as file:
        file.truncate(40_000_000)
    with pytest.raises(WeightsError, match=r"copy\.h5 has SHA-256 .* another or a damaged file"):
        weights.add("vggface2", copy)
    assert kept.read_bytes() == before
    assert sorted(p.name for p in kept.parent.iterdir()) == [kept.name, "sha256.json"]


def test_before_any_pin_a_truncated_file_is_refused(h5, tmp_path):
    copy = damaged(h5, tmp_path)
    with copy.open("r+b") as file:
        file.truncate(40_000_000)
    with pytest.raises(WeightsError, match=r"copy\.h5 is truncated or no keras-vggface weight file"):
        weights.add("vggface2", copy)
    assert weights.pinned("vggface2") is None
    assert list(weights.folder().iterdir()) == []


def test_a_missing_tensor_is_named(h5, tmp_path):
    copy = damaged(h5, tmp_path)
    with h5py.File(copy, "r+") as file:
        group = file["conv4_6_3x3/bn"]
        group.attrs["weight_names"] = [n for n in group.attrs["weight_names"] if "beta" not in str(n)]
    with pytest.raises(WeightsError, match=r"copy\.h5 has no conv4_6_3x3__bn/beta \(1 tensors missing\)"):
        weights.add("vggface2", copy)


def test_a_tensor_of_another_shape_is_named(h5, tmp_path):
    copy = damaged(h5, tmp_path)
    with h5py.File(copy, "r+") as file:
        del file["conv2_1_3x3"]["conv2_1_3x3/kernel:0"]
        file["conv2_1_3x3"]["conv2_1_3x3/kernel:0"] = np.zeros((5, 5, 64, 64), np.float32)
    with pytest.raises(WeightsError, match=r"conv2_1_3x3/kernel has shape \(5, 5, 64, 64\)"):
        weights.add("vggface2", copy)


def test_another_networks_file_is_refused(tmp_path):
    path = tmp_path / "vgg16.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1_1"]
        group = file.create_group("conv1_1")
        group.attrs["weight_names"] = [b"conv1_1/kernel:0"]
        group["conv1_1/kernel:0"] = np.zeros((3, 3, 3, 64), np.float32)
    with pytest.raises(WeightsError, match=r"has no conv1__7x7_s2/kernel .*another network's file"):
        weights.add("vggface2", path)
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(WeightsError, match="no keras-vggface weight file"):
        weights.add("vggface2", tmp_path / "text.h5")
    with pytest.raises(WeightsError, match="no weight file"):
        weights.add("vggface2", tmp_path / "absent.h5")
