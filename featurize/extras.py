"""Packages that are installed by need: the extras of mueca, and one line where one is missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Top-level package -> the extra that brings it (``pip install 'mueca[EXTRA]'``), and its name in words.
EXTRAS: dict[str, tuple[str, str]] = {
    "dlib": ("dlib", "dlib"),
    "face_recognition_models": ("dlib", "dlib's model files"),
    "fastapi": ("web", "FastAPI"),
    "h5py": ("train", "h5py"),
    "keras": ("train", "TensorFlow"),
    "matplotlib": ("plots", "matplotlib"),
    "numba": ("fit", "numba"),
    "onnx": ("export", "onnx"),
    "onnxruntime": ("export", "onnxruntime"),
    "pandas": ("notebook", "pandas"),
    "pyarrow": ("parquet", "pyarrow"),
    "safetensors": ("train", "safetensors"),
    "tensorflow": ("train", "TensorFlow"),
}


class MissingExtraError(ImportError, ValueError):
    """A package that only some work needs is not installed; the message says how to install it."""


def needed(package: str) -> str:
    """Return what to do where a package of an extra is missing, in one line."""
    extra, words = EXTRAS[package]
    return f"this needs {words}: pip install 'mueca[{extra}]'"


def require(module: str) -> Any:
    """Import and return a module of an extra, such as "pyarrow.parquet".

    Raises
    ------
    MissingExtraError
        If its package is not installed.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != package:
            raise  # something else that the package needs
        raise MissingExtraError(needed(package), name=package) from None


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Let imports in the block do without a package that they take where it is there.

    scikit-learn imports pandas for itself alone, and a command that makes no table of it would wait for it.
    A package that is imported already stays. Other threads must import nothing meanwhile.
    """
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # documented: importing it raises ModuleNotFoundError
    try:
        yield
    finally:
        del sys.modules[package]
