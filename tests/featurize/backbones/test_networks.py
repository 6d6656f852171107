"""The networks as their papers give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from featurize import extractor
from featurize.backbones.resnet50_vggface2 import PARAMETERS

#: For seven classes. UCM, Guevara and VGGFace2 are published; the others follow from the layers that are.
PARAMETER_COUNTS = {
    "ucm-a": 392_263,
    "ucm-b": 779_783,
    "ucm-c": 918_119,
    "ucm-d": 918_119,
    "ucm-e": 918_119,
    "ucm-f": 779_783,
    "ucm-g": 918_119,
    "guevara": 32_116_743,
    "huamanga": 1_608_327,
    "own-small": 1_603_611,
    "own-large": 2_840_983,
    "ipn-cnn1": 11_885_447,
    "ipn-cnn2": 13_066_631,
    # torchvision's 11,176,512 up to the pooling, then 512 x 512 + 512 and 512 x 7 + 7.
    "resnet18": 11_176_512 + 262_656 + 3_591 + 9_600,
    "vggface2": PARAMETERS,
    # Keras's 3,228,864, with one bias more for each of 10,944 channels, that is normalised again;
    # then 1,024 x 7 + 7.
    "vggface2-mobilenet": 3_228_864 + 10_944 + 7_175,
}


@pytest.mark.parametrize("name", PARAMETER_COUNTS)
def test_parameters_and_layers(name):
    network = extractor(name, weights="random").network
    model = network.build(7)
    assert model.count_params() == PARAMETER_COUNTS[name]
    for layer, dim in network.layers.items():
        assert network.headless(model, layer).output_shape == (None, dim)
    assert model.input_shape[1:] == network.shape
    if network.trainable:
        assert model.output_shape == (None, 7)


#: For three classes, as R2 published them; of STSTNet what its authors' program has (1,683 learn).
CLIP_PARAMETERS = {
    "stcnn-casme2": 1_643_267,
    "stcnn-smic": 3_080_675,
    "rotation3d-casme2": 75_939,
    "rotation3d-smic": 336_103,
    "rotation3d-350": 1_019_103,
    "cnn-lstm-casme2": 45_222_659,
    "cnn-lstm-smic": 10_601_545,
    "ststnet": 1_715,
}


@pytest.mark.parametrize("name", CLIP_PARAMETERS)
def test_parameters_and_layers_of_clip_networks(name):
    network = extractor(name, weights="random").network
    model = network.build(3)
    assert model.count_params() == CLIP_PARAMETERS[name]
    assert model.input_shape[1:] == network.shape
    for layer, dim in network.layers.items():
        assert int(np.prod(model.get_layer(layer).output.shape[1:])) == dim
    if name == "ststnet":
        assert sum(int(np.prod(v.shape)) for v in model.trainable_weights) == 1_683


@pytest.mark.parametrize("name", [
    "stcnn-casme2", "rotation3d-casme2", pytest.param("cnn-lstm-smic", marks=pytest.mark.slow), "ststnet",
])  # fmt: skip
def test_clips_and_maps_go_through_both_engines_alike(name):
    rng = np.random.default_rng(0)
    shape = (28, 28, 3) if name == "ststnet" else (20, 70, 80)
    samples = [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(3)]
    settings = {"weights": "random", "precision": "f32"}
    plain = extractor(name, engine="keras", **settings).transform(samples)
    fast = extractor(name, engine="openvino", **settings).transform(samples)
    assert plain.shape == (3, extractor(name, **settings).dim)
    np.testing.assert_allclose(fast, plain, atol=1e-5 * np.abs(plain).max())
    alone = extractor(name, engine="keras", **settings).transform(samples[1:2])
    np.testing.assert_allclose(alone[0], plain[1], atol=1e-5 * np.abs(plain).max())


def test_time_stands_where_the_network_wants_it():
    clip = np.arange(18, dtype=np.uint8)[:, None, None] * np.ones((1, 64, 64), np.uint8)
    for name, axis in (("stcnn-smic", 3), ("cnn-lstm-smic", 1)):
        form = extractor(name, weights="random").network.form
        given = form.arranged(form.prepared(clip)[None])
        assert given.shape[1:] == form.shape
        assert np.moveaxis(given, axis, 0)[:, 0, 0, 0, 0].tolist() == list(range(18))


def test_a_clip_that_is_too_short_for_its_first_frames():
    short = np.zeros((7, 64, 64), np.uint8)
    with pytest.raises(ValueError, match="a clip of 7 frames has no first 18"):
        extractor("stcnn-smic", weights="random", sampling="first").transform([short])
    with pytest.raises(ValueError, match="at least two frames"):
        extractor("stcnn-smic", weights="random").transform([short[:1]])


def test_parameters_that_are_not_trained():
    model = extractor("guevara", weights="random").network.build(7)
    assert sum(int(np.prod(v.shape)) for v in model.non_trainable_weights) == 640


@pytest.mark.parametrize(
    ("name", "pools", "loss", "activation"),
    [
        ("ucm-c", ["MaxPooling2D"] * 3, "categorical_crossentropy", "softmax"),
        ("ucm-d", ["AveragePooling2D"] * 3, "categorical_crossentropy", "softmax"),
        ("ucm-e", ["MaxPooling2D"] * 2 + ["AveragePooling2D"], "categorical_crossentropy", "softmax"),
        ("ucm-f", ["AveragePooling2D"] * 3, "squared_hinge", "linear"),
        ("ucm-g", ["AveragePooling2D"] * 3, "squared_hinge", "linear"),
    ],
)
def test_ucm_is_as_its_table_says(name, pools, loss, activation):
    network = extractor(name, weights="random").network
    model = network.build(7)
    assert [type(layer).__name__ for layer in model.layers if layer.name.startswith("pool")] == pools
    assert network.recipe.loss == loss
    last = model.get_layer("scores")
    assert last.activation.__name__ == activation
    assert (last.kernel_regularizer is not None) == (loss == "squared_hinge")
    if last.kernel_regularizer is not None:
        assert float(last.kernel_regularizer.l2) == pytest.approx(1e-4)


@pytest.mark.parametrize(("name", "blocks", "rates"), [("ipn-cnn1", 3, []), ("ipn-cnn2", 4, [0.5, 0.5])])
def test_ipn_blocks_and_dropout(name, blocks, rates):
    model = extractor(name, weights="random").network.build(7)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 3 * blocks
    assert kinds.count("Dense") == 3
    assert [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"] == rates


def test_strides_of_vggface2_stand_on_the_first_convolution():
    model = extractor("vggface2", weights="random").network.build(0)
    assert model.get_layer("conv3_1_1x1_reduce").strides == (2, 2)
    assert model.get_layer("conv3_1_1x1_proj").strides == (2, 2)
    assert model.get_layer("conv3_1_3x3").strides == (1, 1)
    assert model.get_layer("conv2_1_1x1_reduce").strides == (1, 1)
    assert model.get_layer("conv1__7x7_s2__bn").epsilon == 1e-3


def test_classes_are_free():
    assert extractor("ucm-a", weights="random").network.build(3).output_shape == (None, 3)


def test_an_unknown_layer_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no layer 'fc3'; known: fc1, fc2, flatten, scores"):
        extractor("ucm-f", layer="fc3")


def test_weights_that_are_not_there_say_how_to_get_them():
    with pytest.raises(OSError, match=r"mueca train --backbone ucm-a"):
        _ = extractor("ucm-a").spec
    with pytest.raises(OSError, match=r"mueca weights get vggface2"):
        _ = extractor("vggface2").spec


def test_weights_that_ship_are_known_by_name_unless_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_name = extractor("ucm-f", weights="ucm-f")
    assert by_name.spec.identity() == extractor("ucm-f").spec.identity()
    (tmp_path / "ucm-f").write_bytes(b"mine")
    assert extractor("ucm-f", weights="ucm-f").weights_path == Path("ucm-f")
    with pytest.raises(OSError, match=r"no weight file ucm-g; by name there are: .*ucm-f"):
        _ = extractor("ucm-f", weights="ucm-g").spec
    with pytest.raises(OSError, match=r"holds weights of ucm-f .*, not of own-small"):
        _ = extractor("own-small", weights=str(by_name.weights_path)).card
