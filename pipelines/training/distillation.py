"""Teachers: what trained networks say of the training samples, to be mixed into their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featurize.backbones.extractor import NetworkExtractor
from featurize.images import Preprocess
from featurize.registry import parse
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import Indices
from pipelines.embedding.embed import embed
from pipelines.embedding.leakage import check_classes
from pipelines.utils.progress import Progress


def teachers(expression: str) -> tuple[NetworkExtractor, ...]:
    """Return the networks that a recipe names, each at its class scores.

    Parameters
    ----------
    expression : str
        Networks joined with ``+``, such as ``own-small(views="flip")+ucm-f``; their layer is "scores",
        whatever is given.

    Raises
    ------
    ValueError
        If one is no trained network with a classifier of its own.
    featurize.backbones.weightfile.WeightsError
        If its weights are not there.
    """
    return tuple(_at_scores(found) for found in parse(expression))


def _at_scores(found: Any) -> NetworkExtractor:
    if not isinstance(found, NetworkExtractor) or not found.network.trainable or found.random:
        raise ValueError(f"teacher {found.name} is no trained network with a classifier of its own")
    if found.network.recipe.loss != "categorical_crossentropy":
        raise ValueError(f"teacher {found.name} gives no probabilities: it ends without a softmax")
    teacher = type(found)(**(found.params.model_dump() | {"layer": "scores"}))
    _ = teacher.weights_sha256, teacher.dim  # what is wrong with its file is said before data are loaded
    return teacher


def soft_targets(
    teachers: Sequence[NetworkExtractor],
    dataset: Dataset,
    indices: Indices,
    preprocess: Preprocess,
    progress: Progress,
) -> NDArray[np.float32]:
    """Return the mean of what the teachers say of some samples, from the cache where they have been asked.

    Parameters
    ----------
    teachers : sequence of NetworkExtractor
        See `teachers`.
    dataset : Dataset
    indices : (n,) int
    preprocess : Preprocess
        The teachers see what the student sees.
    progress : Progress

    Returns
    -------
    (n, classes) float32
        Probabilities.

    Raises
    ------
    ValueError
        If a teacher tells other classes apart.

    References
    ----------
    Hinton, Vinyals, Dean: "Distilling the knowledge in a neural network", 2015; Furlanello et al.:
    "Born-again neural networks", ICML 2018, for a teacher of the student's own architecture.
    """
    check_classes(teachers, dataset)
    said = [
        embed(dataset, teacher.spec.as_text(), preprocess=preprocess, indices=indices, progress=progress).X
        for teacher in teachers
    ]
    return np.mean(said, axis=0, dtype=np.float32)
