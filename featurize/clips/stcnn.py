"""The 3D networks of R2 ("Zartha"): MicroExpSTCNN, and a 3D CNN trained on rotated clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from featurize.backbones.extractor import ClipNetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Form, Network, Recipe, class_scores

#: 18 grey frames of 64 x 64, time last.
FORM = Form(kind="clip", size=64, frames=18, time="last")
CLASSES = 3

_STCNN = Recipe(optimizer="sgd", learning_rate=0.01, momentum=0.0, batch=16, epochs=150)
_ROTATION = Recipe(learning_rate=1e-4, batch=2, epochs=250, schedule="exponential", augment="angles")


def clip_input(form: Form, offset: float = 0.0) -> tuple[Any, Any]:
    """Return the input tensor and the same scaled from 0..255 to 0..1 plus `offset`, in float32."""
    layers = keras().layers
    inputs = keras().Input(form.shape, name="pixels")
    return inputs, layers.Rescaling(1 / 255, offset, dtype="float32", name="scale")(inputs)


def build_stcnn(filters: int, classes: int, recipe: Recipe = _STCNN) -> Any:
    """Return MicroExpSTCNN (Reddy et al., "Spontaneous facial micro-expression recognition using 3D
    spatiotemporal convolutional neural networks", IJCNN 2019), with R2's filters.

    The one convolution spans 15 of the 18 frames. The source names SGD without a rate: Keras's default, .01
    without momentum, is used. It subtracts the mean of its clips and divides by their maximum; here .5 is
    subtracted from pixels of 0..1, which needs no statistics of the data.

    Parameters
    ----------
    filters : int
        32 for CASME II, 60 for SMIC.
    classes : int

    Returns
    -------
    keras.Model
        (n, 64, 64, 18, 1) pixels of 0..255 to (n, classes); layers ``fc`` (128) and ``flatten``.
    """  # noqa: D205
    layers = keras().layers
    inputs, x = clip_input(FORM, -0.5)
    x = layers.Conv3D(filters, (3, 3, 15), activation="relu", name="conv")(x)
    x = layers.MaxPooling3D(3, name="pool")(x)
    x = layers.Dropout(0.5, name="drop1")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="fc")(x)
    x = layers.Dropout(0.5, name="drop2")(x)
    return keras().Model(inputs, class_scores(x, classes, recipe))


@dataclass(frozen=True)
class Plan:
    """One of R2's networks on rotated clips.

    Attributes
    ----------
    filters, pools : (first, second) int
        Of the two convolutions, and of the pooling after each.
    dense : int
    """

    filters: tuple[int, int]
    pools: tuple[int, int]
    dense: int


ROTATION_PLANS = {
    "casme2": Plan((64, 32), (2, 2), 512),
    "smic": Plan((100, 100), (3, 2), 600),
    "350": Plan((350, 100), (3, 2), 600),
}


def build_rotation(plan: Plan, classes: int, recipe: Recipe = _ROTATION) -> Any:
    """Return R2's 3D CNN, to be trained on clips that are rotated as a whole.

    The source names an exponential decay without its numbers. Its layers are those of Keras's example of 3D
    classification, whose .96 after every 100,000 steps is taken; ``decay_rate`` and ``decay_steps`` of a
    training recipe are to change it.

    Returns
    -------
    keras.Model
        (n, 64, 64, 18, 1) pixels of 0..255 to (n, classes); layers ``fc`` (512 or 600) and ``gap``.
    """
    layers = keras().layers
    inputs, x = clip_input(FORM)
    for i, (filters, pool) in enumerate(zip(plan.filters, plan.pools, strict=True), 1):
        x = layers.Conv3D(filters, 3, activation="relu", name=f"conv{i}")(x)
        x = layers.MaxPooling3D(pool, name=f"pool{i}")(x)
        x = layers.BatchNormalization(name=f"bn{i}")(x)
    x = layers.GlobalAveragePooling3D(name="gap")(x)
    x = layers.Dense(plan.dense, activation="relu", name="fc")(x)
    x = layers.Dropout(0.3, name="drop")(x)
    return keras().Model(inputs, class_scores(x, classes, recipe))


def clip_network(
    name: str, build: Any, layers: Mapping[str, int], recipe: Recipe, source: str, form: Form = FORM
) -> Network:
    """Return a `Network` of R2 on clips, three classes."""
    return Network(
        name=name, build=build, size=form.size, channels=1, kind="clip", frames=form.frames, time=form.time,
        classes=CLASSES, layers=layers, recipe=recipe, source=source,
    )  # fmt: skip


def _stcnn(of: str, filters: int, epochs: int) -> Network:
    recipe = Recipe(**{**_STCNN.__dict__, "epochs": epochs})
    return clip_network(f"stcnn-{of}", partial(build_stcnn, filters), {"fc": 128, "flatten": 400 * filters},
                        recipe, f"R2, MicroExpSTCNN for {of.upper()}")  # fmt: skip


def _rotation(of: str, epochs: int) -> Network:
    plan = ROTATION_PLANS[of]
    recipe = Recipe(**{**_ROTATION.__dict__, "epochs": epochs})
    return clip_network(f"rotation3d-{of}", partial(build_rotation, plan),
                        {"fc": plan.dense, "gap": plan.filters[1]}, recipe,
                        f"R2, 3D CNN with rotation, {of.upper()}")  # fmt: skip


class StcnnCasme2(ClipNetworkExtractor):
    """MicroExpSTCNN for CASME II: 32 filters."""

    network = _stcnn("casme2", 32, 150)


class StcnnSmic(ClipNetworkExtractor):
    """MicroExpSTCNN for SMIC: 60 filters."""

    network = _stcnn("smic", 60, 200)


class Rotation3dCasme2(ClipNetworkExtractor):
    """3D CNN with rotation for CASME II."""

    network = _rotation("casme2", 250)


class Rotation3dSmic(ClipNetworkExtractor):
    """3D CNN with rotation for SMIC."""

    network = _rotation("smic", 300)


class Rotation3d350(ClipNetworkExtractor):
    """3D CNN with rotation and 350 filters in its first layer."""

    network = _rotation("350", 300)
