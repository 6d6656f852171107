"""How a network runs: on Keras, or compiled by OpenVINO, in bf16 where the processor gains from it.

The precision decides the vectors and is part of an embedding's key. The engine is not: in one precision both
give the same vectors up to rounding (the tests hold them to it).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import atomic_folder, replace_file
from featurize.backbones.frame import NeedsKerasError, backend_name, dtype_policy, gpus, quiet, recorded
from featurize.backbones.layers import Model, UnknownLayerError
from featurize.backbones.openvino_graph import openvino_model
from featurize.cache_folder import default_root, usable_root, why_not_writable
from featurize.store import key_of

log = logging.getLogger(__name__)

Engine = Literal["auto", "keras", "openvino"]
Precision = Literal["auto", "f32", "bf16", "int8"]

#: The backend of Keras that writes networks for OpenVINO where they have layers that are not recorded.
EXPORTS = "tensorflow"
#: Images a call. Every call has this many (the last is filled up), so that no vector depends on how many
#: came with it, and nothing is compiled twice.
BATCH = 16
#: Up to so many images go through the network one by one: a filled-up batch would take longer.
FEW = 2
#: Up to so many, the faces of a photo, go through it in pairs: 1.5 ms of processor each with `own-small`;
#: a filled-up batch takes 20 ms, whatever is in it.
SOME, PAIR = 12, 2
_FIRST = threading.Lock()


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
        If OpenVINO is asked for and not installed.
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
    if engine != "auto":
        return engine, "as asked"
    if found := gpus():
        return "keras", f"the backend sees {len(found)} GPU"
    if not installed:
        return "keras", "openvino is not installed"
    return "openvino", "the fastest on a processor"


@cache
def cpu_capabilities() -> frozenset[str]:
    """Return what OpenVINO says the processor computes in: "FP32", "BF16"; empty without it."""
    if importlib.util.find_spec("openvino") is None:
        return frozenset()
    return frozenset(map(str, core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")))


@cache
def core() -> Any:
    """Return OpenVINO's core, made once.

    The first array that OpenVINO hands to NumPy is asked for here, by one thread. Where two threads asked for
    theirs at the same moment, each waited for ever for what the other held: one for the interpreter's lock,
    the other for that of a C++ static (pybind11's table of NumPy's functions).
    """
    ov = openvino()
    with _FIRST, quiet():
        made = ov.Core()
        _ = ov.Tensor(ov.Type.f32, ov.Shape([1])).data
        return made


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
        Builds the model with what `featurize.backbones.frame.keras` gives, weights loaded; called only if it
        is not compiled yet.
    identity : dict
        What decides the model's values, JSON types: the name of what is kept under the cache folder.
    shape : tuple of int
        Of one input: (h, w, c), or of a clip.
    choice : Choice

    Raises
    ------
    NeedsKerasError
        If the engine is Keras, or a layer is known to Keras alone, and Keras is not installed.
    """
    if choice.engine == "keras":
        with dtype_policy("mixed_bfloat16" if choice.precision == "bf16" else "float32"):
            return KerasRunner(model())
    made = _made(model, identity)
    if (
        made is None
    ):  # Keras's alone, and nowhere to export it to; in one precision both give the same vectors
        return compiled(model, identity, shape, replace(choice, engine="keras"))
    return OpenVinoRunner(made, shape, choice.precision)


def _batches(pixels: NDArray[np.uint8], size: int = BATCH) -> Iterator[NDArray[np.float32]]:
    """Yield batches that are all `size` long, the last filled up with zeros."""
    for start in range(0, len(pixels), size):
        batch = np.zeros((size, *pixels.shape[1:]), np.float32)
        part = pixels[start : start + size]
        batch[: len(part)] = part
        yield batch


class KerasRunner:
    """Run a Keras model in batches of one size."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._alone = threading.Lock()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vectors."""
        with self._alone:
            blocks = [np.asarray(self._model.predict_on_batch(b), np.float32) for b in _batches(pixels)]
        return np.concatenate(blocks)[: len(pixels)]


