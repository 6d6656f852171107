"""What is tested in folds of subjects: heads on vectors, and networks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.candidates import CandidateSet, HeadCandidates
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.store import Store
from pipelines.cross_validation.network_candidates import (
    KerasCandidates,
    NetworkCandidates,
    STSTNetCandidates,
    weights_before,
)
from pipelines.cross_validation.recipe import LosoRecipe, NetworkPlan
from pipelines.datasets.base import Dataset
from pipelines.embedding.embed import embed, embedding_keys
from pipelines.embedding.leakage import check_classes, check_untested
from pipelines.embedding.leakage_cures import for_folds
from pipelines.recipe import (
    Features,
    Head,
    heads_on,
)
from pipelines.training.recipe import is_plain, network_of
from pipelines.utils.progress import SILENT, Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _System:
    """One row of the table: its name, what decides its answers, and how to get its candidates."""

    title: str
    spec: str
    head: str
    decides: dict[str, Any]
    features: Features | None = None
    head_plan: Head | None = None
    network: NetworkPlan | None = None


def _systems(recipe: LosoRecipe) -> Iterator[_System]:
    decides: dict[str, Any]
    for features in recipe.extractors:
        for head in heads_on(features, recipe.heads):
            decides = {"features": features.model_dump(), "head": head.identity()}
            title = f"{features.title} + {head.head}"
            yield _System(title, features.extractor, head.head, decides, features, head)
    for network in recipe.networks:
        plan, epochs = network.training.resolved(), ", ".join(map(str, network.epochs))
        decides = {"network": plan.deciding() | {"batch": plan.batch_size}, "epochs": network.epochs}
        title = f"{network.training.title}, epochs {epochs}"
        yield _System(title, plan.backbone, "own", decides, network=network)


def _check(features: Features, dataset: Dataset) -> None:
    """Refuse vectors of a network that learned from this set."""
    extractors = parse(features.extractor)
    check_classes(extractors, dataset)
    check_untested(extractors, dataset, np.arange(len(dataset)), for_folds)


def _decided_by_weights(system: _System, dataset: Dataset) -> dict[str, Any]:
    """Return the keys of a system's vectors, or the version of its network and the weights it starts from."""
    if system.network is not None:
        plan = system.network.training
        before = weights_before(plan, len(dataset.classes))
        return {"version": network_of(plan.backbone).version, **before}
    assert system.features is not None  # noqa: S101 - a system is one or the other
    keys = [
        embedding_keys(dataset, system.features.extractor, one) for one in _preprocessing(system.features)
    ]
    return {"keys": keys}


def _preprocessing(features: Features) -> list[Preprocess]:
    """Return what is done to the samples as they are and, where mirrored copies are asked for, to these."""
    plain = features.preprocess
    return [plain, plain.model_copy(update={"mirror": True})] if features.mirror else [plain]


def _cells(
    system: _System,
    dataset: Dataset,
    out: Path,
    store: Store,
    n_jobs: int | None,
    memory: float,
    progress: Progress,
) -> CandidateSet:
    if system.network is not None:
        return network_cells(dataset, system.network, out / "folds", progress)
    assert system.features is not None  # noqa: S101 - a system is one or the other
    assert system.head_plan is not None  # noqa: S101
    features, head = system.features, system.head_plan
    _check(features, dataset)
    embedded = [
        embed(dataset, features.extractor, preprocess=one, store=store, n_jobs=n_jobs, progress=progress)
        for one in _preprocessing(features)
    ]
    for warning in embedded[0].warnings:
        log.warning("%s", warning)
    found = [np.asarray(one.X) for one in embedded]
    copies = found[1] if features.mirror else None
    return HeadCandidates(head.head, head.candidates(), found[0], dataset.labels, copies, memory)


def network_cells(
    dataset: Dataset, plan: NetworkPlan, folder: Path | None = None, progress: Progress = SILENT
) -> NetworkCandidates:
    """Return a network's candidates: by loops of our own for STSTNet as published, by Keras for all others.

    Parameters
    ----------
    dataset : Dataset
    plan : NetworkPlan
    folder : Path, optional
        Where each fold's answers are kept.
    progress : Progress

    Raises
    ------
    ValueError
        As `KerasCandidates`.
    """
    r = plan.training.resolved()
    trained = KerasCandidates(
        dataset, plan.training, plan.epochs, folder, progress
    )  # refuses what does not fit
    if r.backbone != "ststnet" or not is_plain(r):
        return trained
    from featurize.images import fit_to

    maps = np.stack([fit_to(dataset.samples[i], 28, 3) for i in range(len(dataset))])
    return STSTNetCandidates(maps, dataset.labels, plan.epochs, folder, learning_rate=r.learning_rate or 0.0,
                        batch=r.batch_size or 1, mirror=r.mirror, seed=r.seed)  # fmt: skip
