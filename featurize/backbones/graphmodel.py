"""Weights of a TensorFlow.js graph model: a ``.json`` that lists tensors, and ``.bin`` files that hold them.

Nothing in the files is run: the graph is not read, only the list of tensors and their bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.weightfile import WeightsError

#: How a tensor may be stored.
DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int32": np.dtype("<i4"),
}


def read(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a graph model by their published names.

    Parameters
    ----------
    path : Path
        The ``.json``; the files that it names lie beside it.

    Returns
    -------
    dict of str to float32 array
        Half precision becomes float32, which changes no value.

    Raises
    ------
    WeightsError
        If a file is missing, truncated or longer than listed, the list cannot be read, or a tensor is stored
        in a way that is not read here.
    """
    return {name: tensor for group in _groups(path) for name, tensor in _tensors(path, group)}


def _groups(path: Path) -> list[Mapping[str, Any]]:
    try:
        groups = json.loads(path.read_text("utf-8"))["weightsManifest"]
        if all(isinstance(g["paths"], list) and isinstance(g["weights"], list) for g in groups):
            return list(groups)
    except FileNotFoundError:
        raise WeightsError(f"no weight file {path}") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise WeightsError(f"{path} is truncated or lists no tensors of a TensorFlow.js graph model")


def _tensors(path: Path, group: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    content, at = b"".join(_content(path, name) for name in group["paths"]), 0
    listed = [_listed(path, entry) for entry in group["weights"]]
    needed = sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in listed)
    where = path.with_name(str(group["paths"][0])) if group["paths"] else path
    if len(content) < needed:
        raise WeightsError(f"{where} is truncated: it holds {len(content):,} of {needed:,} bytes")
    if len(content) > needed:
        raise WeightsError(f"{where} holds {len(content):,} bytes, {path.name} lists {needed:,}: they differ")
    for name, dtype, shape in listed:
        count = math.prod(shape)
        yield name, np.frombuffer(content, dtype, count, at).reshape(shape).astype(np.float32)
        at += count * dtype.itemsize


def _content(path: Path, name: Any) -> bytes:
    """Return the bytes of a file that the list names; only a file beside it will do."""
    if not isinstance(name, str) or Path(name).name != name:
        raise WeightsError(f"{path} names the file {name!r}, which does not lie beside it")
    try:
        return path.with_name(name).read_bytes()
    except OSError:
        raise WeightsError(f"no weight file {path.with_name(name)}, which {path.name} names") from None


def _listed(path: Path, entry: Any) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    """Return name, stored dtype and shape of a tensor in the list."""
    try:
        name, shape = str(entry["name"]), tuple(int(n) for n in entry["shape"])
        stored = entry.get("quantization", entry)["dtype"]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WeightsError(f"{path}: its list of tensors cannot be read") from None
    if stored not in DTYPES or min(shape, default=0) < 0:
        raise WeightsError(f"{path}: {name} is stored as {stored} {shape}; known: {', '.join(DTYPES)}")
    return name, DTYPES[stored], shape
