"""CNN1, CNN2 and ResNet18 of R3 ("IPN")."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones import weightfile
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input
from featurize.backbones.normalise import batch_normalization
from featurize.backbones.weightfile import WeightsError
from featurize.extras import require

_RECIPE = Recipe(batch=64, epochs=60)
#: torchvision's normalisation of ImageNet images, on 0..255.
_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def build_cnn(blocks: int, dropout: float, classes: int) -> Any:
    """Return CNN1 (three blocks, no dropout) or CNN2 (four blocks, dropout .5 after both dense layers).

    R3 gives 9 and 12 convolutions in 3 and 4 blocks and the dense layers of CNN2 (1024, 512, classes). Filter
    counts are not published; three 3x3 convolutions of 64, 128, 256 (and 512) filters a block, the doubling
    every such network uses, and the same dense layers in CNN1 are what it most likely meant. Input: its
    photos are "at least 48 px", so 48x48 grey.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layers ``fc1`` (1024), ``fc2`` (512), ``flatten``.
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    for block in range(1, blocks + 1):
        for i in (1, 2, 3):
            name = f"conv{block}_{i}"
            x = layers.Conv2D(32 * 2**block, 3, padding="same", activation="relu", name=name,
                              kernel_initializer="he_normal")(x)  # fmt: skip
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate((1024, 512), 1):
        x = layers.Dense(units, activation="relu", name=f"fc{i}", kernel_initializer="he_normal")(x)
        x = layers.Dropout(dropout, name=f"drop{i}")(x) if dropout else x
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def build_resnet18(classes: int) -> Any:
    """Return R3's ResNet18: torchvision's, its classifier replaced by 512 + ReLU and a linear layer.

    Padding is torchvision's, which is even on both sides where Keras's "same" is not, so that its ImageNet
    weights fit: 11,176,512 trained parameters up to ``pool``, and 9,600 running means and variances.

    Returns
    -------
    keras.Model
        (n, 224, 224, 3) RGB pixels of 0..255 to (n, classes); layers ``fc1`` (512) and ``pool`` (512).
    """
    layers = keras().layers
    inputs = keras().Input((224, 224, 3), name="pixels")
    scale, offset = [1 / s for s in _STD], [-m / s for m, s in zip(_MEAN, _STD, strict=True)]
    x = layers.Rescaling(scale, offset, dtype="float32", name="scale")(inputs)
    x = layers.ReLU(name="relu1")(_conv_bn(x, "conv1", "bn1", 64, 7, 2))
    x = layers.MaxPooling2D(3, 2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool_pad")(x))
    for stage, filters in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            x = _basic_block(x, f"layer{stage}_{block}", filters, 2 if stage > 1 and block == 0 else 1)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(512, activation="relu", name="fc1")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def read_imagenet(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return ResNet18's tensors of a .safetensors file with torchvision's names, without its classifier.

    Raises
    ------
    WeightsError
        If there is no such file, or it is truncated or no .safetensors file.
    """
    SafetensorError = require("safetensors").SafetensorError
    load_file = require("safetensors.numpy").load_file

    try:
        found = load_file(path)
    except FileNotFoundError:
        raise WeightsError(f"no weight file {path}") from None
    except (SafetensorError, OSError, ValueError, KeyError):
        raise WeightsError(f"{path} is truncated or no .safetensors file") from None
    used = {
        n: t for n, t in found.items() if not n.startswith("fc.") and not n.endswith("num_batches_tracked")
    }
    return {_keras_name(n): np.asarray(_keras_order(t), np.float32) for n, t in used.items()}


def _keras_name(name: str) -> str:
    """Return ``layer2_0_down_bn/gamma`` for torchvision's ``layer2.0.downsample.1.weight``."""
    layer, _, variable = name.rpartition(".")
    layer = layer.replace(".downsample.0", ".down").replace(".downsample.1", ".down_bn").replace(".", "_")
    names = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    weight = "gamma" if "bn" in layer else "kernel"
    return f"{layer}/{weight if variable == 'weight' else names.get(variable, variable)}"


def _keras_order(tensor: NDArray[Any]) -> NDArray[Any]:
    """Bring a kernel from (out, in, height, width) to (height, width, in, out)."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor


def check_imagenet(path: Path) -> None:
    """Raise a `WeightsError` unless the file holds every tensor that ResNet18 starts from."""
    model = build_resnet18(2)
    net = ResNet18.network
    own = {n: v for n, v in weightfile.values_of(model).items() if n.startswith(net.fresh)}
    weightfile.assign(model, own | read_imagenet(path), str(path))


def _basic_block(x: Any, name: str, filters: int, stride: int) -> Any:
    layers, shortcut = keras().layers, x
    if stride != 1:
        shortcut = _conv_bn(x, f"{name}_down", f"{name}_down_bn", filters, 1, stride)
    x = layers.ReLU(name=f"{name}_relu1")(_conv_bn(x, f"{name}_conv1", f"{name}_bn1", filters, 3, stride))
    x = _conv_bn(x, f"{name}_conv2", f"{name}_bn2", filters, 3, 1)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _conv_bn(x: Any, conv: str, bn: str, filters: int, kernel: int, stride: int) -> Any:
    layers = keras().layers
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{conv}_pad")(x)
    x = layers.Conv2D(filters, kernel, strides=stride, use_bias=False, name=conv,
                      kernel_initializer="he_normal")(x)  # fmt: skip
    return batch_normalization(momentum=0.9, epsilon=1e-5, name=bn)(x)


class IpnCnn1(NetworkExtractor):
    """CNN1: nine convolutions in three blocks, no dropout."""

    network = Network(
        name="ipn-cnn1", build=partial(build_cnn, 3, 0.0), size=48, channels=1, recipe=_RECIPE,
        layers={"fc2": 512, "fc1": 1024, "flatten": 9216}, source="R3, CNN1",
    )  # fmt: skip


class IpnCnn2(NetworkExtractor):
    """CNN2: twelve convolutions in four blocks, dropout .5."""

    network = Network(
        name="ipn-cnn2", build=partial(build_cnn, 4, 0.5), size=48, channels=1, recipe=_RECIPE,
        layers={"fc2": 512, "fc1": 1024, "flatten": 4608}, source="R3, CNN2",
    )  # fmt: skip


class ResNet18(NetworkExtractor):
    """ResNet18 with a reduction to 512."""

    network = Network(
        name="resnet18", build=build_resnet18, size=224, channels=3, recipe=_RECIPE,
        layers={"fc1": 512, "pool": 512}, source="R3; He et al., CVPR 2016",
        read=read_imagenet, fresh=("fc1", "scores"),
    )  # fmt: skip
