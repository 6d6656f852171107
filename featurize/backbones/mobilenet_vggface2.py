"""MobileNet trained on VGGFace2's identities (HSE-FaceRes), frozen or fine-tuned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize import weights as store
from featurize.backbones import graphmodel
from featurize.backbones.extractor import UnitLengthExtractor, UnitLengthParams
from featurize.backbones.frame import keras
from featurize.backbones.network import Network, Recipe, class_scores
from featurize.backbones.norms import batch_norm
from featurize.backbones.weightfile import TrainingProvenance, WeightsError
from featurize.engine import Choice

#: Mean of ImageNet in blue, green, red, on 0..255: the network was trained with it.
MEAN_BGR = (103.939, 116.779, 123.68)
#: Output channels and stride of the thirteen depthwise separable blocks.
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip
#: Channels of the first convolution.
STEM = 32
#: A face whose grey levels span no more is blank: so much is left by JPEG, and added by enlarging.
BLANK = 6
#: Side in pixels that the network was trained with, and the smallest that leaves 3 x 3 places to pool.
SIZE, LEAST = 224, 96
PARAMETERS = 3_196_032
#: Card of the published weights: they tell no expressions apart and learned from none of our samples.
CARD = {"network": "vggface2-mobilenet", "version": 1, "classes": [], "trained_on": None, "size": SIZE}
#: For fine-tuning: the classifier learns alone first, then everything does, at a rate that falls to nothing.
_RECIPE = Recipe(
    batch=64, epochs=12, learning_rate=5e-4, schedule="cosine", augment="strong", label_smoothing=0.1,
    average=3, frozen_epochs=1,
)  # fmt: skip
#: Convolutions by name, in order; ``<name>_bn`` is the batch normalisation that training puts behind each.
CONVOLUTIONS = (
    "conv_stem",
    *(f"{kind}_{n}" for n in range(1, len(BLOCKS) + 1) for kind in ("depthwise", "pointwise")),
)


def build(size: int, colour: bool, classes: int) -> Any:
    """Return MobileNet v1 of width 1, its batch normalisation folded into kernels and biases.

    The network was trained on blue, green, red: the publisher's preprocessing reverses RGB and subtracts the
    means in that order (``facial_analysis.py`` of HSE_FaceRec_tf). On 43 faces of colour photos its own
    classifiers of gender and age are surer in that order than in RGB (docs/results/channel-order.txt).

    Colour moves a vector: a colour crop and its grey copy have a cosine of .90 in that order, and .96 in RGB.
    Expressions are learned from grey faces here, so faces are turned grey unless `colour` is true. The copy
    then has the vector of the original, and only the means matter.

    Padding is "same", as in the published graph.

    With a classifier, batch normalisation stands behind each convolution again: without it a rate of 3e-4
    destroyed the trunk in the first epoch, and one of 7e-5 learned slowly. `reinsert_norms` gives it values
    that leave the network's function as it was.

    Parameters
    ----------
    size : int
        Side of the input in pixels; pooling makes the network independent of it.
    colour : bool
        Take RGB; otherwise one grey channel, which is repeated in all three.
    classes : int
        0 ends the network at ``pool``: the published weights have no classifier of expressions.

    Returns
    -------
    keras.Model
        (n, size, size, 1 or 3) pixels of 0..255 to (n, classes), or to (n, 1024); layer ``pool`` (1024).
        `pyramid` joins an earlier layer to it.

    References
    ----------
    Howard et al.: "MobileNets: efficient convolutional neural networks for mobile vision applications",
    2017; Savchenko: "Efficient facial representations for age, gender and identity recognition in organizing
    photo albums using multi-output ConvNet", PeerJ Computer Science 5:e197, 2019.
    """
    layers, ops = keras().layers, keras().ops
    inputs = keras().Input((size, size, 3 if colour else 1), name="pixels")
    x = ops.flip(inputs, axis=-1) if colour else ops.repeat(inputs, 3, axis=-1)
    x = layers.Rescaling(1.0, [-m for m in MEAN_BGR], dtype="float32", name="scale")(x)
    normed = bool(classes)
    x = _activated(
        layers.Conv2D(STEM, 3, strides=2, padding="same", name="conv_stem")(x), "conv_stem", normed
    )
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        x = _separable(x, number, filters, stride, normed)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras().Model(inputs, class_scores(x, classes, _RECIPE) if classes else x, name="mobilenet")


def pyramid(model: Any) -> Any:
    """Return two levels of a spatial pyramid: what was found anywhere, and what in which quarter of the face.

    The first are the 1,024 numbers of ``pool``, the second the averages of ``pointwise_11`` over each quarter
    of the image. Their square roots are taken, which is power normalisation, and each level is brought to one
    length; the second counts twice in a squared distance. Chosen on PublicTest
    (docs/results/mobilenet-layers.txt).

    Parameters
    ----------
    model : keras.Model
        As `build` makes it.

    Returns
    -------
    tensor of shape (n, 3072)

    References
    ----------
    Lazebnik et al.: "Beyond bags of features: spatial pyramid matching", CVPR 2006; Perronnin et al.:
    "Improving the Fisher kernel for large-scale image classification", ECCV 2010.
    """
    layers = keras().layers
    inner = model.get_layer("pointwise_11_relu").output
    side = inner.shape[1]
    quarters = layers.AveragePooling2D(-(-side // 2), strides=side // 2)(inner)
    everywhere, placed = _unit_root(model.get_layer("pool").output), _unit_root(layers.Flatten()(quarters))
    return layers.Concatenate()([everywhere, layers.Rescaling(2**0.5)(placed)])


def _unit_root(x: Any) -> Any:
    """Return square roots, each row divided by its length; a row of zeros stays."""
    return keras().layers.UnitNormalization()(keras().ops.sqrt(x))


def _separable(x: Any, number: int, filters: int, stride: int, normed: bool) -> Any:
    """Add a 3x3 convolution of each channel by itself, then a 1x1 convolution of all."""
    layers, depthwise, pointwise = keras().layers, f"depthwise_{number}", f"pointwise_{number}"
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", name=depthwise)(x)
    x = _activated(x, depthwise, normed)
    return _activated(layers.Conv2D(filters, 1, name=pointwise)(x), pointwise, normed)


def _activated(x: Any, name: str, normed: bool) -> Any:
    layers = keras().layers
    x = batch_norm(f"{name}_bn", momentum=0.95)(x) if normed else x
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def reinsert_norms(model: Any, pixels: NDArray[np.float32]) -> None:
    """Give the batch normalisations the values at which the network computes what it did without them.

    Mean and deviation of each convolution's channels are measured on some faces. The convolution is divided
    by the deviation, and the normalisation multiplies by it again.

    Parameters
    ----------
    model : keras.Model
        As `build` makes it, with published kernels and the normalisations' first values.
    pixels : (n, size, size, channels) float32
        Faces of 0..255; some hundred.
    """
    k = keras()
    outputs = [model.get_layer(name).output for name in CONVOLUTIONS]
    channels = [
        k.ops.stack([k.ops.mean(o, (0, 1, 2)), k.ops.var(o, (0, 1, 2))]) for o in map(_single, outputs)
    ]
    found = k.Model(model.input, channels)(pixels, training=False)
    for name, moments in zip(CONVOLUTIONS, found, strict=True):
        mean, variance = k.ops.convert_to_numpy(moments)
        _split(model.get_layer(name), model.get_layer(f"{name}_bn"), mean, variance)


def _single(x: Any) -> Any:
    return keras().ops.cast(x, "float32")


def _split(convolution: Any, norm: Any, mean: NDArray[np.float32], variance: NDArray[np.float32]) -> None:
    """Divide a convolution by its channels' deviations, and let the normalisation multiply by them."""
    # A channel that hardly varies is not brought far from zero: its variance would drown in rounding.
    deviation = np.maximum(np.sqrt(variance + norm.epsilon), np.abs(mean) / 10)
    kernel, bias = convolution.get_weights()
    depthwise = kernel.shape[-1] == 1 and kernel.shape[-2] == len(deviation)
    convolution.set_weights([kernel / (deviation[:, None] if depthwise else deviation), bias / deviation])
    mean, variance = mean / deviation, variance / deviation**2
    norm.set_weights([np.sqrt(variance + norm.epsilon) * deviation, mean * deviation, mean, variance])


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Return the trunk's tensors in the published ``faceres.json``, by name.

    Batch normalisation is folded into the kernels there, but for the depthwise ones, whose factor stands
    apart as ``mul``. What comes after ``global_pooling`` (age, gender) is not part of the trunk.
    """
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/convolution/merged_input": (3, 3, 3, STEM), "conv1_bn/batchnorm_1/sub": (STEM,),
    }  # fmt: skip
    inside = STEM
    for number, (out, _) in enumerate(BLOCKS, 1):
        depthwise, pointwise = f"conv_dw_{number}", f"conv_pw_{number}"
        shapes |= {
            f"{depthwise}/depthwise_kernel": (3, 3, inside, 1),
            f"{depthwise}_bn/batchnorm_1/mul": (inside,), f"{depthwise}_bn/batchnorm_1/sub": (inside,),
            f"{pointwise}/convolution/merged_input": (1, 1, inside, out),
            f"{pointwise}_bn/batchnorm_1/sub": (out,),
        }  # fmt: skip
        inside = out
    return shapes


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the trunk's tensors of the published files by ``layer/variable``.

    A depthwise kernel is multiplied by its factor. Both have half precision, so that the product is exact in
    float32.

    Parameters
    ----------
    path : Path
        ``faceres.bin``, with ``faceres.json`` beside it.

    Raises
    ------
    WeightsError
        If a file is missing or truncated, or a tensor is missing, of another shape, or not finite.
    """
    listed = path.with_suffix(".json")
    found, shapes = graphmodel.read(listed), published_shapes()
    if missing := [n for n in shapes if n not in found]:
        raise WeightsError(f"{listed} has no {missing[0]} ({len(missing)} tensors missing): another model's?")
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise WeightsError(f"{listed}: {name} has shape {found[name].shape}, the network needs {shape}")
        if not np.isfinite(found[name]).all():
            raise WeightsError(f"{path}: {name} holds NaN or an infinite value")
    return dict(_renamed(found))


