"""`own-small` and `own-large`: for 48-pixel faces, residual blocks that weigh their channels."""

from __future__ import annotations

from functools import partial
from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input
from featurize.backbones.normalise import batch_normalization

#: Blocks of the three stages, which see 24, 12 and 6 pixels.
BLOCKS = (2, 2, 2)
#: Channels of the first convolution, the only one at 48 pixels: there each channel costs most.
STEM = 32
#: A squeeze-excitation looks through so many times fewer units than there are channels.
SQUEEZE = 8
#: What works on FER2013 by the literature: SGD with Nesterov's momentum and a rate that falls as a cosine,
#: strong geometric changes, label smoothing (Khaireddin and Chen 2021; Pham et al. 2020). Keras's decay of
#: weights passes by the momentum: 0.005 here is what PyTorch's programs call 0.0005.
_RECIPE = Recipe(
    batch=64, epochs=40, optimizer="sgd", learning_rate=0.05, momentum=0.9, nesterov=True, weight_decay=5e-3,
    schedule="cosine", augment="strong", label_smoothing=0.1, average=3,
)  # fmt: skip


def build(width: int, classes: int) -> Any:
    """Return a residual network of 48-pixel grey faces.

    Parameters
    ----------
    width : int
        Channels of the first stage; each later one has twice as many. Processors take 16 at a time.
    classes : int

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layer ``pool`` (4 width).

    References
    ----------
    He, Zhang, Ren, Sun: "Identity mappings in deep residual networks", ECCV 2016; Hu, Shen, Sun:
    "Squeeze-and-excitation networks", CVPR 2018.
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    x = _conv(_active(_conv(x, "stem", STEM, 3), "stem"), "down", width, 3, stride=2)
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _block(x, f"s{stage + 1}b{block + 1}", width * 2**stage, stride)
    x = layers.GlobalAveragePooling2D(name="pool")(_active(x, "last"))
    x = layers.Dropout(0.3, name="drop")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def _block(x: Any, name: str, filters: int, stride: int) -> Any:
    """Normalise first, two convolutions, channels weighed, and the way around."""
    y = _active(x, f"{name}_1")
    around = x if stride == 1 and x.shape[-1] == filters else _conv(y, f"{name}_around", filters, 1, stride)
    y = _active(_conv(y, f"{name}_conv1", filters, 3, stride), f"{name}_2")
    y = _weighed(_conv(y, f"{name}_conv2", filters, 3), name, filters)
    return keras().layers.Add(name=f"{name}_add")([around, y])


def _active(x: Any, name: str) -> Any:
    return keras().layers.ReLU(name=f"{name}_relu")(batch_normalization(name=f"{name}_bn")(x))


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
    """Six blocks of 48 to 192 channels: 1.6 million parameters, 3 MB in half precision."""

    network = Network(
        name="own-small", build=partial(build, 48), size=48, channels=1, recipe=_RECIPE, layers={"pool": 192},
        source="He et al., ECCV 2016; Hu et al., CVPR 2018",
    )  # fmt: skip


class OwnLarge(NetworkExtractor):
    """The same of 64 to 256 channels: 2.8 million parameters, 6 MB."""

    network = Network(
        name="own-large", build=partial(build, 64), size=48, channels=1, recipe=_RECIPE, layers={"pool": 256},
        source="He et al., ECCV 2016; Hu et al., CVPR 2018",
    )  # fmt: skip
