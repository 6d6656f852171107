"""Training provenance: which samples of a data set decided the weights of a network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import TrainingProvenance, sample_marks
from featurize.base import Extractor
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import Indices, divided, split

#: FER2013's test split holds 568 exact copies of training faces, 8 %: copies alone are no proof that the
#: network was trained on the split. Above this share they are.
MOST_COPIES = 0.2


class Weighted(Protocol):
    """What has weights that say what they learned from: a network, or what a training begins with."""

    @property
    def seen(self) -> TrainingProvenance:
        """Marks of the samples that decided the weights."""

    @property
    def card(self) -> Mapping[str, Any]:
        """What the weight file says of itself."""


def networks_of(extractors: Sequence[Extractor]) -> list[NetworkExtractor]:
    """Return those extractors that are networks."""
    return [one for one in extractors if isinstance(one, NetworkExtractor)]


def learned_from(weights: Weighted, dataset: Dataset, indices: Indices) -> int:
    """Return how many of some samples weights learned from; 0 where they know nothing but a few copies.

    Samples by which a training chose its epoch, and did no more, do not count. They are told from the others
    where the training's own division of this set can be made again; where not, all that is known counts.
    """
    if not known_of(weights.seen, dataset, indices):
        return 0
    rest = np.setdiff1d(indices, _chose(weights.card, dataset))
    return known_of(weights.seen, dataset, rest, len(indices))


def known_of(seen: TrainingProvenance, dataset: Dataset, indices: Indices, of: int | None = None) -> int:
    """Return how many of some samples decided the weights; 0 where it is nothing but a few copies.

    Parameters
    ----------
    seen : TrainingProvenance
    dataset : Dataset
    indices : (n,) int
    of : int, optional
        Copies count above the share `MOST_COPIES` of so many samples; of these by default.
    """
    digests, ids = dataset.digests[indices].tolist(), dataset.ids[indices].tolist()
    same = int(np.isin(sample_marks(digests, ids), seen.samples).sum())
    copies = int(np.isin(sample_marks(digests), seen.contents).sum())
    return max(same, copies) if same or copies > MOST_COPIES * (of or len(indices)) else 0


def _chose(card: Mapping[str, Any], dataset: Dataset) -> Indices:
    """Return the samples of a set by which a training chose its epoch, and from which it did not learn.

    None where the training learned from them, too, where what it began with did, or where its division of
    the data cannot be made again: it was another set.
    """
    data, recipe = card.get("data", {}), card.get("recipe", {})
    none = np.empty(0, np.intp)
    if data.get("fit_on") != "train" or data.get("validation_learned_before"):
        return none
    try:
        whole = divided(dataset, recipe["test"], recipe["split_seed"])
        test = recipe["test"] if isinstance(recipe["test"], str) else "test"
        parts = split(whole, recipe["validation"], test, recipe["split_seed"])
    except (KeyError, ValueError):
        return none
    return parts.validation if trained_on(dataset, parts.train) == card.get("trained_on") else none


def trained_on(dataset: Dataset, indices: Indices) -> str:
    """Return the fingerprint of some samples of a set: as `Dataset.fingerprint`, of those alone."""
    lines = (f"{dataset.digests[i]} {dataset.classes[dataset.labels[i]]}\n" for i in indices)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