def _renamed(found: dict[str, NDArray[np.float32]]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield "conv_stem/kernel", found["conv1/convolution/merged_input"]
    yield "conv_stem/bias", found["conv1_bn/batchnorm_1/sub"]
    for number in range(1, len(BLOCKS) + 1):
        depthwise, pointwise = f"conv_dw_{number}", f"conv_pw_{number}"
        factor = found[f"{depthwise}_bn/batchnorm_1/mul"][:, None]
        yield f"depthwise_{number}/kernel", found[f"{depthwise}/depthwise_kernel"] * factor
        yield f"depthwise_{number}/bias", found[f"{depthwise}_bn/batchnorm_1/sub"]
        yield f"pointwise_{number}/kernel", found[f"{pointwise}/convolution/merged_input"]
        yield f"pointwise_{number}/bias", found[f"{pointwise}_bn/batchnorm_1/sub"]


def check(path: Path) -> None:
    """Raise a `WeightsError` unless the published files hold this network's trunk, every tensor."""
    read(path)


class MobileNetParams(UnitLengthParams):
    """Parameters of `VggFace2MobileNet`.

    Attributes
    ----------
    weights : str
        Also "published": the files of ``mueca weights get vggface2-mobilenet``, instead of our copy.
    size : int or "auto"
        Side in pixels that faces are brought to, 96 to 224. "auto" is the side that the weights were trained
        with.
    colour : bool
        Take colours as they are; by default faces are turned grey. See `build`.
    """

    size: Annotated[int, Field(ge=LEAST, le=SIZE)] | Literal["auto"] = "auto"
    colour: bool = False


class VggFace2MobileNet(UnitLengthExtractor):
    """MobileNet trained on VGGFace2: its pooled layer, 1,024 values of length one, or `pyramid`, 3,072.

    A smaller image is enlarged (bicubic). A blank face gives a zero vector. The published weights have seen
    no sample of FER2013 and no expression label; they learned identities, then age and gender.
    """

    Params = MobileNetParams
    params: MobileNetParams
    SHAPING: ClassVar = frozenset({"size", "colour"})
    network = Network(
        name="vggface2-mobilenet", build=partial(build, SIZE, False), size=SIZE, channels=1,
        layers={"pool": 1024, "pyramid": 3072}, derived={"pyramid": pyramid}, recipe=_RECIPE,
        fresh=tuple(f"{name}_bn" for name in CONVOLUTIONS), warm_up=reinsert_norms,
        licence="weights: MIT as packaged, Apache-2.0 at their source; VGGFace2 is for non-commercial "
        "research; code: MIT",
        source="HSE-FaceRes: Savchenko, PeerJ Computer Science 5:e197, 2019; Howard et al., 2017",
    )  # fmt: skip

    @property
    def published(self) -> bool:
        """True if the publisher's own files are read."""
        return self.params.weights == "published"

    @cached_property
    def choice(self) -> Choice:
        """The engine and precision used: weights without expressions take bf16 only if asked to.

        Of 7,178 faces an SVM on these vectors loses .29 points by bf16, where .2 are allowed. On the
        fine-tuned weights no head moves by more (docs/results/precision-frozen-28709.txt and
        precision-vggface2-mobilenet.txt).
        """
        found = super().choice
        if self.params.precision == "auto" and found.precision == "bf16" and not self.classes:
            return replace(found, precision="f32", why_precision="bf16 moves heads on these vectors")
        return found

    @cached_property
    def weights_path(self) -> Path:
        """The weight file; ``faceres.bin`` for the published ones."""
        return store.path_of(self.name) if self.published else super().weights_path

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the weight file says of itself; `CARD` for the published ones."""
        return CARD if self.published else super().card

    @property
    def seen(self) -> TrainingProvenance:
        """Marks of the samples the weights learned from; the published ones learned from none of ours."""
        return TrainingProvenance.of((), ()) if self.published else super().seen

    @cached_property
    def sized(self) -> Network:
        """The network at the side asked for, for grey faces or for colours."""
        side = self.params.size if self.params.size != "auto" else int(self.card.get("size", SIZE))
        colour = self.params.colour
        return replace(
            self.network, size=side, channels=3 if colour else 1, build=partial(build, side, colour)
        )

    @property
    def spec(self) -> Any:
        """The extractor's `NetworkSpec`, with the side that "auto" stands for."""
        plain = super().spec
        return replace(plain, params={**plain.params, "size": self.sized.size})

    @property
    def blank(self) -> float | None:
        """`BLANK`; None for the scores, which are probabilities whatever is shown."""
        return None if self.layer == "scores" else BLANK

    def fallbacks(self, X: NDArray[np.float32]) -> int:
        """Count the zero vectors: blank faces."""
        return int((~X.any(axis=1)).sum())

    def _tensors(self, whole: Any) -> Any:
        return read(self.weights_path) if self.published else super()._tensors(whole)

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        X = super()._transform(batch)
        if self.blank is None:
            return X
        blank = np.ptp(batch, axis=(1, 2)).reshape(len(batch), -1).max(axis=1) <= self.blank
        return np.where(blank[:, None], np.float32(0), X)

    def _identity(self) -> dict[str, Any]:
        return super()._identity() | {"size": self.sized.size, "colour": self.params.colour}
