"""What would do where a network knows what it would be tested on: computed from what it has learned from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from featurize.backbones import weightfile
from featurize.backbones.extractor import NetworkExtractor, shipped
from pipelines.datasets.base import Dataset
from pipelines.embedding.provenance import Weighted, known_of, learned_from

#: Weights that ship are named in a message, at most so many.
MOST_NAMED = 3


def parts_unseen(weights: Sequence[Weighted], dataset: Dataset) -> tuple[str | None, str | None]:
    """Return a split that tests and one that validates, for weights that know neither.

    Of several splits that would test, the one with most samples, those first that leave one to validate; of
    equals the last, as FER2013's PublicTest validates and its PrivateTest tests. A
    split that validates shares no sample with it, and no weights have learned from it. None where there is
    no such split.

    Parameters
    ----------
    weights : sequence of Weighted
        All of those whose vectors are used together.
    dataset : Dataset
    """
    names = _names(dataset)
    tested = [n for n in names if n != "validation"]
    tests = [n for n in tested if not any(known_of(w.seen, dataset, dataset.where(n)) for w in weights)]
    able = [n for n in names if not any(learned_from(w, dataset, dataset.where(n)) for w in weights)]
    pairs: list[tuple[str, str | None]] = [(test, None) for test in tests]
    pairs += [
        (t, v) for t in tests for v in able if not np.intersect1d(dataset.where(t), dataset.where(v)).size
    ]

    def rank(pair: tuple[str, str | None]) -> tuple[bool, int, int, int]:
        test, validation = pair
        sizes = len(dataset.where(test)), len(dataset.where(validation or ""))
        return validation is not None, *sizes, names.index(test)

    return max(pairs, key=rank, default=(None, None))


def _names(dataset: Dataset) -> list[str]:
    """Return the splits of a set that hold samples, but for the one that trains; named unions first."""
    found = dict.fromkeys([*dataset.test_splits, *np.unique(dataset.split).tolist()])
    return [str(name) for name in found if name != "train" and dataset.where(name).size]


def for_fit(networks: Sequence[NetworkExtractor], dataset: Dataset) -> str:
    """Say what would do in ``mueca fit`` and in a recipe of ``mueca compare``."""
    test, validation = parts_unseen(networks, dataset)
    if test is None:
        return _other_weights(dataset)
    if validation is None:
        return f"--test {test} would do; in a recipe: protocols: [{{protocol: holdout, test: {test}}}]"
    return _options(validation, test)


def for_validation(networks: Sequence[NetworkExtractor], dataset: Dataset) -> str:
    """Say which splits would choose without a network's having learned from them; nothing if none would."""
    test, validation = parts_unseen(networks, dataset)
    return "" if test is None or validation is None else _options(validation, test)


def _options(validation: str, test: str) -> str:
    """Heads are then fitted on what the networks learned from, and not again on what chose."""
    return (
        f"--validation {validation} --test {test} --no-refit would do; "
        "in a recipe: protocols: "
        f"[{{protocol: holdout, validation: {validation}, test: {test}, refit: false}}]"
    )


def for_training(weights: Sequence[Weighted], dataset: Dataset) -> str:
    """Say what would do in ``mueca train``, of what it begins with or is taught by."""
    test, validation = parts_unseen(weights, dataset)
    if test is None:
        return "test on others, or begin with weights that were trained without them"
    chooses = "" if validation is None else f"--validation {validation} "
    return f"{chooses}--test {test} would do"


def for_folds(networks: Sequence[NetworkExtractor], dataset: Dataset) -> str:
    """Say what would do where every sample is tested once."""
    names = [one.name for one in networks if one.network.trainable]
    if not names:
        return f"every sample of {dataset.name} is tested once: take weights that were trained without it"
    return (
        f"every sample of {dataset.name} is tested once: without --head, --backbone {names[0]} is trained "
        f"anew in every fold (in a recipe: networks: [{{backbone: {names[0]}}}])"
    )


def _other_weights(dataset: Dataset) -> str:
    """Name weights that ship and know nothing of what a set tests on as a rule."""
    train = "train it without them (mueca train)"
    named = list(dict.fromkeys(_unaware(dataset)))[:MOST_NAMED]
    return f"{train}, or take a network that has not seen them: {', '.join(named)}" if named else train


def _unaware(dataset: Dataset) -> Iterator[str]:
    test = dataset.where("test")
    for path in shipped():
        card = weightfile.load_card(path)
        fits = dataset.kind == "image" and tuple(card["classes"]) == dataset.classes and test.size
        if fits and not known_of(weightfile.load_seen(path), dataset, test):
            yield path.stem if path.stem == card["network"] else f'{card["network"]}(weights="{path.stem}")'
