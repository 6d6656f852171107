"""The networks of MediaPipe that ship, run by OpenVINO: square RGB images in, raw outputs out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from featurize.engine import in_order, installed_openvino
from featurize.hashes import file_sha256
from featurize.images import Image

FOLDER = Path(__file__).with_name("mediapipe")
#: Side in pixels of what both networks take.
SIDE = 192
#: Forwards at once at most. Each takes one thread: two of them are as fast as one on two threads, and a batch
#: of four takes as long as four forwards.
STREAMS = min(8, os.cpu_count() or 1)

Name = Literal["face_detection_full_range", "face_landmark"]


class _File(NamedTuple):
    """A network's file, and how its pixels are scaled: (pixel - mean) / scale."""

    sha256: str
    mean: float
    scale: float


_FILES: dict[Name, _File] = {
    "face_detection_full_range": _File(
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3", 127.5, 127.5
    ),
    "face_landmark": _File("2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493", 0.0, 255.0),
}


class TFLite:
    """A compiled network, in f32: bf16 moves boxes by up to 1.1 pixels, and differs between machines.

    Threads may share it: each takes as many requests as it needs and gives them back.
    """

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._free: deque[Any] = deque()

    def __call__(self, images: Sequence[Image]) -> list[tuple[NDArray[np.float32], ...]]:
        """Return the outputs of each (192, 192, 3) RGB uint8 image, in their order; several at once."""
        with self._requests(min(len(images), STREAMS)) as requests:
            return [self._outputs(request) for request in in_order(requests, (i[None] for i in images))]

    def _outputs(self, request: Any) -> tuple[NDArray[np.float32], ...]:
        return tuple(
            np.array(request.get_output_tensor(k).data, np.float32)
            for k in range(len(self._compiled.outputs))
        )

    @contextmanager
    def _requests(self, count: int) -> Iterator[list[Any]]:
        taken = [self._request() for _ in range(count)]
        try:
            yield taken
        finally:
            self._free.extend(taken)

    def _request(self) -> Any:
        try:
            return self._free.pop()
        except IndexError:
            return self._compiled.create_infer_request()


@lru_cache(maxsize=2)
def sha256(name: Name) -> str:
    """Return the SHA-256 of a file that ships, hex; raises as `network`."""
    path = FOLDER / f"{name}.tflite"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; install mueca again, or take --detector dlib-hog")
    if (found := file_sha256(path)) != _FILES[name].sha256:
        raise ValueError(
            f"{path} is damaged: its SHA-256 is {found[:12]}..., not {_FILES[name].sha256[:12]}...; "
            "install mueca again"
        )
    return found


@lru_cache(maxsize=2)
def network(name: Name) -> TFLite:
    """Return a network that ships, compiled once a process.

    Parameters
    ----------
    name : {"face_detection_full_range", "face_landmark"}

    Raises
    ------
    FileNotFoundError, ValueError
        If its file is missing or damaged, or OpenVINO is not installed.
    """
    sha256(name)
    ov, core = installed_openvino()
    model = core.read_model(FOLDER / f"{name}.tflite")
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8)
    scaling = steps.input().preprocess().convert_element_type(ov.Type.f32)
    scaling.mean(_FILES[name].mean).scale(_FILES[name].scale)
    settings = {
        "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": STREAMS, "INFERENCE_NUM_THREADS": STREAMS
    }  # fmt: skip
    return TFLite(core.compile_model(steps.build(), "CPU", settings))
