"""A network as an extractor: images in, one of its layers out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from featurize import quantized
from featurize.backbones import weightfile
from featurize.backbones.network import Network
from featurize.backbones.views import Views, views
from featurize.backbones.weightfile import TrainingProvenance, WeightsError
from featurize.base import Extractor, ExtractorSpec, Params
from featurize.clips.sampling import Sampling
from featurize.engine import Choice, Engine, Precision, Runner, choose, compiled
from featurize.paths import expanded
from featurize.store import file_sha256

#: A set of each kind, for the advice on how to get weights.
_DATA = {"image": "fer2013", "clip": "casme2", "flow": "megc2019"}
#: Weights made in this project, small enough to ship.
SHIPPED = Path(__file__).with_name("weights")
#: All views of so few images go through the network at once: one face in six takes a quarter less time.
TOGETHER = 64


def shipped() -> list[Path]:
    """Return the weight files that ship, by name."""
    return sorted(SHIPPED.glob("*.npz"))


def weight_path(given: str) -> Path:
    """Return the weight file at a path, or of that name among those that ship where no such path is."""
    path = expanded(given)
    return path if path.exists() else next((p for p in shipped() if p.stem == given), path)


class NetworkParams(Params):
    """Parameters of every network.

    Attributes
    ----------
    layer : str
        The embedding layer, or "scores" for the network's own class scores; "auto" is its first layer.
    weights : str
        "auto" (those that ship, or were added), "random" (for timing only), the path of a weight file, or the
        name of one that ships besides (``mueca doctor`` lists them).
    engine : {"auto", "keras", "openvino"}
    precision : {"auto", "f32", "bf16", "int8"}
        "int8" is there once ``mueca quantize`` has made it.
    views : {"one", "flip", "six", "ten"}
        Average the vectors of a face and its mirror image, of three sizes and their mirror images, or of ten
        crops: see `featurize.backbones.views.views`. Costs as many times as much; for images only.
    """

    layer: str = "auto"
    weights: str = Field("auto", min_length=1)
    engine: Engine = "auto"
    precision: Precision = "auto"
    views: Views = "one"


@dataclass(frozen=True)
class NetworkSpec(ExtractorSpec):
    """The spec of a network.

    Its identity, which a cache key is made of, holds the weights' hash and not their path, and the precision
    but not the engine: both engines give the same vectors.
    """

    def identity(self) -> dict[str, Any]:
        """Return what decides the vectors."""
        fields = super().identity()
        fields["params"] = {
            k: v for k, v in fields["params"].items()
            if k not in ("weights", "engine") and (k, v) != ("views", "one")
        }  # fmt: skip
        return fields


class ClipNetworkParams(NetworkParams):
    """Parameters of a network on clips: also how a clip is brought to the network's frames.

    Attributes
    ----------
    sampling : {"auto", "tim", "uniform", "first"}
        See `featurize.clips.sampling.sample`; "auto" is what the weights were trained with ("tim" where no
        weights say).
    """

    sampling: Literal["auto", "tim", "uniform", "first"] = "auto"


class NetworkExtractor(Extractor):
    """A layer of a network; a subclass gives `network`."""

    network: ClassVar[Network]
    Params = NetworkParams
    #: The engine lets one batch in at a time, so that the other threads decode while it computes.
    parallel = "threads"
    params: NetworkParams
    #: Parameters that change the network itself, so that a training takes them too.
    SHAPING: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if net := cls.__dict__.get("network"):
            cls.name, cls.size, cls.channels = net.name, net.size, net.channels
            cls.licence, cls.source, cls.version = net.licence, net.source, net.version
            cls.kind = net.kind

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        layers = [*self.network.layers, *(["scores"] if self.network.trainable else [])]
        if self.params.layer not in ("auto", *layers):
            raise ValueError(
                f"extractor {self.name}: no layer {self.params.layer!r}; known: {', '.join(layers)}"
            )
        if self.params.views != "one" and self.kind != "image":
            raise ValueError(f"extractor {self.name}: views={self.params.views} is for images")
        self._alone = threading.Lock()
        self._runner: Runner | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"params": self.params}  # another process loads and compiles for itself

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(**state["params"].model_dump())  # type: ignore[misc]

    @cached_property
    def sized(self) -> Network:
        """The network with the input in use; most networks take only one."""
        return self.network

    @property
    def blank(self) -> float | None:
        """A face whose values span no more gives a zero vector; None where there is no such rule."""
        return None

    @property
    def layer(self) -> str:
        """Name of the layer that is given out."""
        return next(iter(self.network.layers)) if self.params.layer == "auto" else self.params.layer

    @property
    def dim(self) -> int:
        """Length of a vector.

        Raises
        ------
        ValueError
            If the layer is "scores" and the weights come without a classifier.
        """
        if self.layer != "scores":
            return self.network.layers[self.layer]
        if not self.classes:
            raise ValueError(
                f"extractor {self.name}: its weights have no classifier, so there is no layer 'scores'; "
                f"give weights=PATH of trained ones (mueca train --backbone {self.name})"
            )
        return len(self.classes)

    @property
    def random(self) -> bool:
        """True if the weights are random: good for timing, and no result."""
        return self.params.weights == "random"

    def at(self, **changes: Any) -> Self:
        """Return the same network with other parameters, such as another precision."""
        return type(self)(**(self.params.model_dump() | changes))

    @cached_property
    def choice(self) -> Choice:
        """The engine and precision used; int8 by itself only where a test set has shown what it loses."""
        found = choose(self.params.engine, self.params.precision)
        automatic = self.params.precision == "auto" and found.engine == "openvino"
        if automatic and quantized.is_trusted(self._identity()):
            return replace(found, precision="int8", why_precision="a test set showed what int8 loses")
        return found

    @cached_property
    def weights_path(self) -> Path:
        """The weight file.

        Raises
        ------
        WeightsError
            If there is none; the message says how to get one.
        """
        given = self.params.weights
        return self._find_weights() if given == "auto" else weight_path(given)

    def _find_weights(self) -> Path:
        own = SHIPPED / f"{self.name}.npz"
        if not own.is_file():
            raise WeightsError(
                f"{self.name} comes without weights; give weights=PATH of trained ones "
                f"(mueca train --backbone {self.name} --data {_DATA[self.kind]}), or weights=random "
                "for timing only"
            )
        return own

    @cached_property
    def weights_sha256(self) -> str | None:
        """SHA-256 of the weight file; "random" for random weights."""
        if self.random:
            return "random"
        try:
            return file_sha256(self.weights_path)
        except FileNotFoundError:
            known = ", ".join(p.stem for p in shipped())
            raise WeightsError(f"no weight file {self.weights_path}; by name there are: {known}") from None

    @cached_property
    def card(self) -> dict[str, Any]:
        """What the weight file says of itself; empty for random weights."""
        return {} if self.random else self._checked_card(weightfile.load_card(self.weights_path))

    def _checked_card(self, card: dict[str, Any]) -> dict[str, Any]:
        if (card.get("network"), card.get("version")) != (self.name, self.version):
            found = f"{card.get('network')} version {card.get('version')}"
            raise WeightsError(
                f"{self.weights_path} holds weights of {found}, not of {self.name} version {self.version}"
            )
        return card

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the network's own scores, in order; none for weights without a classifier."""
        return tuple(self.card.get("classes", map(str, range(self.network.classes))))

    @property
    def seen(self) -> TrainingProvenance:
        """Marks of the samples the weights learned from; none for random weights."""
        return TrainingProvenance.of((), ()) if self.random else weightfile.load_seen(self.weights_path)

    @property
    def fitted_on_validation(self) -> bool:
        """True if the weights learned from the samples held out for validation, too."""
        return self.card.get("data", {}).get("fit_on") == "train+validation"

    @property
    def spec(self) -> ExtractorSpec:
        """The extractor's `NetworkSpec`."""
        plain = super().spec
        params = {**plain.params, "layer": self.layer, "precision": self.choice.precision}
        more: dict[str, Any] = {"trained_on": self.card.get("trained_on")}
        if self.choice.precision == "int8":  # vectors hang on what calibrated it
            known = quantized.record_of(self._identity()) or {}
            more["weights_sha256"] = f"{self.weights_sha256} int8 {known.get('sha256')}"
        fields = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
        fields |= {"size": self.sized.size, "channels": self.sized.channels, "params": params}
        return NetworkSpec(**fields | more)

    def model(self) -> Any:
        """Return the Keras model up to the layer, weights loaded; raises as `dim`."""
        _ = self.dim
        whole = self.sized.build(len(self.classes))
        weightfile.assign(
            whole, self._tensors(whole), str(self.weights_path) if not self.random else "random"
        )
        return self.network.headless(whole, self.layer)

    def _tensors(self, whole: Any) -> Mapping[str, NDArray[np.float32]]:
        if self.random:
            return weightfile.random_tensors(whole)
        weights = weightfile.load(self.weights_path)
        self._checked_card(weights.card)
        return weights.tensors

    def _prepared(self, sample: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self.sized.form.prepared(sample)

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        run, arranged = self._ready(), self.sized.form.arranged
        seen = [arranged(view) for view in views(batch, self.params.views)]
        if len(seen) == 1:
            return run(seen[0])
        if len(seen) * len(batch) > TOGETHER:
            return np.mean([run(view) for view in seen], axis=0, dtype=np.float32)
        vectors = run(np.concatenate(seen))
        return np.mean(vectors.reshape(len(seen), *batch.shape[:1], -1), axis=0, dtype=np.float32)

    def _ready(self) -> Runner:
        with self._alone:
            if self._runner is None:
                known = self._identity(), self.sized.shape
                if self.choice.precision == "int8":
                    self._runner = quantized.runner(known[0], self.name, known[1])
                else:
                    self._runner = compiled(self.model, *known, self.choice)
            return self._runner

    def _identity(self) -> dict[str, Any]:
        """Return what decides the compiled network; its precision is set when it is loaded."""
        net = self.network
        return {"name": net.name, "version": net.version, "layer": self.layer, "weights": self.weights_sha256}


class UnitLengthParams(NetworkParams):
    """Parameters of a network whose vectors are compared by their directions.

    Attributes
    ----------
    norm : {"l2", "none"}
        "l2" divides each vector by its length, as R1 does. A zero vector stays zero, and class scores stay as
        they are.
    """

    norm: Literal["l2", "none"] = "l2"


class UnitLengthExtractor(NetworkExtractor):
    """A layer of a network, each vector divided by its length."""

    Params = UnitLengthParams
    params: UnitLengthParams
    #: Least squared length to divide by, so that a zero vector stays zero (R1).
    EPSILON: ClassVar[float] = 1e-10

    @property
    def normalised(self) -> bool:
        """True if vectors are divided by their lengths."""
        return self.params.norm == "l2" and self.layer != "scores"

    def _transform(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        X = super()._transform(batch)
        if not self.normalised:
            return X
        return X / np.sqrt(np.maximum((X * X).sum(axis=1, keepdims=True), np.float32(self.EPSILON)))


class ClipNetworkExtractor(NetworkExtractor):
    """A layer of a network on clips, (t, h, w) uint8 grey frames of any number and size."""

    Params = ClipNetworkParams
    params: ClipNetworkParams

    @property
    def sampling(self) -> Sampling:
        """How a clip is brought to the network's frames."""
        if self.params.sampling != "auto":
            return self.params.sampling
        found: Sampling = self.card.get("recipe", {}).get("sampling", "tim")
        return found

    @property
    def spec(self) -> ExtractorSpec:
        """The extractor's `NetworkSpec`."""
        plain = super().spec
        return replace(plain, params={**plain.params, "sampling": self.sampling})

    def _prepared(self, sample: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self.network.form.prepared(sample, self.sampling)