class OpenVinoRunner:
    """Run a model in batches of one size, several in flight; a few images go one by one.

    Parameters
    ----------
    model : Path or openvino.Model
        A model in OpenVINO's form, or where it is kept.
    shape : tuple of int
        Of one input.
    precision : {"f32", "bf16"}
    """

    def __init__(self, model: Any, shape: tuple[int, ...], precision: str) -> None:
        self._model, self._shape = model, shape
        self._settings = {"INFERENCE_PRECISION_HINT": precision}
        self._alone = threading.Lock()
        self._requests: dict[int, list[Any]] = {}

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vectors."""
        with self._alone:  # another thread decodes the next images meanwhile
            size = 1 if len(pixels) <= FEW else PAIR if len(pixels) <= SOME else BATCH
            return self._run(size, pixels)

    def _run(self, size: int, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        # The vectors are the first output; what else a converted graph leaves open (shapes, say) follows.
        done = in_order(self._requests_of(size), _batches(pixels, size))
        return np.concatenate([request.get_output_tensor(0).data.copy() for request in done])[: len(pixels)]

    def _requests_of(self, size: int) -> list[Any]:
        if size not in self._requests:
            kept = isinstance(self._model, Path)
            model = core().read_model(self._model) if kept else self._model.clone()
            model.reshape([size, *self._shape])
            hint = {"PERFORMANCE_HINT": "LATENCY" if size == 1 else "THROUGHPUT"}
            with quiet(), _kept_compiled(self._model) as cache:
                made = core().compile_model(model, "CPU", self._settings | hint | cache)
            at_once = made.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
            self._requests[size] = [made.create_infer_request() for _ in range(at_once)]
        return self._requests[size]


def in_order(requests: Sequence[Any], inputs: Iterable[NDArray[Any]]) -> Iterator[Any]:
    """Compute as many inputs at once as there are requests; yield the request of each when it is done.

    A request's memory is used again: copy what is to be kept before the next one is asked for. An error
    leaves no request at work. No Python runs in OpenVINO's threads, as it would with OpenVINO's own queue: a
    thread that is still in the interpreter when the process ends can abort it.
    """
    flying: deque[Any] = deque()
    try:
        for number, one in enumerate(inputs):
            if number >= len(requests):
                yield _next_done(flying)
            request = requests[number % len(requests)]
            request.start_async({0: one})
            flying.append(request)
        while flying:
            yield _next_done(flying)
    finally:
        for request in flying:
            request.wait()


def _next_done(flying: deque[Any]) -> Any:
    request = flying.popleft()
    request.wait()
    return request


def exported_path(model: Callable[[], Any], identity: dict[str, Any]) -> Path:
    """Return the model in OpenVINO's form, exported where it is not yet.

    Raises
    ------
    ValueError
        If OpenVINO is not installed, or no folder can be written.
    """
    installed_openvino()
    path = _made(model, identity)
    if not isinstance(path, Path):
        raise ValueError("no cache folder can be written; set MUECA_CACHE to one that can")
    return path


@contextmanager
def _kept_compiled(model: Any) -> Iterator[dict[str, str]]:
    """Give the settings by which OpenVINO keeps what it compiles beside `model`, under a name by content.

    OpenVINO writes its files in place. It is shown a folder of its own, with the files that are there; a new
    one is renamed into place when it is whole. Where nothing can be written, nothing is kept.
    """
    folder = model.parent / "compiled" if isinstance(model, Path) else None
    if folder is None or why_not_writable(folder) is not None:
        yield {}
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".", ignore_cleanup_errors=True) as own:
        for blob in folder.glob("*.blob"):
            with suppress(OSError):
                os.link(blob, Path(own, blob.name))
        yield {"CACHE_DIR": own}
        for blob in Path(own).glob("*.blob"):
            kept = folder / blob.name
            with suppress(OSError):
                if not (kept.exists() and kept.samefile(blob)):
                    replace_file(blob, kept)


def _made(model: Callable[[], Any], identity: dict[str, Any]) -> Any:
    """Return the model in OpenVINO's form, or where it is kept; None if Keras alone can run it."""
    name = key_of(identity | {"openvino": openvino().__version__})
    if (kept := default_root() / "engines" / name / "model.xml").is_file():
        return kept
    made, root = _recorded(model), usable_root()
    if root is None or (made is None and backend_name() != EXPORTS):
        return made
    folder = root / "engines" / name
    if not (folder / "model.xml").is_file():
        with atomic_folder(folder, keep="model.xml") as temporary:  # another run that was first is as good
            _write(made or model(), temporary)
    return folder / "model.xml"


def _recorded(model: Callable[[], Any]) -> Any:
    """Return the model without Keras in OpenVINO's form; None if it has layers that Keras alone knows."""
    try:
        with recorded():
            network = model()
        if not isinstance(network, Model):  # made by Keras before
            return None
        with quiet():
            return openvino_model(network, openvino())
    except (UnknownLayerError, TypeError) as error:
        try:
            backend_name()
        except NeedsKerasError as missing:
            raise NeedsKerasError(f"{missing} ({error})") from None
        log.info("Keras itself is asked for the network: %s", error)
        return None


def _write(model: Any, folder: Path) -> None:
    log.info("compiling %s for OpenVINO", getattr(model, "friendly_name", model.name))
    path = str(folder / "model.xml")
    with quiet():
        if isinstance(model, openvino().Model):
            openvino().save_model(model, path, compress_to_fp16=False)
            return
        model(np.zeros((1, *model.input_shape[1:]), np.float32))  # the exporter wants it called once
        model.export(path, format="openvino", verbose=False)
