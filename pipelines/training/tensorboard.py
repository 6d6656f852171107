"""Curves for TensorBoard, written without TensorFlow, so that every backend has them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from featurize.backbones.frame import quiet

Board = Callable[[Mapping[str, float]], None]


@contextmanager
def write_board(folder: Path) -> Iterator[Board]:
    """Yield a function that adds an epoch's record to ``folder/tensorboard``; nothing without the package."""
    if importlib.util.find_spec("tensorboard") is None:
        yield lambda _record: None
        return
    with quiet():  # tensorboard imports TensorFlow where it is installed, whatever the backend
        from tensorboard.summary import Writer

        writer: Any = Writer(str(folder / "tensorboard"))

    def add(record: Mapping[str, float]) -> None:
        for name, value in record.items():
            if name != "epoch":
                writer.add_scalar(name, value, int(record["epoch"]))
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
