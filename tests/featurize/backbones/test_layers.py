"""Networks without Keras: the same variables in the same order, the same values."""

from __future__ import annotations

import numpy as np
import pytest

from featurize import engine as engines
from featurize import extractor, list_extractors
from featurize.backbones import weightfile
from featurize.backbones.extractor import NetworkExtractor, shipped
from featurize.backbones.frame import RECORDED, backend_name, keras, recorded
from featurize.backbones.layer_kinds import KERAS
from featurize.backbones.layers import UnknownLayerError
from featurize.registry import extractor_class

NETWORKS = [n for n in list_extractors() if issubclass(extractor_class(n), NetworkExtractor)]
#: Recurrent: Keras writes them for OpenVINO.
KERAS_ALONE = {"cnn-lstm-casme2", "cnn-lstm-smic"}
#: As large as others of their kind, and slow to build.
LARGE = {"guevara", "vggface2", "rotation3d-350"}
#: Largest difference to Keras in f32, as a share of the largest value.
F32 = 1e-5


def built(one):
    """Return one extractor's whole network."""
    return one.sized.build(7 if one.network.trainable else 0)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - KERAS_ALONE))
def test_variables_are_those_of_keras_in_their_order(name):
    one = extractor(name, weights="random")
    with recorded():
        assert backend_name() == RECORDED
        ours = built(one)
    theirs = built(one)
    assert [(n, tuple(v.shape)) for n, v in weightfile.tensors_of(ours).items()] == [
        (n, tuple(v.shape)) for n, v in weightfile.tensors_of(theirs).items()
    ]
    assert [layer.output.shape[1:] for layer in ours.layers if layer.weights] == [
        layer.output.shape[1:] for layer in theirs.layers if layer.weights
    ]


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - KERAS_ALONE - LARGE))
def test_values_are_those_of_keras(name):
    one = extractor(name, weights="random", engine="openvino", precision="f32")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *one.sized.shape), dtype=np.uint8)
    with recorded():
        network = one.model()
    model = engines.openvino_model(network, engines.openvino())
    ours = engines.OpenVinoRunner(model, one.sized.shape, "f32")(pixels)
    theirs = engines.KerasRunner(one.model())(pixels)
    assert np.abs(ours - theirs).max() <= F32 * np.abs(theirs).max()
    assert np.ptp(theirs, axis=0).max() > 0


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_weights_that_ship_give_what_keras_gives(path, faces_48):
    name = weightfile.load_card(path)["network"]
    layer = "scores" if weightfile.load_card(path).get("classes") else "auto"
    made = {
        engine: extractor(name, weights=str(path), layer=layer, engine=engine, precision="f32")
        for engine in ("keras", "openvino")
    }
    ours, theirs = made["openvino"].transform(faces_48[:4]), made["keras"].transform(faces_48[:4])
    np.testing.assert_allclose(ours, theirs, atol=F32 * np.abs(theirs).max(), rtol=0)


def test_what_is_not_known_is_named():
    layers = KERAS.layers
    with pytest.raises(UnknownLayerError, match="Keras's LSTM"):
        _ = layers.LSTM
    x = KERAS.Input((8, 8, 3))
    with pytest.raises(TypeError, match="dilation_rate"):
        layers.Conv2D(4, 3, dilation_rate=2)
    with pytest.raises(UnknownLayerError, match="dense on"):
        layers.Dense(4, name="fc")(x)
    with pytest.raises(UnknownLayerError, match="axis 1"):
        KERAS.ops.flip(x, axis=1)
    with pytest.raises(UnknownLayerError, match="twice"):
        shared = layers.ReLU(name="shared")
        shared(shared(x))
    with pytest.raises(ValueError, match="no layer fc2"):
        KERAS.Model(x, layers.ReLU(name="a")(x)).get_layer("fc2")


def test_outside_keras_is_keras():
    assert keras().__name__ == "keras"
