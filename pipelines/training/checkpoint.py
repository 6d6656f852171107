"""Where a training stands, on disk: enough to go on after a kill as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.json_files import mapping_of
from featurize.npz_files import read_npz
from pipelines.utils.csv_files import write_csv


@dataclass
class State:
    """A training after some epochs.

    Attributes
    ----------
    identity : str
        Hash of what is trained, on what, and how; a folder goes on only with the same.
    batch : int
        Batch size in use: smaller than asked for if memory ran out.
    history : list of dict
        One record an epoch, or for each few of them.
    best : dict or None
        Record of the best epoch so far.
    """

    identity: str
    batch: int
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] | None = None

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return int(self.history[-1]["epoch"]) if self.history else 0


class Folder:
    """The files of one training: ``state.npz``, ``best.npz``, ``history.csv``, ``tensorboard/``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def save(self, state: State, variables: Sequence[NDArray[Any]]) -> None:
        """Write `state` with the values of every variable, the optimiser's too."""
        text = json.dumps(state.__dict__)
        arrays = {f"v{i}": v for i, v in enumerate(variables)}
        replace_npz(self.path / "state.npz", {"#state": np.frombuffer(text.encode(), np.uint8), **arrays})
        write_csv(self.path / "history.csv", state.history)

    def load(self) -> tuple[State, list[NDArray[Any]]] | None:
        """Return the state and the variables, or None if nothing was trained here yet.

        Raises
        ------
        ValueError
            If the file cannot be read.
        """
        path = self.path / "state.npz"
        try:
            found = read_npz(path)
            state = State(**mapping_of(found["#state"].tobytes()))
            return state, [found[f"v{i}"] for i in range(len(found) - 1)]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is damaged; remove it to train from the start") from None

    def forget_batch(self, batch: int) -> None:
        """Go on with another batch size."""
        if found := self.load():
            self.save(replace(found[0], batch=batch), found[1])

    def save_best(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Keep the weights of the best epoch so far."""
        replace_npz(self.path / "best.npz", tensors)

    def load_best(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights of the best epoch."""
        try:
            return read_npz(self.path / "best.npz")
        except (FileNotFoundError, ValueError):
            raise ValueError(
                f"{self.path / 'best.npz'} is damaged or gone; remove state.npz beside it to start anew"
            ) from None

    def clear(self) -> None:
        """Remove what only a training that goes on needs."""
        for name in ("state.npz", "best.npz", "average.npz"):
            (self.path / name).unlink(missing_ok=True)


def replace_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, whole or not at all."""
    with AtomicFile(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
