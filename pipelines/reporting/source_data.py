"""The images and vectors behind a result, where they can still be had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featurize.store import Store
from pipelines.datasets import registry
from pipelines.datasets.base import Dataset
from pipelines.results.load import Cell, Results


@dataclass(frozen=True)
class Source:
    """The data set that a result was made from.

    Attributes
    ----------
    dataset : Dataset
    rows : (n,) int
        Where each test sample, in the order of the predictions, stands in the data set.
    """

    dataset: Dataset
    rows: NDArray[np.intp]


def open_source(results: Results, data: str | None = None, store: Store | None = None) -> Source:
    """Load the data set of a result again.

    Parameters
    ----------
    results : Results
    data : str, optional
        Name or folder of the set; by default what the recipe says.
    store : Store, optional

    Raises
    ------
    ValueError, OSError
        If it is not there, or is not the one the result was made from.
    """
    recipe = results.about.get("recipe", {}).get("data", {})
    name = data or recipe.get("name") or results.dataset
    options = {} if data else dict(recipe.get("options", {}))
    dataset = registry.load(name, cache=(Store.of(store)).root, **options)
    if dataset.fingerprint != results.chosen.test.fingerprint:
        raise ValueError(f"{name} is not the data these results were made from; name it with --data")
    kept = next((c.predictions for c in results.cells if c.predictions is not None), None)
    if kept is None:
        raise ValueError(f"{results.folder} holds no predictions")
    where = {str(name): i for i, name in enumerate(dataset.ids.tolist())}
    return Source(dataset, np.array([where[str(i)] for i in kept.ids.tolist()], dtype=np.intp))


def vectors_of_test(cell: Cell, source: Source, store: Store | None = None) -> NDArray[np.float32]:
    """Return the (n, d) vectors of the test samples from the cache, extracting nothing.

    Raises
    ------
    ValueError
        If a part of them is not in the cache, or the answers are not those of a head on vectors.
    """
    if not cell.test.embedding_key:
        raise ValueError(f"{cell.title} is an ensemble and has no vectors of its own")
    if cell.test.head == "network-softmax":
        raise ValueError(f"{cell.title} is a network by itself, of which scores are kept and no vectors")
    store, parts = Store.of(store), []
    for key in dict.fromkeys(cell.test.embedding_key.split("+")):
        entry = store.open(key)
        if entry is None:
            raise ValueError(f"the vectors of {cell.test.extractor} are not in the cache any more")
        if len(entry.X) == len(source.dataset):  # mirrored copies are of training samples only
            parts.append(np.asarray(entry.X[source.rows], np.float32))
    return np.hstack(parts)
