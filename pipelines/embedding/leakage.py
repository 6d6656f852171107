"""What a comparison must know of networks: their own answer, and what they have seen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from classifiers.registry import SCORE_HEADS
from featurize.backbones.extractor import NetworkExtractor
from featurize.backbones.weightfile import TrainingProvenance
from featurize.base import Extractor
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import Indices
from pipelines.embedding.provenance import known_of, learned_from, networks_of

log = logging.getLogger(__name__)


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


def check_scores(head: str, extractors: Sequence[Extractor], dataset: Dataset) -> None:
    """Raise a `ValueError` if a head that takes one score for each class gets vectors of another length."""
    if head not in SCORE_HEADS:
        return
    values, classes = sum(one.dim for one in extractors), len(dataset.classes)
    if values != classes:
        names = "+".join(one.name for one in extractors)
        raise ValueError(
            f"head {head} takes a network's scores, one for each of {classes} classes; {names} gives "
            f"{values} values: give a network with layer='scores'"
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
        By default `pipelines.embedding.leakage_cures.for_fit`: the options of one division into parts.

    Raises
    ------
    ValueError
        If one of the tested samples decided a network's weights, or more than a fifth are exact copies of
        such samples. The message says what would do.
    """
    from pipelines.embedding.leakage_cures import for_fit

    networks = networks_of(extractors)
    for one in networks:
        refuse_seen(one.name, one.seen, dataset, test, lambda: (cure or for_fit)(networks, dataset))


def refuse_seen(
    name: str,
    seen: TrainingProvenance,
    dataset: Dataset,
    test: Indices,
    cure: Callable[[], str] | None = None,
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
        f"{name} learned from {count} of the {n} validation samples: what they choose is optimistic"
        + f" ({do})" * bool(do)
        for name, count in leaks.items()
    ]
