"""Networks A to G of R1 ("UCM"): three groups of 3x3 convolutions for 48x48 grey faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores, scaled_input

_SOFTMAX = Recipe(loss="categorical_crossentropy", batch=128, epochs=30)
_HINGE = Recipe(loss="squared_hinge", batch=128, epochs=30)


@dataclass(frozen=True)
class Plan:
    """One row of R1's table.

    Attributes
    ----------
    convolutions : tuple of int
        Convolutions in the groups of 32, 64 and 128 filters.
    pooling : tuple of str
        "max" or "avg" after each group.
    recipe : Recipe
    l2 : float
        Weight decay on the last layer.
    """

    convolutions: tuple[int, int, int]
    pooling: tuple[str, str, str]
    recipe: Recipe = _SOFTMAX
    l2: float = 0.0


_MAX, _AVG = ("max", "max", "max"), ("avg", "avg", "avg")
PLANS = {
    "a": Plan((1, 1, 1), _MAX),
    "b": Plan((3, 3, 3), _MAX),
    "c": Plan((2, 3, 4), _MAX),
    "d": Plan((2, 3, 4), _AVG),
    "e": Plan((2, 3, 4), ("max", "max", "avg")),
    "f": Plan((3, 3, 3), _AVG, _HINGE, l2=1e-4),
    "g": Plan((2, 3, 4), _AVG, _HINGE, l2=1e-4),
}


def build(plan: Plan, classes: int) -> Any:
    """Return the model of `plan`.

    The paper gives neither batch size nor learning rate: 128 and Keras's default for Adam are used.

    Parameters
    ----------
    plan : Plan
    classes : int
        Length of the scores.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels of 0..255 to (n, classes); layers ``flatten`` (4608), ``fc1`` and ``fc2`` (64).
    """
    layers = keras().layers
    inputs, x = scaled_input(48, 1)
    for group, (count, filters) in enumerate(zip(plan.convolutions, (32, 64, 128), strict=True), 1):
        for i in range(1, count + 1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{group}_{i}")(x)
        pool = layers.MaxPooling2D if plan.pooling[group - 1] == "max" else layers.AveragePooling2D
        x = pool(2, name=f"pool{group}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="fc1")(x)
    x = layers.Dense(64, activation="relu", name="fc2")(x)
    return keras().Model(inputs, class_scores(x, classes, plan.recipe, plan.l2))


def network(letter: str) -> Network:
    """Return the `Network` of one letter of R1's table."""
    plan = PLANS[letter]
    return Network(
        name=f"ucm-{letter}", build=partial(build, plan), size=48, channels=1, recipe=plan.recipe,
        layers={"fc1": 64, "fc2": 64, "flatten": 4608}, source=f"R1, network {letter.upper()}",
    )  # fmt: skip


class UcmA(NetworkExtractor):
    """Network A: one convolution a group."""

    network = network("a")


class UcmB(NetworkExtractor):
    """Network B: three convolutions a group."""

    network = network("b")


class UcmC(NetworkExtractor):
    """Network C: two, three and four convolutions."""

    network = network("c")


class UcmD(NetworkExtractor):
    """Network D: C with average pooling."""

    network = network("d")


class UcmE(NetworkExtractor):
    """Network E: C with average pooling at the end."""

    network = network("e")


class UcmF(NetworkExtractor):
    """Network F: B with average pooling and the squared hinge; the one R1 builds its heads on."""

    network = network("f")


class UcmG(NetworkExtractor):
    """Network G: D with the squared hinge."""

    network = network("g")
