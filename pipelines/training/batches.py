"""Batches for training: decoded, changed and stacked by a thread while the network computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.frame import backend_name
from featurize.backbones.network import Form
from featurize.clips.sampling import Sampling
from featurize.images import Preprocess, mirrored
from pipelines.datasets.base import Samples
from pipelines.training.augment import augment
from pipelines.utils.prefetch import prefetch

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]

#: Images are decoded once and kept if they take no more than this many bytes.
KEEP_BYTES = 2**30


@dataclass
class TrainingSamples:
    """Some samples in the form that a network takes: images, clips or motion maps.

    Attributes
    ----------
    samples : Samples
    indices : (n,) int
        Which of them.
    targets : (n, classes) float32
    form : Form
    preprocess : Preprocess
    sampling : {"tim", "uniform", "first"}
        How a clip is brought to the network's frames.
    ids : (m,) str, optional
        Names of all samples, for what cannot be brought to that form.
    """

    samples: Samples
    indices: NDArray[np.intp]
    targets: NDArray[np.float32]
    form: Form
    preprocess: Preprocess = field(default_factory=Preprocess)
    sampling: Sampling = "tim"
    ids: NDArray[np.str_] | None = None
    _kept: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.indices)

    def keep(self) -> None:
        """Decode everything now, if that fits into `KEEP_BYTES`."""
        if self._kept is None and len(self) * math.prod(self.form.shape) <= KEEP_BYTES:
            self._kept = np.stack([self._decoded(i) for i in range(len(self))]) if len(self) else None

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._kept[index] if self._kept is not None else self._decoded(index)

    def _decoded(self, index: int) -> NDArray[np.uint8]:
        which = int(self.indices[index])
        given = self.preprocess.apply(self.samples[which], self.form.kind)
        try:
            return self.form.prepared(given, self.sampling)
        except ValueError as error:
            name = f"sample {which}" if self.ids is None else self.ids[which]
            raise ValueError(f"{name}: {error}") from None

    def block(self, members: Sequence[int] | NDArray[np.intp]) -> NDArray[np.float32]:
        """Return (n, *form.shape) pixels of some samples, as the network takes them."""
        together = (
            self._kept[members] if self._kept is not None else np.stack([self[int(i)] for i in members])
        )
        return self.form.arranged(together).astype(np.float32)


@dataclass(frozen=True)
class Epochs:
    """The order and the changes of every epoch, from the seed alone: a resumed run sees the same batches.

    Attributes
    ----------
    samples : TrainingSamples
    batch : int
        Every batch is whole; an epoch leaves out a random remainder, for another batch size would be compiled
        anew.
    mirror : bool
        Add a mirrored copy of each sample: an epoch has twice as many.
    changes : sequence of str
        See `pipelines.training.augment.CHANGES`.
    seed : int
    label_smoothing : float
        Share of the targets that goes to all classes alike.
    mixup : float
        Each sample is mixed with another of its batch by a share from Beta(mixup, mixup); 0: not. See
        Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    drawn : bool
        Each target is one class, drawn anew each time by the shares that the targets give.
    balanced : bool
        Samples are drawn, with repetition, so that each class comes as often.
    """

    samples: TrainingSamples
    batch: int
    mirror: bool = False
    changes: Sequence[str] = ()
    seed: int = 0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    drawn: bool = False
    balanced: bool = False

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return max(1, len(self.samples) * (1 + self.mirror) // self.batch)

    def epoch(self, number: int, count: int = 1) -> Iterator[Batch]:
        """Yield the batches of `count` epochs from `number` on, made ahead of the one that asks."""
        return prefetch(batch for k in range(number, number + count) for batch in self._batches(k))

    def _batches(self, number: int) -> Iterator[Batch]:
        n = len(self.samples) * (1 + self.mirror)
        rng = np.random.default_rng([self.seed, number])
        order = rng.choice(n, n, p=self._chances()) if self.balanced else rng.permutation(n)
        size = min(self.batch, len(order))
        return (self._made(order[s * size : (s + 1) * size], number, s) for s in range(self.steps))

    def _made(self, members: NDArray[np.intp], number: int, step: int) -> Batch:
        p = self.samples
        targets = p.targets[members % len(p)]
        rng = np.random.default_rng([self.seed, number, step])
        if self.mirror or self.changes:
            made = [self._changed(int(member), rng) for member in members]
            block = p.form.arranged(np.stack(made)).astype(np.float32)
        else:
            block = p.block(members)
        targets = drawn_targets(targets, rng) if self.drawn else targets
        targets = targets + self.label_smoothing * (targets.mean(1, keepdims=True) - targets)
        return self._mixed(block, targets, rng) if self.mixup else (block, targets)

    def _chances(self) -> NDArray[np.float64]:
        """Return the chance of each sample, and of its mirrored copy, to be drawn."""
        labels = self.samples.targets.argmax(axis=1)
        counts = np.bincount(labels)
        chances = 1 / (np.count_nonzero(counts) * counts[labels])
        return np.tile(chances, 1 + self.mirror) / (1 + self.mirror)

    def _mixed(self, block: NDArray[np.float32], targets: NDArray[np.float32], rng: np.random.Generator
               ) -> Batch:  # fmt: skip
        """Mix each sample with another of the batch, by one share for all, as the paper's code does."""
        share, other = np.float32(rng.beta(self.mixup, self.mixup)), rng.permutation(len(block))
        return share * block + (1 - share) * block[other], share * targets + (1 - share) * targets[other]

    def _changed(self, member: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return a sample, the members from n on mirrored, with the epoch's changes."""
        n, kind = len(self.samples), self.samples.form.kind
        given = self.samples[member % n]
        given = mirrored(given, kind) if member >= n else given
        return augment(given, self.changes, rng, kind=kind) if self.changes else given


def drawn_targets(targets: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return targets of one class each, drawn by the shares of others; each row keeps its sum."""
    sums = targets.sum(axis=1)
    upto = np.cumsum(targets, axis=1)
    chosen = (upto < (rng.random(len(targets)) * sums)[:, None]).sum(axis=1)
    found = np.zeros_like(targets)
    found[np.arange(len(targets)), np.minimum(chosen, targets.shape[1] - 1)] = sums
    return found


def in_order(samples: TrainingSamples, batch: int) -> Iterator[Batch]:
    """Yield every image as it comes, once; the last batch may be shorter."""

    def made() -> Iterator[Batch]:
        for start in range(0, len(samples), batch):
            members = np.arange(start, min(start + batch, len(samples)))
            yield samples.block(members), samples.targets[members]

    return prefetch(made())


def prefetched(batches: Iterator[Batch], samples: TrainingSamples) -> Any:
    """Return batches as Keras's ``fit`` and ``evaluate`` take them without waiting at the end.

    TensorFlow wraps a generator in a data set that a thread tunes. That thread sleeps twice as long each time
    (10 ms, 20 ms, ... up to a minute), and who closes the data set may wait until it wakes: up to half of an
    epoch's time. There is nothing to tune in batches that are made ahead, so the tuner is turned off.

    Parameters
    ----------
    batches : iterator of Batch
    samples : TrainingSamples
        What they are of: says the shapes.
    """
    if backend_name() != "tensorflow":
        return batches
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    shapes = samples.form.shape, samples.targets.shape[1:]
    form = tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in shapes)
    return tf.data.Dataset.from_generator(lambda: batches, output_signature=form).with_options(options)
