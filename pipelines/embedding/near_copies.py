"""Near copies across splits: test faces that are the same photo as a training face, or the next one.

Exact copies are found by pixels (`pipelines.datasets.audit.clean_test`). The same photo, cropped or lit
otherwise, is found here by the cosine of Fisher vectors. Of forty pairs of FER2013 looked at with .4 to .8,
those from .5 on were the same photo, or one taken beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.atomic import AtomicFile
from featurize.npz_files import read_npz
from featurize.store import Store, key_of
from pipelines.datasets.audit import Audit, Count, Finding
from pipelines.datasets.base import Dataset, order_digest
from pipelines.embedding.embed import embed
from pipelines.utils.progress import SILENT, Progress

#: What is compared; its last number says whether a face was found.
EXTRACTOR = "fisher"
#: Cosine from which a test face has a near copy.
LIMIT = 0.5
_BLOCK = 4096


@dataclass(frozen=True)
class NearCopies:
    """The training face that is most like each test face.

    Attributes
    ----------
    test : (n,) int
        Indices of the test samples.
    nearest : (n,) int
        Index of the sample outside the test that is most like each.
    likeness : (n,) float32
        The cosine of the two.
    """

    test: NDArray[np.intp]
    nearest: NDArray[np.intp]
    likeness: NDArray[np.float32]

    def distinct(self, n: int, limit: float = LIMIT) -> NDArray[np.bool_]:
        """Return which of `n` samples form the split ``test-distinct``: test samples below the limit."""
        found = np.zeros(n, bool)
        found[self.test[self.likeness < limit]] = True
        return found


def test_samples(dataset: Dataset) -> NDArray[np.intp]:
    """Return the samples of all splits that test."""
    names = sorted({part for parts in dataset.test_splits.values() for part in parts})
    return np.flatnonzero(np.isin(dataset.split, names))


def largest_cosines(
    asked: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the largest cosine of each vector to a set of others, and whose it is.

    Parameters
    ----------
    asked, known : (n, d), (m, d) float32

    Returns
    -------
    largest : (n,) float32
        0 for a vector of zeros.
    nearest : (n,) int
        Index into `known`.
    """
    asked = _unit(asked)
    largest, nearest = np.full(len(asked), -1, np.float32), np.zeros(len(asked), np.intp)
    rows = np.arange(len(asked))
    for start in range(0, len(known), _BLOCK):
        cosines = asked @ _unit(known[start : start + _BLOCK]).T
        best = cosines.argmax(axis=1)
        better = cosines[rows, best] > largest
        largest[better], nearest[better] = cosines[rows, best][better], start + best[better]
    return largest, nearest


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def near_copies(
    dataset: Dataset, *, store: Store | None = None, n_jobs: int | None = None, progress: Progress = SILENT
) -> NearCopies:
    """Find the face outside the test that is most like each test face, and keep it in the cache.

    Parameters
    ----------
    dataset : Dataset
        Of images.
    store : Store, optional
        The cache, of vectors too; the user's by default.
    n_jobs, progress
        See `pipelines.embedding.embed.embed`. FER2013's vectors take half an hour on two cores; comparing
        them takes a minute.

    Returns
    -------
    NearCopies

    Raises
    ------
    ValueError
        If the set is not of images, or has no test split.
    """
    store = Store.of(store)
    test = test_samples(dataset)
    others = np.setdiff1d(np.arange(len(dataset)), test)
    if dataset.kind != "image" or not test.size or not others.size:
        raise ValueError(
            f"{dataset.name}: near copies are looked for between images of test and of other splits"
        )
    X = embed(dataset, EXTRACTOR, store=store, n_jobs=n_jobs, progress=progress).X[:, :-1]
    likeness, nearest = largest_cosines(X[test], X[others])
    found = NearCopies(test, others[nearest], likeness)
    with AtomicFile(_file(dataset, store.root)) as temporary, temporary.open("wb") as file:
        np.savez(file, test=found.test, nearest=found.nearest, likeness=found.likeness)
    return found


def known_near_copies(dataset: Dataset, store: Store | None = None) -> NearCopies | None:
    """Return what `near_copies` has found of this set, None if it was not asked or cannot be read."""
    try:
        kept = read_npz(_file(dataset, Store.of(store).root), ("test", "nearest", "likeness"))
    except (OSError, ValueError):
        return None
    test, nearest, likeness = (kept[name] for name in ("test", "nearest", "likeness"))
    fits = test.shape == nearest.shape == likeness.shape and test.ndim == 1 and likeness.dtype.kind == "f"
    inside = fits and all(_are_samples(array, len(dataset)) for array in (test, nearest))
    return NearCopies(test, nearest, likeness) if inside else None


def _are_samples(array: NDArray[Any], n: int) -> bool:
    return array.dtype.kind in "iu" and (not array.size or 0 <= int(array.min()) <= int(array.max()) < n)


def _file(dataset: Dataset, root: Path) -> Path:
    key = key_of(
        {
            "dataset": dataset.fingerprint,
            "order": order_digest(dataset.ids.tolist()),
            "test": order_digest(dataset.ids[test_samples(dataset)].tolist()),
            "extractor": EXTRACTOR,
        }
    )
    return root / "near-copies" / f"{key}.npz"


def audited(audit: Audit, dataset: Dataset, found: NearCopies, limit: float = LIMIT) -> Audit:
    """Return an audit with near copies across splits, and the size of ``test-distinct``."""
    near = np.flatnonzero(found.likeness >= limit)
    findings = [
        _finding(dataset, int(found.test[i]), int(found.nearest[i]), float(found.likeness[i])) for i in near
    ]
    other = sum(finding.label != finding.other_label for finding in findings)
    counts = (
        Count("near-copies", f"test samples with a near copy (cosine >= {limit:g})", len(near), other),
        Count("test-distinct", "samples in test-distinct", len(found.test) - len(near)),
    )
    return replace(audit, counts=(*audit.counts, *counts), findings=(*audit.findings, *findings))


def _finding(dataset: Dataset, test: int, other: int, likeness: float) -> Finding:
    def who(i: int) -> tuple[str, str, str]:
        return str(dataset.ids[i]), str(dataset.split[i]), dataset.classes[dataset.labels[i]]

    return Finding("near-copy", *who(test), *who(other), note=f"cosine {likeness:.3f}")
