"""FLOPs against counts by hand, from the papers' own tables of layers."""

from __future__ import annotations

import pytest

from featurize import extractor
from featurize.backbones.flops import layer_costs, total_cost
from featurize.backbones.frame import keras


def conv(side, filters, kernel, channels):
    """Return the multiply-adds of a 2D convolution with a square output."""
    return side * side * filters * kernel * kernel * channels


# Pencil and paper: (output side, filters, kernel, input channels) of each convolution, then (in, out) of each
# dense layer.
BY_HAND = {
    "ucm-a": (
        [(48, 32, 3, 1), (24, 64, 3, 32), (12, 128, 3, 64)],
        [(4608, 64), (64, 64), (64, 7)],
    ),
    "ucm-f": (
        [(48, 32, 3, 1), (48, 32, 3, 32), (48, 32, 3, 32), (24, 64, 3, 32), (24, 64, 3, 64), (24, 64, 3, 64),
         (12, 128, 3, 64), (12, 128, 3, 128), (12, 128, 3, 128)],
        [(4608, 64), (64, 64), (64, 7)],
    ),
    "guevara": (
        # The fourth convolution is unpadded: 24 becomes 22, halved 11, and 11 x 11 x 256 = 30,976.
        [(48, 32, 3, 1), (48, 64, 3, 32), (24, 128, 3, 64), (22, 256, 3, 128)],
        [(30976, 1024), (1024, 7)],
    ),
    "huamanga": (
        [(48, 32, 3, 1), (24, 64, 5, 32), (12, 128, 3, 64), (6, 256, 3, 128), (3, 512, 3, 256)],
        [(512, 7)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_grey_networks_by_hand(name):
    convolutions, dense = BY_HAND[name]
    products = sum(conv(*one) for one in convolutions) + sum(a * b for a, b in dense)
    biases = sum(side * side * filters for side, filters, *_ in convolutions) + sum(b for _, b in dense)
    found = total_cost(extractor(name, weights="random").network.build(7))
    assert found.multiply_adds == products
    assert found.flops == 2 * products + biases


def test_resnet18_by_hand():
    # He et al. give 1.8e9 multiply-adds for 1000 classes.
    products = conv(112, 64, 7, 3) + 4 * conv(56, 64, 3, 64)
    for side, filters in ((28, 128), (14, 256), (7, 512)):
        products += conv(side, filters, 3, filters // 2) + 3 * conv(side, filters, 3, filters)
        products += conv(side, filters, 1, filters // 2)
    found = total_cost(extractor("resnet18", weights="random").network.build(7))
    assert found.multiply_adds == products + 512 * 512 + 512 * 7
    assert found.bias == 512 + 7


def test_vggface2_by_hand():
    products = conv(112, 64, 7, 3)
    width, sides = 64, (55, 28, 14, 7)  # the first pooling is unpadded
    for side, blocks, inside, out in zip(sides, (3, 4, 6, 3), (64, 128, 256, 512), (256, 512, 1024, 2048),
                                         strict=True):  # fmt: skip
        for _ in range(blocks):
            products += conv(side, inside, 1, width) + conv(side, inside, 3, inside)
            products += conv(side, out, 1, inside) + (conv(side, out, 1, width) if width != out else 0)
            width = out
    found = total_cost(extractor("vggface2", weights="random").network.build(0))
    assert found.multiply_adds == products
    assert found.bias == 0


def clip_net(*layers, shape=(64, 64, 18, 1)):
    return keras().Sequential([keras().Input(shape), *layers])


@pytest.mark.parametrize(
    ("layers", "published"),
    [
        # R2's MicroExpSTCNN for CASME II and SMIC, and the 350-filter form of its 3D CNN.
        (lambda k: [k.Conv3D(32, (3, 3, 15), activation="relu"), k.MaxPooling3D(3), k.Dropout(0.5),
                    k.Flatten(), k.Dense(128, activation="relu"), k.Dropout(0.5),
                    k.Dense(3, activation="softmax")], 0.1366),
        (lambda k: [k.Conv3D(60, (3, 3, 15), activation="relu"), k.MaxPooling3D(3), k.Dropout(0.5),
                    k.Flatten(), k.Dense(128, activation="relu"), k.Dropout(0.5),
                    k.Dense(3, activation="softmax")], 0.2562),
        (lambda k: [k.Conv3D(350, 3, activation="relu"), k.MaxPooling3D(3), k.BatchNormalization(),
                    k.Conv3D(100, 3, activation="relu"), k.MaxPooling3D(2), k.BatchNormalization(),
                    k.GlobalAveragePooling3D(), k.Dense(600, activation="relu"), k.Dropout(0.3),
                    k.Dense(3, activation="softmax")], 3.0213),
    ],
    ids=["stcnn-casme2", "stcnn-smic", "rotation-350"],
)  # fmt: skip
def test_clip_networks_count_as_their_paper_does(layers, published):
    assert round(total_cost(clip_net(*layers(keras().layers))).flops / 1e9, 4) == published


def test_time_and_memory():
    k = keras().layers
    model = clip_net(
        k.TimeDistributed(k.Conv2D(4, 3, activation="relu")),
        k.TimeDistributed(k.Flatten()),
        k.LSTM(5),
        shape=(6, 8, 8, 1),
    )
    frame, width, units = 6 * 6 * 4, 6 * 6 * 4, 5
    found = total_cost(model)
    assert found.multiply_adds == 6 * (frame * 9 + 4 * units * (width + units))
    assert found.bias == 6 * (frame + 4 * units)
    assert found.other == 6 * (frame + 9 * units)


def test_groups_depth_pools_and_sums():
    k = keras().layers
    inputs = keras().Input((8, 8, 4))
    x = k.Conv2D(6, 3, groups=2, use_bias=False)(inputs)  # 6 x 6 x 6, each of 2 channels
    x = k.DepthwiseConv2D(3, padding="same")(x)
    y = k.BatchNormalization()(x)
    x = k.MaxPooling2D(2)(k.Add()([x, y]))
    found = total_cost(keras().Model(inputs, k.GlobalAveragePooling2D()(x)))
    assert found.multiply_adds == 216 * 9 * 2 + 216 * 9
    assert found.bias == 216
    assert found.other == 2 * 216 + 216 + 54 * 4 + 54


def test_a_model_within_a_model_and_a_layer_used_twice():
    k = keras().layers
    inner = keras().Sequential([keras().Input((4,)), k.Dense(3)], name="inner")
    a, b, shared = keras().Input((4,)), keras().Input((4,)), k.Dense(2)
    model = keras().Model([a, b], k.Concatenate()([shared(inner(a)), shared(inner(b))]))
    assert total_cost(model).multiply_adds == 2 * (4 * 3 + 3 * 2)
    assert sum(one.parameters for one in layer_costs(model)) == model.count_params()


def test_what_cannot_be_counted_is_said():
    k = keras().layers
    with pytest.raises(ValueError, match="no rule for the FLOPs of a UnitNormalization"):
        total_cost(clip_net(k.UnitNormalization(), shape=(4,)))
    with pytest.raises(ValueError, match="no fixed size"):
        total_cost(clip_net(k.Conv2D(2, 3), shape=(None, None, 1)))
