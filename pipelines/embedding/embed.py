"""From a data set to cached vectors: extract once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from classifiers import Rows
from featurize.base import Extractor
from featurize.hashes import file_sha256
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.shards import Span
from featurize.store import Entry, Store, key_of
from pipelines.datasets.base import Dataset, Samples, order_digest
from pipelines.utils.progress import SILENT, Progress
from pipelines.utils.provenance import library_versions

if TYPE_CHECKING:
    from pipelines.utils.cluster import Cluster


#: Vectors of more bytes are not copied together.
JOINED_BYTES = 500_000_000


@dataclass(frozen=True)
class Embedding:
    """The vectors of some samples of a data set.

    Attributes
    ----------
    X : (n, d) float32
        The parts of a joined extractor side by side: memory-mapped where it is one; of larger ones
        `classifiers.Rows`, which read them when asked.
    extractors : tuple of Extractor
    keys : tuple of str
        The cache key of each part.
    seconds : float
        What computing it took, whenever that was.
    reused : bool
        True if all of it came from the cache.
    fallbacks : dict
        Vectors of each part that are its stated fallback.
    files : tuple of (path, SHA-256)
        What is read while it is used.
    """

    X: Any
    extractors: tuple[Extractor, ...]
    keys: tuple[str, ...]
    seconds: float
    reused: bool
    fallbacks: dict[str, int]
    files: tuple[tuple[str, str], ...] = ()

    @property
    def spec(self) -> str:
        """The expression that `featurize.parse` reads, with every parameter written out."""
        return "+".join(e.spec.as_text() for e in self.extractors)

    def check_unchanged(self) -> None:
        """Raise a `ValueError` if a file of vectors is another than when it was opened."""
        for path, checksum in self.files:
            try:
                changed = file_sha256(Path(path)) != checksum
            except OSError:
                changed = True
            if changed:
                raise ValueError(
                    f"{path} changed while vectors were read from it (its checksum differs); what was "
                    "fitted on it is not kept: run again"
                )

    @property
    def warnings(self) -> list[str]:
        """A warning for each part that some samples have the stated fallback of."""
        of = f"of {len(self.X):,} samples have its stated fallback"
        return [f"{name}: {count:,} {of}" for name, count in self.fallbacks.items()]


def embed(
    dataset: Dataset,
    expression: str,
    *,
    preprocess: Preprocess | None = None,
    indices: NDArray[np.intp] | None = None,
    store: Store | None = None,
    n_jobs: int | None = None,
    progress: Progress = SILENT,
    cluster: Cluster | None = None,
) -> Embedding:
    """Return the vectors of `dataset` under `expression`, from the cache where they are.

    Those of some samples are also taken from an entry of all samples.

    Parameters
    ----------
    dataset : Dataset
    expression : str
        Extractors joined with ``+``, such as ``hog(cell=6)+lbp``; each part is cached by itself.
    preprocess : Preprocess, optional
        What is done to an image first; nothing by default.
    indices : (m,) int, optional
        Which samples; all by default.
    store : Store, optional
        The cache; the user's by default.
    n_jobs : int, optional
        Workers; all cores by default.
    progress : Progress
    cluster : Cluster, optional
        Compute there (`pipelines.utils.cluster.connect`); the cache stays here.

    Returns
    -------
    Embedding

    Raises
    ------
    ValueError
        If the expression cannot be read or an extractor is for another kind of data.
    featurize.store.CacheError
        If the cache cannot be written.
    """
    store = Store.of(store)
    parts, source = _parts(dataset, expression, preprocess, indices, store.storage)
    entries = [_embed_part(part, source, store, n_jobs, progress, cluster) for part in parts]
    return _joined(parts, entries)


def embedding_keys(
    dataset: Dataset,
    expression: str,
    preprocess: Preprocess | None = None,
    indices: NDArray[np.intp] | None = None,
    storage: str = "float32",
) -> tuple[str, ...]:
    """Return the cache keys that `embed` would use with a store of that storage, computing nothing."""
    parts, source = _parts(dataset, expression, preprocess, indices, storage)
    return tuple(key_of(source.key_fields(part)) for part in parts)


def _parts(
    dataset: Dataset,
    expression: str,
    preprocess: Preprocess | None,
    indices: NDArray[np.intp] | None,
    storage: str = "float32",
) -> tuple[tuple[Extractor, ...], Source]:
    parts = tuple(parse(expression))
    for part in parts:
        if part.kind != dataset.kind:
            raise ValueError(
                f"extractor {part.name!r} takes {part.kind}s; {dataset.name} holds {dataset.kind}s"
            )
    which = np.arange(len(dataset)) if indices is None else np.asarray(indices)
    return parts, Source(dataset, which, preprocess or Preprocess(), storage)


def _joined(extractors: tuple[Extractor, ...], entries: Sequence[Entry]) -> Embedding:
    X = side_by_side([e.X for e in entries])
    counted = {part.name: part.fallbacks(e.X) for part, e in zip(extractors, entries, strict=True)}
    return Embedding(
        X=X,
        extractors=extractors,
        keys=tuple(e.key for e in entries),
        seconds=sum(e.manifest["seconds"] for e in entries),
        reused=all(e.reused for e in entries),
        fallbacks={name: count for name, count in counted.items() if count},
        files=tuple(
            (str(e.X.filename), e.manifest["sha256"])
            for e in entries
            if isinstance(e.X, np.memmap) and "sha256" in e.manifest
        ),
    )


def side_by_side(parts: Sequence[NDArray[np.float32]]) -> Any:
    """Return parts joined: one as it is, several in memory, or unread where that would take much of it."""
    if len(parts) == 1:
        return parts[0]
    return Rows(*parts) if sum(part.nbytes for part in parts) > JOINED_BYTES else np.hstack(parts)


@dataclass(frozen=True)
class Source:
    """The preprocessed images of some samples; goes to other processes."""

    dataset: Dataset
    indices: NDArray[np.intp]
    preprocess: Preprocess
    storage: str = "float32"

    def key_fields(self, extractor: Extractor) -> dict[str, Any]:
        """Return what decides the vectors."""
        rounded = {} if self.storage == "float32" else {"storage": self.storage}
        return rounded | {
            "dataset": self.dataset.fingerprint,
            "order": order_digest(self.dataset.ids[self.indices].tolist()),
            "extractor": extractor.spec.identity(),
            "preprocess": self.preprocess.identity(),
        }


def _embed_part(
    extractor: Extractor,
    source: Source,
    store: Store,
    n_jobs: int | None,
    progress: Progress,
    cluster: Cluster | None,
) -> Entry:
    label = f"{extractor.name} of {source.dataset.name}" + (" (mirrored)" if source.preprocess.mirror else "")

    def compute(spans: Sequence[Span]) -> Iterator[NDArray[np.float32]]:
        with progress.task(label, sum(b - a for a, b in spans)) as advance:
            for block in _blocks(extractor, source, spans, n_jobs, cluster):
                yield block
                advance(len(block))

    fields, n = source.key_fields(extractor), len(source.indices)
    # An entry of their own first: its checksum takes less reading than that of all samples.
    known = store.open(key_of(fields)) or _of_all(extractor, source, store)
    return known or store.get(fields, n, extractor.dim, compute, library_versions())


def _of_all(extractor: Extractor, source: Source, store: Store) -> Entry | None:
    """Return the samples' rows of the entry of the whole data set, if some are asked for and it is there."""
    everything = np.arange(len(source.dataset))
    if np.array_equal(source.indices, everything):
        return None
    entry = store.open(key_of(replace(source, indices=everything).key_fields(extractor)))
    if entry is None:
        return None
    seconds = entry.manifest["seconds"] * len(source.indices) / len(everything)
    key, manifest = key_of(source.key_fields(extractor)), {**entry.manifest, "seconds": seconds}
    some = 4 * len(source.indices) * entry.X.shape[1] > JOINED_BYTES
    X: Any = Rows(entry.X, index=source.indices) if some else entry.X[source.indices]
    return replace(entry, key=key, X=X, manifest=manifest)


