"""Networks of our own for 48-pixel faces: residual blocks that weigh their channels."""

from __future__ import annotations

from functools import partial
from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input

#: Blocks of the four stages, which see 48, 24, 12 and 6 pixels.
BLOCKS = (2, 2, 2, 2)
#: A squeeze-excitation looks through so many times fewer units than there are channels.
SQUEEZE = 8
#: What works on FER2013 by the literature: SGD with Nesterov's momentum and a long decaying rate, strong
#: geometric changes, label smoothing, mixup (Khaireddin and Chen 2021; Pham et al. 2020; Zhang et al. 2018).
_RECIPE = Recipe(
    batch=128, epochs=120, optimizer="sgd", learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4,
    schedule="cosine", augment="strong", label_smoothing=0.1, mixup=0.2, average=5,
)  # fmt: skip


def build(width: int, classes: int) -> Any:
    """Return a residual network of 48-pixel grey faces.

    Parameters
    ----------
    width : int
        Channels of the first stage; each later one has twice as many.
    classes : int

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layer ``pool`` (8 width).

    References
    ----------
    He, Zhang, Ren, Sun: "Identity mappings in deep residual networks", ECCV 2016; Hu, Shen, Sun:
    "Squeeze-and-excitation networks", CVPR 2018.
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    x = _conv(x, "stem", width, 3)
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _block(x, f"s{stage + 1}b{block + 1}", width * 2**stage, stride)
    x = layers.ReLU(name="last_relu")(layers.BatchNormalization(name="last_bn")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.3, name="drop")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def _block(x: Any, name: str, filters: int, stride: int) -> Any:
    """Normalise first, two convolutions, channels weighed, and the way around."""
    layers = keras().layers
    y = layers.ReLU(name=f"{name}_relu1")(layers.BatchNormalization(name=f"{name}_bn1")(x))
    around = x if stride == 1 and x.shape[-1] == filters else _conv(y, f"{name}_around", filters, 1, stride)
    y = _conv(y, f"{name}_conv1", filters, 3, stride)
    y = layers.ReLU(name=f"{name}_relu2")(layers.BatchNormalization(name=f"{name}_bn2")(y))
    y = _weighed(_conv(y, f"{name}_conv2", filters, 3), name, filters)
    return layers.Add(name=f"{name}_add")([around, y])


def _weighed(x: Any, name: str, filters: int) -> Any:
    layers = keras().layers
    s = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    s = layers.Conv2D(filters // SQUEEZE, 1, activation="relu", name=f"{name}_inside")(s)
    s = layers.Conv2D(filters, 1, activation="sigmoid", name=f"{name}_excite")(s)
    return layers.Multiply(name=f"{name}_weigh")([x, s])


def _conv(x: Any, name: str, filters: int, kernel: int, stride: int = 1) -> Any:
    return keras().layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, name=name,
        kernel_initializer="he_normal",
    )(x)  # fmt: skip


class OwnSmall(NetworkExtractor):
    """Eight blocks of 36 to 288 channels: 3.6 million parameters, 7 MB in half precision."""

    network = Network(
        name="own-small", build=partial(build, 36), size=48, channels=1, recipe=_RECIPE, layers={"pool": 288},
        source="He et al., ECCV 2016; Hu et al., CVPR 2018",
    )  # fmt: skip


class OwnLarge(NetworkExtractor):
    """The same of 64 to 512 channels: 11.3 million parameters."""

    network = Network(
        name="own-large", build=partial(build, 64), size=48, channels=1, recipe=_RECIPE, layers={"pool": 512},
        source="He et al., ECCV 2016; Hu et al., CVPR 2018",
    )  # fmt: skip
