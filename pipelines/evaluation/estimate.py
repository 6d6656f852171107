"""What a run is expected to take, before it starts."""

from __future__ import annotations

import logging

from classifiers.costs import Cost, cost_of
from featurize.registry import parse
from pipelines.evaluation.experiment import Experiment
from pipelines.recipe import Features, Head

log = logging.getLogger(__name__)


def estimate(head: Head, features: Features, experiment: Experiment) -> Cost:
    """Return what a head's fit on a data set's vectors is expected to take; nothing is embedded.

    Parameters
    ----------
    head : Head
        With the grid to choose from.
    features : Features
    experiment : Experiment
    """
    dims = sum(extractor.dim for extractor in parse(features.extractor))
    return cost_before(head, experiment, dims, 2 if features.mirror else 1)


def cost_before(head: Head, experiment: Experiment, dims: int, copies: int = 1) -> Cost:
    """Return what a fit on vectors of `dims` numbers, each sample `copies` times, is expected to take."""
    parts, dataset = experiment.split, experiment.dataset
    rows = copies * (len(parts.train) + len(parts.validation) * experiment.refit)
    asked = len(parts.validation) + len(parts.test)
    return cost_of(head.head, head.candidates(), rows, dims, len(dataset.classes), asked, experiment.memory)


def say_cost(cost: Cost) -> None:
    """Log at INFO what a fit will take; at WARNING which heads to take instead, where memory has not room."""
    log.info("%s", cost)
    if cost.advice:
        log.warning("%s", cost.advice)