def _blocks(
    extractor: Extractor,
    source: Source,
    spans: Sequence[Span],
    n_jobs: int | None,
    cluster: Cluster | None,
) -> Iterator[NDArray[np.float32]]:
    """Yield the vectors of each span, in order, computed by several workers where that helps."""
    if cluster is not None:
        from pipelines.embedding.shards import embed_on

        return embed_on(cluster, extractor, source, spans)
    samples, indices, preprocess = source.dataset.samples, source.indices, source.preprocess
    kind = source.dataset.kind
    tasks = ((extractor, samples, preprocess, indices[a:b], kind) for a, b in spans)
    jobs = min(n_jobs or os.cpu_count() or 1, len(spans))
    if jobs <= 1 or extractor.parallel == "none":
        return (_vectors(*task) for task in tasks)
    from joblib import Parallel, delayed

    backend = "threading" if extractor.parallel == "threads" else "loky"
    parallel = Parallel(n_jobs=jobs, backend=backend, return_as="generator")
    return iter(parallel(delayed(_vectors)(*task) for task in tasks))


def _vectors(
    extractor: Extractor,
    samples: Samples,
    preprocess: Preprocess,
    indices: NDArray[np.intp],
    kind: Literal["image", "clip", "flow"],
) -> NDArray[np.float32]:
    return extractor.transform(preprocess.apply(samples[int(i)], kind) for i in indices)
