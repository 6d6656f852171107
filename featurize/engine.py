"""How a network runs: on Keras, or compiled by OpenVINO, in bf16 where the processor gains from it.

The precision decides the vectors and is part of an embedding's key. The engine is not: in one precision both
give the same vectors up to rounding (the tests hold them to it).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import atomic_folder
from featurize.backbones.frame import backend_name, dtype_policy, gpus, quiet
from featurize.cache_folder import default_root, usable_root, why_not_writable
from featurize.store import key_of

log = logging.getLogger(__name__)

Engine = Literal["auto", "keras", "openvino"]
Precision = Literal["auto", "f32", "bf16", "int8"]

#: The backend of Keras whose networks OpenVINO reads; those of JAX it does not.
EXPORTS = "tensorflow"
#: Images a call. Every call has this many (the last is filled up), so that no vector depends on how many
#: came with it, and nothing is compiled twice.
BATCH = 16
#: Up to so many images go through the network one by one: a filled-up batch would take longer.
FEW = 2
#: Up to so many, the faces of a photo, go through it in pairs: 1.5 ms of processor each with `own-small`;
#: a filled-up batch takes 20 ms, whatever is in it.
SOME, PAIR = 12, 2


class Runner(Protocol):
    """A compiled network: (n, h, w, c) pixels (or clips) of 0..255 to (n, d) float32."""

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vectors."""


@dataclass(frozen=True)
class Choice:
    """What `choose` chose, and why, in words for ``mueca doctor``."""

    engine: Literal["keras", "openvino"]
    precision: Literal["f32", "bf16", "int8"]
    why_engine: str
    why_precision: str


def choose(engine: Engine = "auto", precision: Precision = "auto") -> Choice:
    """Return the engine and precision to use on this machine.

    Raises
    ------
    ValueError
        If OpenVINO is asked for and not installed, or Keras runs on a backend it cannot take networks from.
    """
    chosen, why = _choose_engine(engine)
    if precision == "int8" and chosen == "keras":
        raise ValueError("precision int8 needs engine openvino; see: mueca doctor")
    if precision != "auto":
        return Choice(chosen, precision, why, "as asked")
    if chosen == "keras" and gpus():
        return Choice(chosen, "f32", why, "a GPU is fast enough in f32")
    fast = "BF16" in cpu_capabilities()
    reason = "this processor multiplies bf16 directly" if fast else "this processor has no bf16 arithmetic"
    return Choice(chosen, "bf16" if fast else "f32", why, reason)


def _choose_engine(engine: Engine) -> tuple[Literal["keras", "openvino"], str]:
    installed = importlib.util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise ValueError("engine openvino is not installed; install openvino, or use engine keras")
    if engine == "openvino" and backend_name() != EXPORTS:
        raise ValueError(
            f"engine openvino takes networks from {EXPORTS}; unset KERAS_BACKEND, or use engine keras"
        )
    if engine != "auto":
        return engine, "as asked"
    if found := gpus():
        return "keras", f"the backend sees {len(found)} GPU"
    if not installed:
        return "keras", "openvino is not installed"
    if backend_name() != EXPORTS:
        return "keras", f"openvino takes networks from {EXPORTS}, not from {backend_name()}"
    return "openvino", "the fastest on a processor"


