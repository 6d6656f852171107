"""Keras, imported late and quietly."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from featurize.backbones.layer_kinds import KERAS
from featurize.extras import MissingExtraError, needed

#: Set before the framework is first imported; a value the user has set stays.
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "NONE",
    # GPU memory grows on demand (TensorFlow, JAX); by default each takes nearly all of the card at once.
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}

#: Backend of Keras -> the package that must be importable.
BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
#: What `backend_name` returns while a network is recorded.
RECORDED = "recorded"
#: Whether a network is recorded, in this thread.
_recording: ContextVar[bool] = ContextVar("recording", default=False)


class NeedsKerasError(MissingExtraError):
    """Keras or all its backends are not installed."""


@contextlib.contextmanager
def recorded() -> Iterator[None]:
    """Let `keras` give the layers of `featurize.backbones.layer_kinds` while the block runs."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def backend_name() -> str:
    """Return the Keras backend that would be used, without importing it.

    ``KERAS_BACKEND`` decides; without it TensorFlow, or else the first of JAX and PyTorch that is installed.

    Raises
    ------
    ValueError
        If ``KERAS_BACKEND`` names a backend that is unknown.
    NeedsKerasError
        If Keras, or the backend that is named, or every backend is not installed.
    """
    if _recording.get():
        return RECORDED
    asked = os.environ.get("KERAS_BACKEND")
    if asked and asked not in BACKENDS:
        raise ValueError(f"KERAS_BACKEND={asked}: choose one of {', '.join(BACKENDS)}")
    wanted = [asked] if asked else list(BACKENDS)
    found = [b for b in wanted if importlib.util.find_spec(BACKENDS[b])]
    if not found or importlib.util.find_spec("keras") is None:
        if asked and asked != "tensorflow":
            raise NeedsKerasError(f"KERAS_BACKEND={asked} needs {asked} and keras: pip install keras {asked}")
        raise NeedsKerasError(needed("tensorflow"))
    return found[0]


def keras() -> Any:
    """Return the `keras` module with a backend that is installed, its banners kept off the screen.

    Raises
    ------
    ValueError
        As `backend_name`.
    """
    if _recording.get():
        return KERAS
    if "keras" not in sys.modules:
        for name, value in (_ENVIRONMENT | {"KERAS_BACKEND": backend_name()}).items():
            os.environ.setdefault(name, value)
        for name in ("tensorflow", "absl", "jax"):
            logging.getLogger(name).setLevel(logging.ERROR)  # TensorFlow advises on tracing, at length
        with quiet():
            return importlib.import_module("keras")
    return sys.modules["keras"]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what native code writes to standard output and error off the screen while the block runs.

    TensorFlow's C++ logger writes to descriptor 2 before any setting of its own is read. If the block raises,
    what was written goes with the exception as a note, for it may say why.
    """
    with tempfile.TemporaryFile() as sink, _redirected(sink.fileno()):
        try:
            yield
        except Exception as error:
            sink.seek(0)
            held = sink.read().decode(errors="replace").strip()
            if held:
                error.add_note(held[-2000:])
            raise


@contextlib.contextmanager
def _redirected(target: int) -> Iterator[None]:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        for fd, copy in enumerate(saved, start=1):
            os.dup2(copy, fd)
            os.close(copy)


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Build layers under the Keras policy `name`, such as "mixed_bfloat16", then go back."""
    config = keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(name)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def gpus() -> list[str]:
    """Return the GPUs that the Keras backend sees; it is asked only where a driver seems to be."""
    import shutil

    if shutil.which("nvidia-smi") is None and shutil.which("rocm-smi") is None:
        return []
    try:
        backend_name()
    except NeedsKerasError:
        return []
    with quiet():
        return list(keras().distribution.list_devices("gpu"))
