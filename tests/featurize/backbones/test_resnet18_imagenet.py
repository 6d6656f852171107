"""ResNet18's ImageNet weights, in a file of the published form written here with random values."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from featurize import weights
from featurize.backbones import ipn, weightfile
from featurize.backbones.weightfile import WeightsError


def published_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """torchvision's names and shapes, written out from the paper's plan and not from our network."""
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}

    def conv(name: str, out: int, inside: int, kernel: int) -> None:
        found[f"{name}.weight"] = rng.standard_normal((out, inside, kernel, kernel), np.float32) * 0.05

    def bn(name: str, n: int) -> None:
        for variable in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{variable}"] = np.abs(rng.standard_normal(n, np.float32)) + 0.5
        found[f"{name}.num_batches_tracked"] = np.array(1, np.int64)

    conv("conv1", 64, 3, 7)
    bn("bn1", 64)
    inside = 64
    for stage, out in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            conv(f"{name}.conv1", out, inside, 3)
            bn(f"{name}.bn1", out)
            conv(f"{name}.conv2", out, out, 3)
            bn(f"{name}.bn2", out)
            if block == 0 and stage > 1:
                conv(f"{name}.downsample.0", out, inside, 1)
                bn(f"{name}.downsample.1", out)
            inside = out
    found["fc.weight"] = rng.standard_normal((1000, 512), np.float32)
    found["fc.bias"] = rng.standard_normal(1000, np.float32)
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "model.safetensors"
    save_file(published_tensors(), path)
    return path


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path))
    return tmp_path


def test_every_tensor_finds_its_place(file, data):
    placed = weights.add("resnet18", file)
    assert placed.is_file() and weights.pinned("resnet18")
    given, read = published_tensors(), ipn.read_imagenet(placed)
    np.testing.assert_array_equal(
        read["layer2_0_down/kernel"], given["layer2.0.downsample.0.weight"].transpose(2, 3, 1, 0)
    )
    np.testing.assert_array_equal(read["layer4_1_bn2/moving_variance"], given["layer4.1.bn2.running_var"])
    model = ipn.build_resnet18(7)
    names = set(weightfile.tensors_of(model))
    assert names - set(read) == {"fc1/kernel", "fc1/bias", "scores/kernel", "scores/bias"}


def test_a_missing_tensor_is_named_and_nothing_is_put_in_place(tmp_path, data):
    tensors = published_tensors()
    del tensors["layer3.1.conv2.weight"]
    save_file(tensors, tmp_path / "less.safetensors")
    with pytest.raises(WeightsError, match="layer3_1_conv2/kernel"):
        weights.add("resnet18", tmp_path / "less.safetensors")
    assert not (weights.folder() / weights.published("resnet18").file).exists()


def test_another_networks_file_is_refused(tmp_path, data):
    tensors = published_tensors() | {"layer1.2.conv1.weight": np.zeros((64, 64, 3, 3), np.float32)}
    save_file(tensors, tmp_path / "resnet34.safetensors")
    with pytest.raises(WeightsError, match="layer1_2_conv1"):
        weights.add("resnet18", tmp_path / "resnet34.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 1000, 40_000_000])
def test_a_truncated_file_is_refused(file, tmp_path, data, keep):
    short = tmp_path / "short.safetensors"
    short.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="truncated"):
        weights.add("resnet18", short)


def test_a_pickle_is_not_opened(tmp_path, data):
    pickled = tmp_path / "resnet18-f37072fd.pth"
    pickled.write_bytes(b"\x80\x04cposix\nsystem\n(S'false'\ntR.")
    with pytest.raises(WeightsError, match=r"no \.safetensors file"):
        weights.add("resnet18", pickled)
