"""The recurrent networks of R2 ("Zartha"): a CNN on every frame, then an LSTM over time."""

from __future__ import annotations

from functools import partial
from typing import Any

from featurize.backbones.extractor import ClipNetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Form, Network, Recipe, class_scores
from featurize.clips.stcnn import clip_input, clip_network

#: 18 grey frames of 64 x 64, time first.
FORM = Form(kind="clip", size=64, frames=18, time="first")
#: (filters, kernel, stride of the pooling) of each block.
BLOCKS = {
    "casme2": ((64, 3, 1), (128, 4, 2), (256, 4, 2)),
    "smic": ((64, 3, 1), (128, 4, 2), (256, 4, 2), (326, 4, 2)),
}
_RECIPE = Recipe(learning_rate=1e-4, batch=8, epochs=100)


def build(blocks: tuple[tuple[int, int, int], ...], classes: int) -> Any:
    """Return R2's CNN + LSTM.

    The source names Adam at 1e-4 and neither batch size nor epochs: 8 and 100 are used.

    Returns
    -------
    keras.Model
        (n, 18, 64, 64, 1) pixels of 0..255 to (n, classes); layer ``lstm`` (256).
    """
    layers = keras().layers
    each = layers.TimeDistributed
    inputs, x = clip_input(FORM)
    for i, (filters, kernel, stride) in enumerate(blocks, 1):
        x = each(layers.Conv2D(filters, kernel, activation="relu"), name=f"conv{i}")(x)
        x = each(layers.MaxPooling2D(2, strides=stride), name=f"pool{i}")(x)
    x = each(layers.Flatten(), name="flatten")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    # LSTM(dropout=.5) would be the same: one mask for all frames. As a layer it stays out of inference, and
    # unrolled (18 frames) the network is a graph without a loop, which OpenVINO reads.
    x = layers.SpatialDropout1D(0.5, name="input_drop")(x)
    x = layers.LSTM(256, unroll=True, name="lstm")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE))


def _network(of: str) -> Network:
    return clip_network(f"cnn-lstm-{of}", partial(build, BLOCKS[of]), {"lstm": 256}, _RECIPE,
                        f"R2, CNN + LSTM for {of.upper()}", FORM)  # fmt: skip


class CnnLstmCasme2(ClipNetworkExtractor):
    """CNN + LSTM for CASME II: three convolutions a frame."""

    network = _network("casme2")


class CnnLstmSmic(ClipNetworkExtractor):
    """CNN + LSTM for SMIC: four convolutions a frame."""

    network = _network("smic")
