"""What a comparison must know of networks: their own answer, and what they have seen."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import Seen, WeightsError, sample_marks
from featurize.base import Extractor, expression_of
from featurize.registry import parse
from pipelines.datasets.base import Dataset
from pipelines.recipe import Features, Head
from pipelines.splits import Indices, divided, split

log = logging.getLogger(__name__)

#: FER2013's test split holds 568 exact copies of training faces, 8 %: copies alone are no proof that the
#: network was trained on the split. Above this share they are.
MOST_COPIES = 0.2


class Weighted(Protocol):
    """What has weights that say what they learned from: a network, or what a training begins with."""

    @property
    def seen(self) -> Seen:
        """Marks of the samples that decided the weights."""

    @property
    def card(self) -> Mapping[str, Any]:
        """What the weight file says of itself."""


def own_cell(features: Features) -> tuple[Features, Head] | None:
    """Return the cell in which a network's own classifier answers; None if `features` is no such network.

    Weights without a classifier, such as those of a network pretrained on faces, have no answer of their own.
    Mirrored copies are left out: nothing is fitted.
    """
    found = parse(features.extractor)
    if len(found) != 1 or not isinstance(found[0], NetworkExtractor) or not found[0].network.trainable:
        return None
    if found[0].random or not _answers(found[0]):
        return None
    given = found[0].params.model_dump(mode="json") | {"layer": "scores"}
    fields = type(found[0].params).model_fields
    text = expression_of(found[0].name, {k: v for k, v in given.items() if v != fields[k].default})
    return features.model_copy(update={"extractor": text, "mirror": False}), Head(head="own")


def _answers(network: NetworkExtractor) -> bool:
    """Return whether the weights tell any classes apart; of a missing file the row says what is wrong."""
    try:
        return bool(network.classes)
    except WeightsError:
        return True


def status_of(extractors: Sequence[Extractor]) -> str:
    """Return the `status` of rows on these extractors' vectors: "timing" where one has random weights."""
    return "timing" if any(one.weights_sha256 == "random" for one in extractors) else "ok"


def check_classes(extractors: Sequence[Extractor], dataset: Dataset) -> None:
    """Raise a `ValueError` if a network's scores are of other classes than the data set's."""
    for extractor in extractors:
        if isinstance(extractor, NetworkExtractor) and extractor.layer == "scores":
            theirs = extractor.classes
            if theirs != dataset.classes:
                raise ValueError(
                    f"{extractor.name} scores the classes {', '.join(theirs)}; {dataset.name} has "
                    f"{', '.join(dataset.classes)}"
                )


#: Says what would do instead, of all networks whose vectors are used together and a data set.
Cure = Callable[[Sequence[NetworkExtractor], Dataset], str]


def check_unseen(
    extractors: Sequence[Extractor],
    dataset: Dataset,
    validation: Indices,
    test: Indices,
    cure: Cure | None = None,
) -> None:
    """Refuse to test on what a network learned from; warn if it has learned from what validates.

    Parameters
    ----------
    extractors : sequence of Extractor
    dataset : Dataset
    validation, test : (n,) int
        Indices into the data set.
    cure : callable, optional
        As in `check_untested`.

    Raises
    ------
    ValueError
        As `check_untested`.
    """
    check_untested(extractors, dataset, test, cure)
    for warning in seen_validation(extractors, dataset, validation):
        log.warning("%s", warning)


def check_untested(
    extractors: Sequence[Extractor], dataset: Dataset, test: Indices, cure: Cure | None = None
) -> None:
    """Refuse to test on what a network learned from.

    Parameters
    ----------
    extractors : sequence of Extractor
    dataset : Dataset
    test : (n,) int
        Indices into the data set.
    cure : callable, optional
        By default `pipelines.cures.for_fit`: the options of one division into parts.

    Raises
    ------
    ValueError
        If one of the tested samples decided a network's weights, or more than a fifth are exact copies of
        such samples. The message says what would do.
    """
    from pipelines.cures import for_fit

    networks = networks_of(extractors)
    for one in networks:
        refuse_seen(one.name, one.seen, dataset, test, lambda: (cure or for_fit)(networks, dataset))


def networks_of(extractors: Sequence[Extractor]) -> list[NetworkExtractor]:
    """Return those extractors that are networks."""
    return [one for one in extractors if isinstance(one, NetworkExtractor)]


def refuse_seen(
    name: str, seen: Seen, dataset: Dataset, test: Indices, cure: Callable[[], str] | None = None
) -> None:
    """Raise the `ValueError` of `check_unseen` if the weights know what they would be tested on."""
    if found := known_of(seen, dataset, test):
        do = cure() if cure else "test on others, or take weights that were trained without them"
        raise ValueError(
            f"{name} learned from {found} of the {len(test)} samples it would be tested on; {do}"
        )


def seen_validation(
    extractors: Sequence[Extractor], dataset: Dataset, validation: Indices, cure: Cure | None = None
) -> list[str]:
    """Return a warning for each network that has learned from validation samples; none as a rule.

    Parameters
    ----------
    extractors : sequence of Extractor
    dataset : Dataset
    validation : (n,) int
        Indices into the data set.
    cure : callable, optional
        What it says stands behind each warning, in brackets; nothing by default.
    """
    n = len(validation)
    found = [(one.name, learned_from(one, dataset, validation)) for one in networks_of(extractors)]
    leaks = {name: count for name, count in found if count}
    do = cure(networks_of(extractors), dataset) if leaks and cure else ""
    return [
        f"{name} learned from {count} of the {n} validation samples: what they choose is flattered"
        + f" ({do})" * bool(do)
        for name, count in leaks.items()
    ]


def learned_from(weights: Weighted, dataset: Dataset, indices: Indices) -> int:
    """Return how many of some samples weights learned from; 0 where they know nothing but a few copies.

    Samples by which a training chose its epoch, and did no more, do not count. They are told from the others
    where the training's own division of this set can be made again; where not, all that is known counts.
    """
    if not known_of(weights.seen, dataset, indices):
        return 0
    rest = np.setdiff1d(indices, _chose(weights.card, dataset))
    return known_of(weights.seen, dataset, rest, len(indices))


def known_of(seen: Seen, dataset: Dataset, indices: Indices, of: int | None = None) -> int:
    """Return how many of some samples decided the weights; 0 where it is nothing but a few copies.

    Parameters
    ----------
    seen : Seen
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
