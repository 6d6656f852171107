"""Shards of embeddings, computed by workers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.base import Extractor
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.shards import Span
from pipelines.datasets.base import Samples, sample_digest
from pipelines.utils.cluster import Cluster, as_worker

Vectors = NDArray[np.float32]


# Shards -------------------------------------------------------------------------------------------------
def embed_on(cluster: Cluster, extractor: Extractor, source: Any, spans: Sequence[Span]) -> Iterator[Vectors]:
    """Yield the vectors of each span, in order, computed by workers.

    Parameters
    ----------
    cluster : Cluster
    extractor : Extractor
    source : pipelines.extract.Source
        The images and what is done to them.
    spans : sequence of (start, stop)
    """
    text, identity = extractor.spec.as_text(), extractor.spec.identity()
    hosts, settings = cluster.on_each_host(), source.preprocess.model_dump()
    everything = cluster.submit(_same, source.dataset.samples)  # recomputed if its worker dies
    tasks = TaskSizes(spans, 4 * extractor.dim)

    def calls() -> Iterator[tuple[Any, ...]]:
        for group in tasks:
            which = np.concatenate([source.indices[a:b] for a, b in group])
            yield everything, which, source.dataset.digests[which], text, identity, settings, hosts

    for block, seconds in cluster.in_order(shard, calls()):
        group = tasks.sent.popleft()
        if block is None:  # that worker does not read our files
            which = np.concatenate([source.indices[a:b] for a, b in group])
            pictures = [source.dataset.samples[int(i)] for i in which]
            sent = (pictures, np.arange(len(which)), None, text, identity, settings, hosts)
            block, seconds = cluster.result(cluster.submit(shard, *sent))
        tasks.took(group, seconds)
        yield from np.split(block, np.cumsum([b - a for a, b in group])[:-1])


class TaskSizes:
    """Shards in groups, one a task: few of a slow extractor, more of a fast one.

    A task of a few milliseconds costs the scheduler as much as it computes. The first have one shard each;
    what they took decides how many the next have.

    Parameters
    ----------
    spans : sequence of (start, stop)
    bytes_a_row : int
        Of a vector, so that what a task returns stays small.
    """

    #: Seconds that a task should take, the bytes that it may return, and the shards that it may have.
    SECONDS, BYTES, MOST = 2.0, 32_000_000, 64

    def __init__(self, spans: Sequence[Span], bytes_a_row: int) -> None:
        self._spans, self._bytes, self.size = deque(spans), bytes_a_row, 1
        self.sent: deque[list[Span]] = deque()

    def __iter__(self) -> Iterator[list[Span]]:
        while self._spans:
            group = [self._spans.popleft() for _ in range(min(self.size, len(self._spans)))]
            self.sent.append(group)
            yield group

    def took(self, group: Sequence[Span], seconds: float) -> None:
        """Learn from a task that has ended."""
        rows = max(1, max(b - a for a, b in group))
        by_time = self.SECONDS * len(group) / max(seconds, 1e-6)
        by_bytes = self.BYTES / (rows * self._bytes)
        self.size = int(max(1, min(by_time, by_bytes, self.MOST)))


def _same(value: Any) -> Any:
    return value


def shard(
    samples: Samples,
    which: NDArray[np.intp],
    digests: NDArray[np.str_] | None,
    text: str,
    identity: dict[str, Any],
    settings: dict[str, Any],
    hosts: dict[str, int],
) -> tuple[Vectors | None, float]:
    """Return the vectors of some samples, and the seconds they took.

    None in place of vectors if the samples cannot be read here, or are others than meant.

    Raises
    ------
    ValueError
        If the extractor here is not the one that was asked for (other weights, another version).
    """
    started = time.perf_counter()
    with as_worker(hosts):
        extractor = _extractor(text)
        if extractor.spec.identity() != identity:
            raise ValueError(f"a worker has another {extractor.name} (its version or its weights differ)")
        try:
            pictures = [samples[int(i)] for i in which]
        except (OSError, ValueError):
            return None, 0.0
        if digests is not None and [sample_digest(p) for p in pictures] != digests.tolist():
            return None, 0.0
        preprocess = Preprocess(**settings)
        X = extractor.transform(preprocess.apply(p, extractor.kind) for p in pictures)
    return X, time.perf_counter() - started


@lru_cache(maxsize=2)
def _extractor(text: str) -> Extractor:
    (found,) = parse(text)
    return found
