"""Batches for training: decoded, changed and stacked by a thread while the network computes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from featurize.images import Preprocess, fit_to
from pipelines.datasets.base import Samples
from pipelines.training.augment import augment

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]

#: Pictures are decoded once and kept if they take no more than this many bytes.
KEEP_BYTES = 2**30
#: Batches made ahead of the network.
AHEAD = 4


@dataclass
class Pictures:
    """Some samples at a network's size, in its channels.

    Attributes
    ----------
    samples : Samples
    indices : (n,) int
        Which of them.
    targets : (n, classes) float32
    size : int
    channels : {1, 3}
    preprocess : Preprocess
    """

    samples: Samples
    indices: NDArray[np.intp]
    targets: NDArray[np.float32]
    size: int
    channels: Literal[1, 3]
    preprocess: Preprocess = field(default_factory=Preprocess)
    _kept: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.indices)

    def keep(self) -> None:
        """Decode everything now, if that fits into `KEEP_BYTES`."""
        if self._kept is None and len(self) * self.size**2 * self.channels <= KEEP_BYTES:
            self._kept = np.stack([self._decoded(i) for i in range(len(self))]) if len(self) else None

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._kept[index] if self._kept is not None else self._decoded(index)

    def _decoded(self, index: int) -> NDArray[np.uint8]:
        picture = self.preprocess.apply(self.samples[int(self.indices[index])])
        return fit_to(picture, self.size, self.channels)


@dataclass(frozen=True)
class Epochs:
    """The order and the changes of every epoch, from the seed alone: a resumed run sees the same batches.

    Attributes
    ----------
    pictures : Pictures
    batch : int
        Every batch is whole; an epoch leaves out a random remainder, for another batch size would be compiled
        anew.
    mirror : bool
        Add a mirrored copy of each sample: an epoch has twice as many.
    changes : sequence of str
        See `pipelines.training.augment.CHANGES`.
    seed : int
    """

    pictures: Pictures
    batch: int
    mirror: bool = False
    changes: Sequence[str] = ()
    seed: int = 0

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.pictures) * (1 + self.mirror) // self.batch)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of one epoch, made ahead of the one that asks."""
        n = len(self.pictures)
        order = np.random.default_rng([self.seed, number]).permutation(n * (1 + self.mirror))
        size = min(self.batch, len(order))
        made = (self._made(order[s * size : (s + 1) * size], number, s) for s in range(self.steps))
        return ahead(made)

    def _made(self, members: NDArray[np.intp], number: int, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, number, step])
        n, p = len(self.pictures), self.pictures
        x = np.empty((len(members), p.size, p.size, p.channels), np.float32)
        for i, member in enumerate(members):
            picture = p[int(member % n)]
            picture = picture[:, ::-1] if member >= n else picture
            picture = augment(picture, self.changes, rng) if self.changes else picture
            x[i] = picture.reshape(p.size, p.size, p.channels)
        return x, p.targets[members % n]


def in_order(pictures: Pictures, batch: int) -> Iterator[Batch]:
    """Yield every picture as it comes, once; the last batch may be shorter."""

    def made() -> Iterator[Batch]:
        for start in range(0, len(pictures), batch):
            stop = min(start + batch, len(pictures))
            block = np.stack([pictures[i] for i in range(start, stop)]).astype(np.float32)
            yield (
                block.reshape(-1, pictures.size, pictures.size, pictures.channels),
                pictures.targets[start:stop],
            )

    return ahead(made())


def ahead(source: Iterator[Any], depth: int = AHEAD) -> Iterator[Any]:
    """Yield what `source` yields, made by a thread up to `depth` items ahead; its errors are raised here."""
    items: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    stop = threading.Event()

    def put(item: tuple[str, Any]) -> bool:
        while not stop.is_set():
            try:
                items.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in source:
                if not put(("item", item)):
                    return
            put(("end", None))
        except Exception as error:
            put(("error", error))

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            kind, value = items.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stop.set()
