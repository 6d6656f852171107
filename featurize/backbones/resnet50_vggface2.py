"""VGGFace2-ResNet50, the face network of R1, rebuilt for Keras 3 to carry the published weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize import weights as store
from featurize.backbones import weightfile
from featurize.backbones.extractor import UnitLengthExtractor
from featurize.backbones.frame import keras
from featurize.backbones.hdf5 import read_keras
from featurize.backbones.network import Network
from featurize.backbones.weightfile import TrainingProvenance, WeightsError
from featurize.extras import require
from featurize.suggest import os_error_words

#: Mean of VGGFace2 in blue, green, red, on 0..255.
MEAN_BGR = (91.4953, 103.8827, 131.0912)
#: (blocks, filters inside, filters out) of stages 2 to 5.
STAGES = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))
#: Keras 2's, in which the weights were made; today's default differs in other libraries.
EPSILON = 1e-3
PARAMETERS = 23_561_152


def build(classes: int = 0) -> Any:  # noqa: ARG001  it has no classifier
    """Return the network up to its pooled embedding: 23,561,152 parameters.

    Where it differs from the ResNet50 of Keras's applications: the stride is on the first 1x1 convolution
    of a block and on its shortcut, not on the 3x3; no convolution has a bias; the first pooling has no
    padding.

    Returns
    -------
    keras.Model
        (n, 224, 224, 3) RGB pixels of 0..255 to (n, 2048), layer ``pool``.

    References
    ----------
    Cao, Shen, Xie, Parkhi, Zisserman: "VGGFace2: a dataset for recognising faces across pose and age", FG
    2018.
    """
    k = keras()
    inputs = k.Input((224, 224, 3), name="pixels")
    x = k.layers.Rescaling(1.0, [-m for m in reversed(MEAN_BGR)], dtype="float32", name="scale")(inputs)
    x = k.ops.flip(x, axis=-1)  # to blue, green, red
    x = _conv(x, "conv1/7x7_s2", 64, 7, 2)
    x = k.layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, (blocks, inside, out) in enumerate(STAGES, 2):
        for block in range(1, blocks + 1):
            x = _block(x, f"conv{stage}_{block}", inside, out, stride=2 if stage > 2 and block == 1 else 1)
    x = k.layers.AveragePooling2D(7, name="avg_pool")(x)
    return k.Model(inputs, k.layers.GlobalAveragePooling2D(name="pool")(x), name="vggface2")


def _block(x: Any, name: str, inside: int, out: int, stride: int) -> Any:
    layers, shortcut = keras().layers, x
    if name.endswith("_1"):
        shortcut = _conv(x, f"{name}_1x1_proj", out, 1, stride, relu=False)
    x = _conv(x, f"{name}_1x1_reduce", inside, 1, stride)
    x = _conv(x, f"{name}_3x3", inside, 3)
    x = _conv(x, f"{name}_1x1_increase", out, 1, relu=False)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, shortcut]))


def _conv(x: Any, name: str, filters: int, kernel: int, stride: int = 1, relu: bool = True) -> Any:
    layers = keras().layers
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=_layer(name))(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=_layer(f"{name}/bn"))(x)
    return layers.ReLU(name=_layer(f"{name}/relu"))(x) if relu else x


def _layer(name: str) -> str:
    """Return a published layer name as Keras 3 takes it, without slashes."""
    return name.replace("/", "__")


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a keras-vggface file (HDF5, one group a layer) by ``layer/variable``.

    Raises
    ------
    WeightsError
        If there is no such file, or it is truncated or no such file.
    """
    require("h5py")
    try:
        return {f"{_layer(layer)}/{name}": tensor for (layer, name), tensor in read_keras(path).items()}
    except FileNotFoundError:
        raise WeightsError(f"no weight file {path}") from None
    except OSError as error:
        raise WeightsError(os_error_words(error)) from None
    except ValueError:
        raise WeightsError(f"{path} is truncated or no keras-vggface weight file") from None


def check(path: Path) -> None:
    """Raise a `WeightsError` unless the file holds this network's weights, every one."""
    weightfile.assign(build(), read(path), str(path))


class VggFace2(UnitLengthExtractor):
    """The pooled layer of ResNet50 trained on VGGFace2, 2048 values of length one.

    A smaller image is enlarged to 224 px (bicubic), a grey one is repeated in the three channels.
    """

    network = Network(
        name="vggface2", build=build, size=224, channels=3, layers={"pool": 2048}, trainable=False,
        licence="weights: Creative Commons Attribution, non-commercial research; code: MIT",
        source="R1; rcmalli/keras-vggface v2.0; Cao et al., FG 2018",
    )  # fmt: skip

    def _find_weights(self) -> Path:
        return store.path_of("vggface2")

    @property
    def card(self) -> dict[str, Any]:
        """Empty: the published file says nothing of itself, and learned from none of our samples."""
        return {}

    @property
    def seen(self) -> TrainingProvenance:
        """None."""
        return TrainingProvenance.of((), ())

    def _tensors(self, whole: Any) -> dict[str, NDArray[np.float32]]:
        return weightfile.random_tensors(whole) if self.random else read(self.weights_path)
