"""Weights of a Keras HDF5 file, read in a process of its own: the library that reads them has had its holes.

Run as ``python -m featurize.backbones.hdf5 PATH`` it writes to its output a line of JSON for each tensor, and
its values.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from featurize.confined import confine, started

#: What an HDF5 file begins with.
SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Bytes of address space, seconds of processor time, bytes of a file and of all tensors.
_MEMORY, _WORK, LARGEST = 4 * 2**30, 120.0, 2**30
_LONGEST_LINE = 65_536


def read_keras(path: Path) -> dict[tuple[str, str], NDArray[np.float32]]:
    """Return the tensors of a file of Keras by layer and variable, float32.

    Raises
    ------
    OSError
        If it is not there, or the system does not give it.
    ValueError
        If it is no such file, damaged, or its reading took more than it may.
    """
    with path.open("rb") as file:
        if file.read(len(SIGNATURE)) != SIGNATURE or path.stat().st_size > LARGEST:
            raise ValueError("it is no HDF5 file of weights")
    process = started("featurize.backbones.hdf5", str(path.absolute()))
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        return dict(_received(process.stdout))
    except (KeyError, TypeError, RecursionError):
        raise ValueError("it is damaged") from None
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def _received(out: IO[bytes]) -> Iterator[tuple[tuple[str, str], NDArray[np.float32]]]:
    left = LARGEST
    while True:
        message = json.loads(out.readline(_LONGEST_LINE) or b'""')
        if message["end"]:
            return
        shape = tuple(int(n) for n in message["shape"])
        size = 4 * math.prod(shape)
        left -= size
        if size < 0 or left < 0:
            raise ValueError("it is larger than weights are")
        data = out.read(size)
        if len(data) != size:
            raise ValueError("it is damaged")
        yield (
            (str(message["layer"]), str(message["variable"])),
            np.frombuffer(data, "<f4").reshape(shape).astype(np.float32),
        )


def main(words: list[str]) -> None:
    """Read, as the process that was started for it."""
    import h5py

    confine(_MEMORY, _WORK)
    to = sys.stdout.buffer
    with h5py.File(words[0], "r") as file:
        for layer, variable, tensor in _tensors(file.get("model_weights", file)):
            about = {"end": False, "layer": layer, "variable": variable, "shape": tensor.shape}
            to.write(json.dumps(about).encode() + b"\n")
            to.write(np.ascontiguousarray(tensor, "<f4").tobytes())
    to.write(b'{"end": true}\n')
    to.flush()
    os._exit(0)


def _tensors(file: Any) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    for layer in map(_text, file.attrs["layer_names"]):
        for weight in map(_text, file[layer].attrs["weight_names"]):
            variable = weight.rsplit("/", 1)[-1].split(":")[0]
            yield layer, variable, np.asarray(file[layer][weight], np.float32)


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


if __name__ == "__main__":
    main(sys.argv[1:])
