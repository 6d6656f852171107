"""A network's own softmax in a nested protocol: the candidates are for how many epochs it is trained.

One training gives the answers of every candidate: it is asked at each of the epochs on its way. Answers are
kept on disk, one file a fold, so that a killed run goes on, and protocols that test the same folds share
them.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.candidates import Indices, Scores
from featurize.atomic import AtomicFile
from featurize.clips.maps import Maps, altered
from featurize.npz_files import read_npz
from featurize.store import key_of
from pipelines.datasets.base import Dataset
from pipelines.training.recipe import TrainRecipe
from pipelines.utils.progress import SILENT, Progress


class NetworkCandidates(ABC):
    """Numbers of epochs as candidates; a subclass trains.

    Parameters
    ----------
    epochs : sequence of int
        The candidates, at least 1 each.
    folder : Path, optional
        Where answers are kept; not at all by default.

    Raises
    ------
    ValueError
        If there is no candidate, or one below 1.
    """

    def __init__(self, epochs: Sequence[int], folder: Path | None = None) -> None:
        self.epochs, self.folder = sorted(set(epochs)), folder
        if not self.epochs or self.epochs[0] < 1:
            raise ValueError("epochs: give one number or several, each at least 1")
        self.candidates: list[dict[str, Any]] = [{"epochs": e} for e in self.epochs]

    def scores(self, train: Indices, test: Indices, cell: int | None = None) -> Scores:
        """See `classifiers.candidates.CandidateSet.scores`."""
        decides = {"train": train.tolist(), "test": test.tolist(), "epochs": self.epochs} | self.identity()
        key = key_of(decides)[:24]
        found = self._kept(key)
        if found is None:
            found = self.answers(train, test, key)
            self._keep(key, found)
        return found if cell is None else found[[cell]]

    def held_out(self, train: Indices, folds: Sequence[Indices]) -> list[Scores]:
        """See `classifiers.candidates.CandidateSet.held_out`."""
        return [self.scores(np.setdiff1d(train, fold), fold) for fold in folds]

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what decides the answers, but for the fold and the epochs."""

    @abstractmethod
    def answers(self, train: Indices, test: Indices, key: str) -> Scores:
        """Train on `train`; return predictions of `test` at each candidate, (candidates, n_test, classes)."""

    def _kept(self, key: str) -> Scores | None:
        """Return an answer from disk; None if there is none, or it cannot be read."""
        if self.folder is None:
            return None
        try:
            return read_npz(self.folder / f"{key}.npz", ["scores"])["scores"]
        except (OSError, ValueError):
            return None

    def _keep(self, key: str, scores: Scores) -> None:
        if self.folder is None:
            return
        with AtomicFile(self.folder / f"{key}.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, scores=scores)


class STSTNetCandidates(NetworkCandidates):
    """STSTNet by the loops of `pipelines.training.ststnet_numba`.

    Parameters
    ----------
    maps : (n, 28, 28, 3) uint8
    y : (n,) int
    epochs, folder
        See `NetworkCandidates`.
    learning_rate, batch, seed
        The authors' program has 5e-5 and 256.
    mirror : bool
        Train on mirrored maps too (horizontal flow negated), and take the mean of both answers at the test.
    """

    def __init__(
        self,
        maps: Maps,
        y: NDArray[np.int64],
        epochs: Sequence[int],
        folder: Path | None = None,
        *,
        learning_rate: float = 5e-5,
        batch: int = 256,
        mirror: bool = False,
        seed: int = 0,
    ) -> None:
        from pipelines.training.ststnet_numba import planes

        super().__init__(epochs, folder)
        self.mirror, self._n = mirror, len(maps)
        both = np.concatenate([maps, altered(maps, mirror=True)]) if mirror else maps
        self._seen, self._y = planes(both), np.tile(np.asarray(y, np.int64), 1 + mirror)
        self._how: dict[str, Any] = {"learning_rate": learning_rate, "batch": batch, "seed": seed,
                                     "classes": int(np.max(y)) + 1}  # fmt: skip
        self._data = key_of({"maps": both.tobytes().hex(), "y": self._y.tolist()})

    def identity(self) -> dict[str, Any]:
        """See `NetworkCandidates.identity`."""
        return {"network": "ststnet", "data": self._data, "mirror": self.mirror, **self._how}

    def answers(self, train: Indices, test: Indices, key: str) -> Scores:
        """See `NetworkCandidates.answers`."""
        from pipelines.training.ststnet_numba import train as trained

        copies = range(1 + self.mirror)
        members, asked = (np.concatenate([rows + c * self._n for c in copies]) for rows in (train, test))
        found = trained(self._seen, self._y, members, asked, self.epochs, **self._how)
        return np.asarray(found.reshape(len(self.epochs), len(copies), len(test), -1).mean(axis=1))


class KerasCandidates(NetworkCandidates):
    """Any registered network, trained by `pipelines.training` on each fold's training samples.

    Parameters
    ----------
    dataset : Dataset
    plan : TrainRecipe
        Its `epochs` and `every` are replaced; `fit_on`, `validation`, `test` and `patience` do not apply.
    epochs, folder
        See `NetworkCandidates`. A training that was stopped goes on from `folder`.
    progress : Progress

    Raises
    ------
    ValueError
        If the network takes another kind of samples, or its rate follows a cosine, which ends at the last
        epoch and leaves the others half-way.
    """

    def __init__(
        self,
        dataset: Dataset,
        plan: TrainRecipe,
        epochs: Sequence[int],
        folder: Path | None = None,
        progress: Progress = SILENT,
    ) -> None:
        from pipelines.training.recipe import network_of

        super().__init__(epochs, folder)
        self.dataset, self.progress = dataset, progress
        changed = {
            "epochs": self.epochs[-1],
            "validate_every": math.gcd(*self.epochs),
            "fit_on": "train+validation",
        }
        self.plan = plan.model_copy(update=changed).resolved()
        kind = network_of(plan.backbone).kind
        if dataset.kind != kind:
            raise ValueError(f"{plan.backbone} takes {kind}s; {dataset.name} holds {dataset.kind}s")
        if self.plan.schedule == "cosine" and len(self.epochs) > 1:
            raise ValueError(
                "a cosine ends at the last epoch; give one number of epochs, or another schedule"
            )

    def identity(self) -> dict[str, Any]:
        """See `NetworkCandidates.identity`."""
        from pipelines.training.recipe import network_of

        return {
            "plan": self.plan.deciding() | {"batch": self.plan.batch_size},
            "network": network_of(self.plan.backbone).version,
            "data": self.dataset.fingerprint,
            **weights_before(self.plan, len(self.dataset.classes)),
        }

    def answers(self, train: Indices, test: Indices, key: str) -> Scores:
        """See `NetworkCandidates.answers`."""
        from featurize.backbones.frame import keras
        from pipelines.datasets.splits import Split
        from pipelines.training.train import run_job
        from pipelines.training.training_run import TrainingRun

        with tempfile.TemporaryDirectory() as elsewhere:
            out = (self.folder or Path(elsewhere)) / key
            job = TrainingRun(self.dataset, self.plan, out, Split(train, train[:0], test, ""))
            run_job(job, self.progress, ask=True)
            shape = len(test), len(self.dataset.classes)
            found = np.stack([_answer(job.answer(e), *shape) for e in self.epochs])
            shutil.rmtree(out, ignore_errors=True)
        keras().utils.clear_session()  # the next fold's network is a new one
        return found.astype(np.float64)


def weights_before(plan: TrainRecipe, classes: int) -> dict[str, Any]:
    """Return the marks of the weights that a training starts from and of its teachers'; empty without any."""
    from pipelines.training.distillation import teachers
    from pipelines.training.initial_weights import start
    from pipelines.training.recipe import network_of
    from pipelines.training.training_run import learned_before

    first = start(network_of(plan.backbone), plan.init_weights, classes) if plan.init_weights else None
    return learned_before(first, teachers(plan.teacher) if plan.teacher else ())


def _answer(path: Path, n: int, classes: int) -> NDArray[np.float32]:
    """Return what a network said; no class is likelier than another once its weights are no numbers."""
    try:
        return np.asarray(np.load(path, allow_pickle=False), np.float32)
    except FileNotFoundError:
        return np.full((n, classes), 1 / classes, np.float32)
