"""Cached vectors on their principal components, learned from the training split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers import Rows
from classifiers.projection import Projection
from featurize.shards import Span
from featurize.store import Store
from pipelines.datasets.base import Dataset, order_digest
from pipelines.embedding.embed import Embedding
from pipelines.utils.progress import SILENT, Progress

#: Raised whenever the same vectors would get other components.
VERSION = 1


def reduce(
    dataset: Dataset, found: Embedding, components: int, store: Store, progress: Progress = SILENT
) -> Embedding:
    """Return the vectors of a data set on the principal components of those of its split "train", cached.

    Parameters
    ----------
    dataset : Dataset
    found : Embedding
        Of the whole data set.
    components : int
    store : Store
    progress : Progress

    Raises
    ------
    ValueError
        If there is no training split, or it has fewer vectors than components.
    """
    train = dataset.where("train")
    if not len(train):
        raise ValueError(f"pca learns from the split 'train', and {dataset.name} has no sample in it")
    fields = {
        "pca": {"components": components, "version": VERSION, "of": list(found.keys)},
        "learned_on": order_digest(dataset.ids[train].tolist()),
        "extractor": {"name": f"{found.spec} on {components} components"},
        "dataset": dataset.fingerprint,
    }  # fmt: skip
    if store.storage != "float32":
        fields["storage"] = store.storage
    X = found.X if isinstance(found.X, Rows) else Rows(found.X)

    def compute(spans: Sequence[Span]) -> Iterator[NDArray[np.float32]]:
        with progress.task(f"{components} principal components of {dataset.name}"):
            learned = Projection(components).fit(X.take(train))
            found.check_unchanged()
            yield from (learned.transform(X[a:b]) for a, b in spans)

    entry = store.get(fields, len(X), components, compute)
    known: dict[str, Any] = {"keys": (entry.key,), "reused": entry.reused, "fallbacks": {}, "files": ()}
    return replace(found, X=entry.X, seconds=found.seconds + entry.manifest["seconds"], **known)
