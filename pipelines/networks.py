"""What a comparison must know of networks: their own answer, and what they have seen."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import Seen, sample_marks
from featurize.base import Extractor, expression_of
from featurize.registry import parse
from pipelines.datasets.base import Dataset
from pipelines.recipe import Features, Head
from pipelines.splits import Indices

log = logging.getLogger(__name__)

#: FER2013's test split holds 568 exact copies of training faces, 8 %: copies alone are no proof that the
#: network was trained on the split. Above this share they are.
MOST_COPIES = 0.2


def own_cell(features: Features) -> tuple[Features, Head] | None:
    """Return the cell in which a network's own classifier answers; None if `features` is no such network.

    Mirrored copies are left out: nothing is fitted.
    """
    found = parse(features.extractor)
    if len(found) != 1 or not isinstance(found[0], NetworkExtractor) or not found[0].network.trainable:
        return None
    if found[0].random:
        return None
    given = found[0].params.model_dump(mode="json") | {"layer": "scores"}
    fields = type(found[0].params).model_fields
    text = expression_of(found[0].name, {k: v for k, v in given.items() if v != fields[k].default})
    return features.model_copy(update={"extractor": text, "mirror": False}), Head(head="own")


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


def check_unseen(
    extractors: Sequence[Extractor], dataset: Dataset, validation: Indices, test: Indices
) -> None:
    """Refuse to test on what a network learned from; warn if it has seen what hyperparameters are chosen by.

    Parameters
    ----------
    extractors : sequence of Extractor
    dataset : Dataset
    validation, test : (n,) int
        Indices into the data set.

    Raises
    ------
    ValueError
        If one of the tested samples decided the network's weights, or more than a fifth are exact copies of
        such samples.
    """
    for extractor in extractors:
        if not isinstance(extractor, NetworkExtractor):
            continue
        refuse_seen(extractor.name, extractor.seen, dataset, test)
        chosen = _overlap(extractor.seen, dataset, validation)[0] if extractor.fitted_on_validation else 0
        if chosen:
            log.warning("%s learned from %d of the %d validation samples: what they choose is flattered",
                        extractor.name, chosen, len(validation))  # fmt: skip


def refuse_seen(name: str, seen: Seen, dataset: Dataset, test: Indices) -> None:
    """Raise the `ValueError` of `check_unseen` if the weights know what they would be tested on."""
    same, copies = _overlap(seen, dataset, test)
    if same or copies > MOST_COPIES * len(test):
        raise ValueError(
            f"{name} learned from {max(same, copies)} of the {len(test)} samples it would be tested on; "
            "test on others, or take weights that were trained without them"
        )


def _overlap(seen: Seen, dataset: Dataset, indices: Indices) -> tuple[int, int]:
    """Return how many of some samples were learned from by content and name, and by content alone."""
    digests, ids = dataset.digests[indices].tolist(), dataset.ids[indices].tolist()
    same = np.isin(sample_marks(digests, ids), seen.samples)
    return int(same.sum()), int(np.isin(sample_marks(digests), seen.contents).sum())
