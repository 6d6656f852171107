"""Epoch after epoch: fit, validate, keep the best, write down where it stands."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones import weightfile
from featurize.backbones.frame import dtype_policy, gpus, keras, quiet
from featurize.backbones.network import Network
from featurize.backbones.weightfile import values_of
from pipelines.training.batches import Epochs, TrainingSamples, in_order, prefetched
from pipelines.training.checkpoint import Folder, State
from pipelines.training.initial_weights import InitialWeights
from pipelines.training.tensorboard import Board
from pipelines.training.weight_averaging import Average
from pipelines.utils.progress import Advance

log = logging.getLogger(__name__)

#: Training samples that `Network.warm_up` gets.
WARM_UP_SAMPLES = 512
#: How an exhausted memory names itself in TensorFlow, JAX, PyTorch and Python.
_OUT_OF_MEMORY = (
    "resourceexhausted",
    "resource_exhausted",
    "outofmemory",
    "out of memory",
    "memoryerror",
    "oom when",
)


class OutOfMemoryError(MemoryError):
    """A training step did not fit into memory."""


@dataclass(frozen=True)
class Settings:
    """How to train; see `pipelines.training.train.TrainRecipe` for the words of each field."""

    epochs: int
    loss: str
    optimizer: str
    learning_rate: float
    schedule: str
    precision: str
    patience: int | None
    seed: int
    momentum: float = 0.9
    decay_rate: float = 0.96
    decay_steps: int = 100_000
    every: int = 1
    nesterov: bool = False
    weight_decay: float = 0.0
    average: int = 1
    frozen_epochs: int = 0


class Trainer:
    """One training.

    Parameters
    ----------
    network : Network
    classes : int
    epochs : Epochs
        The training images.
    validation : Images or None
        None if there are none to choose by: then the last epoch is kept.
    settings : Settings
    folder : Folder
    identity : str
        See `State`.
    start : InitialWeights, optional
        Weights to start from; random ones by default.
    """

    def __init__(self, network: Network, classes: int, epochs: Epochs, validation: TrainingSamples | None,
                 settings: Settings, folder: Folder, identity: str,
                 start: InitialWeights | None = None) -> None:  # fmt: skip
        self.start = start
        self.network, self.classes, self.settings, self.folder = network, classes, settings, folder
        self.validation = validation
        self._variables: list[NDArray[Any]] | None
        self.state, self._variables = folder.load() or (State(identity, epochs.batch), None)
        if self.state.identity != identity:
            raise ValueError(f"{folder.path} holds a training of something else; give another folder")
        self.epochs = replace(epochs, batch=self.state.batch)
        self.average = Average(folder.path / "average.npz")
        self._count = 1
        self.model = self._built()

    def _built(self) -> Any:
        """Return the compiled model, as it stood when the last epoch ended."""
        k, s = keras(), self.settings
        with quiet():  # Keras imports TensorFlow here where it is installed, whatever the backend
            k.utils.set_random_seed(s.seed)
        with dtype_policy("mixed_bfloat16" if s.precision == "bf16" else "float32"):
            model = self.network.build(self.classes)
        rate = self._rate()
        decay = s.weight_decay or None
        optimizer = (
            k.optimizers.Adam(rate, weight_decay=decay) if s.optimizer == "adam" else
            k.optimizers.SGD(rate, momentum=s.momentum, nesterov=s.nesterov, weight_decay=decay)
        )  # fmt: skip
        if decay:
            optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        losses = {
            "categorical_crossentropy": k.losses.CategoricalCrossentropy,
            "squared_hinge": k.losses.SquaredHinge,
        }
        accuracy = k.metrics.CategoricalAccuracy(name="accuracy")
        model.compile(optimizer, losses[s.loss](), metrics=[accuracy], jit_compile=compiled())
        optimizer.build(model.trainable_variables)
        if self._variables is not None:
            self._restore(model, self._variables)
        elif self.start is not None:
            self.start.give(model)
            if self.start.needs_warm_up(self.network):
                self._warm_up(model)
        return model

    def _warm_up(self, model: Any) -> None:
        """Let the network's first values fit samples drawn from all of the training samples."""
        assert self.network.warm_up is not None  # noqa: S101
        count = len(self.epochs.samples)
        some = np.linspace(0, count - 1, min(count, WARM_UP_SAMPLES)).astype(np.intp)
        self.network.warm_up(model, self.epochs.samples.block(some))

    def _freeze(self, number: int) -> None:
        """Let only the class scores' layer learn in the first epochs, and everything from then on."""
        learns = number > self.settings.frozen_epochs
        changed = False
        for layer in self.model.layers:
            wanted = learns or layer.name == "scores"
            changed |= bool(layer.weights) and layer.trainable != wanted
            layer.trainable = wanted
        if changed:
            self.model.make_train_function(force=True)

    def _rate(self) -> Any:
        s = self.settings
        if s.schedule == "constant":
            return s.learning_rate
        schedules = keras().optimizers.schedules
        if s.schedule == "exponential":
            return schedules.ExponentialDecay(s.learning_rate, s.decay_steps, s.decay_rate, staircase=True)
        return schedules.CosineDecay(s.learning_rate, max(1, s.epochs * self.epochs.steps))

    def _restore(self, model: Any, values: Sequence[NDArray[Any]]) -> None:
        variables = _all_variables(model)
        if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
            raise ValueError(f"{self.folder.path} holds a training of another network; give another folder")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    @property
    def images(self) -> int:
        """Images an epoch."""
        return self.epochs.steps * min(self.epochs.batch, len(self.epochs.samples) * (1 + self.epochs.mirror))

    def run(
        self, advance: Advance, board: Board, ask: Callable[[Any, int], None] | None = None
    ) -> State:  # fmt: skip
        """Train to the end, to where it no longer gains, or to where the loss is no number.

        Parameters
        ----------
        advance, board : callable
            Take the images done, and an epoch's record.
        ask : callable, optional
            Takes the model and the epoch, before that epoch is written down.

        Raises
        ------
        ValueError
            If the loss is no number before the first epoch has ended.
        OutOfMemoryError
            If a step does not fit into memory. What was done up to the epoch before is on disk.
        """
        self.epochs.samples.keep()
        if self.validation:
            self.validation.keep()
        while self.state.epoch < self.settings.epochs and not self._stale():
            record = self._epoch(advance)
            tensors = values_of(self.model)
            # A ReLU can hide a NaN weight from the loss: both are looked at.
            if not math.isfinite(record["loss"]) or not all(np.isfinite(t).all() for t in tensors.values()):
                self._diverged()
                break
            if ask is not None:
                ask(self.model, self.state.epoch + self._count)
            self.save_epoch(record, tensors)
            board(record)
        if self.settings.average > 1 and self.state.epoch >= self.settings.epochs:
            self._keep_average()
        return self.state

    def _keep_average(self) -> None:
        """Keep the average of the last epochs where it validates as well as the best of them."""
        tensors, best = self.average.mean(), self.state.best
        if not tensors or best is None or "averaged" in best:
            return
        weightfile.assign(self.model, tensors, str(self.average.path))
        validated = self.validate() if self.validation else {}
        log.info("average of the last %d epochs: %s", self.settings.average, validated or "kept")
        if validated.get("val_accuracy", 1.0) >= best.get("val_accuracy", 0.0):
            last = self.state.history[-1]
            self.state.best = {**last, **validated, "averaged": self.settings.average}
            self.folder.save_best(tensors)

    def _stale(self) -> bool:
        patience, best = self.settings.patience, self.state.best
        if patience is None or best is None or not self.validation:
            return False
        return self.state.epoch - best["epoch"] >= patience

    def _epoch(self, advance: Advance) -> dict[str, float]:
        started, before = time.perf_counter(), self.state.epoch
        self._count = min(self.settings.every, self.settings.epochs - before)
        number = before + self._count
        try:
            fitted = self.fit_epochs(before + 1, advance)
            seconds = time.perf_counter() - started
            validated = self.validate() if self.validation else {}
        except Exception as error:
            if any(word in f"{type(error).__name__}: {error}".lower() for word in _OUT_OF_MEMORY):
                raise OutOfMemoryError(f"a batch of {self.state.batch} does not fit into memory") from error
            raise
        return {"epoch": number, **fitted, **validated, "seconds": round(seconds, 2),
                "images_per_second": round(self._count * self.images / seconds, 1)}  # fmt: skip

    def fit_epochs(self, number: int, advance: Advance) -> dict[str, float]:
        """Train from epoch `number` to the next that is written down; return its loss, accuracy and rate."""
        report = _report(lambda: advance(self.epochs.batch))
        self._freeze(number)
        with quiet_warnings():
            found = self.model.fit(
                prefetched(self.epochs.epoch(number, self._count), self.epochs.samples),
                epochs=1, verbose=0, shuffle=False,
                steps_per_epoch=self._count * self.epochs.steps,
                callbacks=[keras().callbacks.TerminateOnNaN(), report],
            )  # fmt: skip
        rate = float(keras().ops.convert_to_numpy(self.model.optimizer.learning_rate))
        loss = report.loss if not math.isfinite(report.loss) else found.history["loss"][-1]
        return {"loss": float(loss), "accuracy": float(found.history["accuracy"][-1]), "learning_rate": rate}

    def validate(self) -> dict[str, float]:
        """Return loss and accuracy on the validation samples."""
        assert self.validation is not None  # noqa: S101
        size = min(256, len(self.validation))
        steps = math.ceil(len(self.validation) / size)
        with quiet_warnings():
            found = self.model.evaluate(
                prefetched(in_order(self.validation, size), self.validation),
                steps=steps, verbose=0, return_dict=True,
            )  # fmt: skip
        return {"val_loss": float(found["loss"]), "val_accuracy": float(found["accuracy"])}

    def save_epoch(self, record: dict[str, float], tensors: dict[str, NDArray[np.float32]]) -> None:
        """Write down an epoch: its record, the state to go on from, and the weights if they are the best."""
        best = self.state.best
        self.state.history.append(record)
        if self.settings.average > 1 and record["epoch"] > self.settings.epochs - self.settings.average:
            self.average.add(int(record["epoch"]), tensors)
        if best is None or not self.validation or record["val_accuracy"] > best["val_accuracy"]:
            self.state.best = record
            self.folder.save_best(tensors)
        self.folder.save(
            self.state, [np.asarray(keras().ops.convert_to_numpy(v)) for v in _all_variables(self.model)]
        )
        log.info("%s", ", ".join(f"{k} {v:.4g}" for k, v in record.items()))

    def _diverged(self) -> None:
        if self.state.best is None:
            raise ValueError("the loss or a weight is no number in the first epoch; lower the learning rate")
        log.warning("the loss or a weight is no number in epoch %d; training stopped, epoch %d is kept",
                    self.state.epoch + 1, self.state.best["epoch"])  # fmt: skip


def compiled() -> bool | str:
    """Say whether XLA compiles the step: on a CPU its convolutions gain nothing by bf16."""
    return "auto" if keras().backend.backend() != "tensorflow" or gpus() else False


def _all_variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _report(advance: Callable[[], None]) -> Any:
    """Return a callback that reports each batch and remembers the loss."""

    class Report(keras().callbacks.Callback):  # type: ignore[misc]
        loss = 0.0

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            self.loss = float((logs or {}).get("loss", 0.0))
            advance()

    return Report()


def quiet_warnings() -> Any:
    """Keep Python's warnings off the screen while a third party's code runs."""
    import warnings

    return warnings.catch_warnings(action="ignore")