@cache
def cpu_capabilities() -> frozenset[str]:
    """Return what OpenVINO says the processor computes in: "FP32", "BF16"; empty without it."""
    if importlib.util.find_spec("openvino") is None:
        return frozenset()
    return frozenset(map(str, core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")))


@cache
def core() -> Any:
    """Return OpenVINO's core, made once."""
    with quiet():
        return openvino().Core()


def openvino() -> Any:
    """Return the `openvino` module with its telemetry left out.

    Its converter would report each conversion to its maker. Where that package cannot be imported it uses a
    stand-in that does nothing, and None here is how Python is told that it cannot.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


def installed_openvino() -> tuple[Any, Any]:
    """Return the `openvino` module and its `Core`.

    Raises
    ------
    ValueError
        If it is not installed.
    """
    if importlib.util.find_spec("openvino") is None:
        raise ValueError("openvino is not installed; pip install openvino")
    return openvino(), core()


def compiled(model: Callable[[], Any], identity: dict[str, Any], shape: tuple[int, ...],
             choice: Choice) -> Runner:  # fmt: skip
    """Return `model` ready to run.

    Parameters
    ----------
    model : callable
        Builds the Keras model, weights loaded; called only if it is not compiled yet.
    identity : dict
        What decides the model's values, JSON types: the name of what is kept under the cache folder.
    shape : tuple of int
        Of one input: (h, w, c), or of a clip.
    choice : Choice
    """
    if choice.engine == "keras":
        with dtype_policy("mixed_bfloat16" if choice.precision == "bf16" else "float32"):
            return KerasRunner(model())
    path = _exported(model, identity)
    if path is None:  # nowhere to export it to; in one precision both engines give the same vectors
        return compiled(model, identity, shape, replace(choice, engine="keras"))
    return OpenVinoRunner(path, shape, choice.precision)


def _batches(pixels: NDArray[np.uint8], size: int = BATCH) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (start, batch) with every batch `size` long, the last filled up with zeros."""
    for start in range(0, len(pixels), size):
        batch = np.zeros((size, *pixels.shape[1:]), np.float32)
        part = pixels[start : start + size]
        batch[: len(part)] = part
        yield start, batch


class KerasRunner:
    """Run a Keras model in batches of one size."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._alone = threading.Lock()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vectors."""
        with self._alone:
            blocks = [np.asarray(self._model.predict_on_batch(b), np.float32) for _, b in _batches(pixels)]
        return np.concatenate(blocks)[: len(pixels)]


class OpenVinoRunner:
    """Run an exported model in batches of one size, several in flight; a few images go one by one."""

    def __init__(self, path: Path, shape: tuple[int, ...], precision: str) -> None:
        self._path, self._shape = path, shape
        self._settings = {"INFERENCE_PRECISION_HINT": precision}
        if why_not_writable(path.parent / "compiled") is None:
            self._settings["CACHE_DIR"] = str(path.parent / "compiled")
        self._alone = threading.Lock()
        self._queues: dict[int, Any] = {}

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vectors."""
        with self._alone:  # another thread decodes the next images meanwhile
            size = 1 if len(pixels) <= FEW else PAIR if len(pixels) <= SOME else BATCH
            return self._run(size, pixels)

    def _run(self, size: int, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        blocks: dict[int, NDArray[np.float32]] = {}
        queue = self._queue(size)
        # The request's memory is used again by the next batch: what it holds is copied out. The vectors are
        # the first output; what else a converted graph leaves open (shapes, say) follows.
        queue.set_callback(
            lambda request, start: blocks.__setitem__(start, request.get_output_tensor(0).data.copy())
        )
        for start, batch in _batches(pixels, size):
            queue.start_async({0: batch}, start)
        queue.wait_all()
        return np.concatenate([blocks[start] for start in sorted(blocks)])[: len(pixels)]

    def _queue(self, size: int) -> Any:
        if size not in self._queues:
            model = core().read_model(self._path)
            model.reshape([size, *self._shape])
            hint = {"PERFORMANCE_HINT": "LATENCY" if size == 1 else "THROUGHPUT"}
            with quiet():
                self._queues[size] = openvino().AsyncInferQueue(
                    core().compile_model(model, "CPU", self._settings | hint)
                )
        return self._queues[size]


def exported_path(model: Callable[[], Any], identity: dict[str, Any]) -> Path:
    """Return the model in OpenVINO's form, exported where it is not yet.

    Raises
    ------
    ValueError
        If OpenVINO is not installed, or no folder can be written.
    """
    installed_openvino()
    path = _exported(model, identity)
    if path is None:
        raise ValueError("no cache folder can be written; set MUECA_CACHE to one that can")
    return path


def _exported(model: Callable[[], Any], identity: dict[str, Any]) -> Path | None:
    """Return the model in OpenVINO's form, exported once and kept under the cache folder; None if nowhere."""
    name = key_of(identity | {"openvino": openvino().__version__})
    if (kept := default_root() / "engines" / name / "model.xml").is_file():
        return kept
    root = usable_root()
    if root is None:
        return None
    folder = root / "engines" / name
    if not (folder / "model.xml").is_file():
        with atomic_folder(folder, keep="model.xml") as temporary:  # another run that was first is as good
            _export(model(), temporary)
    return folder / "model.xml"


def _export(model: Any, folder: Path) -> None:
    log.info("compiling %s for OpenVINO", model.name)
    with quiet():
        model(np.zeros((1, *model.input_shape[1:]), np.float32))  # the exporter wants it called once
        model.export(str(folder / "model.xml"), format="openvino", verbose=False)
