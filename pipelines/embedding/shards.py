"""Shards of embeddings, computed by workers."""

from __future__ import annotations

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

    def call(span: Span) -> tuple[Any, ...]:
        which = source.indices[span[0] : span[1]]
        return everything, which, source.dataset.digests[which], text, identity, settings, hosts

    found = cluster.in_order(shard, map(call, spans))
    for span, block in zip(spans, found, strict=True):
        if block is None:  # that worker does not read our files
            which = source.indices[span[0] : span[1]]
            pictures = [source.dataset.samples[int(i)] for i in which]
            sent = (pictures, np.arange(len(which)), None, text, identity, settings, hosts)
            block = cluster.result(cluster.submit(shard, *sent))
        yield block


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
) -> Vectors | None:
    """Return the vectors of some samples; None if they cannot be read here, or are others than meant.

    Raises
    ------
    ValueError
        If the extractor here is not the one that was asked for (other weights, another version).
    """
    with as_worker(hosts):
        extractor = _extractor(text)
        if extractor.spec.identity() != identity:
            raise ValueError(f"a worker has another {extractor.name} (its version or its weights differ)")
        try:
            pictures = [samples[int(i)] for i in which]
        except (OSError, ValueError):
            return None
        if digests is not None and [sample_digest(p) for p in pictures] != digests.tolist():
            return None
        preprocess = Preprocess(**settings)
        return extractor.transform(preprocess.apply(p, extractor.kind) for p in pictures)


@lru_cache(maxsize=2)
def _extractor(text: str) -> Extractor:
    (found,) = parse(text)
    return found
