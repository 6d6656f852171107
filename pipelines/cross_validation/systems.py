"""What is compared: heads on vectors, networks, and the named systems on motion maps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs

from classifiers.candidates import CandidateSet, Drawn, HeadCandidates, Indices
from classifiers.memory import gigabytes
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.store import Store
from pipelines.cross_validation.megc2019_systems import SYSTEMS
from pipelines.cross_validation.network_candidates import (
    KerasCandidates,
    NetworkCandidates,
    STSTNetCandidates,
    weights_before,
)
from pipelines.cross_validation.network_plan import NetworkPlan
from pipelines.cross_validation.protocol import Protocol
from pipelines.datasets.base import Dataset
from pipelines.datasets.votes import learned
from pipelines.embedding.embed import embed, embedding_keys
from pipelines.embedding.leakage import check_classes, check_scores, check_untested, status_of
from pipelines.embedding.leakage_cures import for_folds
from pipelines.recipe import Features, Head
from pipelines.training.recipe import TrainRecipe, is_plain, network_of
from pipelines.utils.cluster import Cluster
from pipelines.utils.kept_warnings import kept_warnings
from pipelines.utils.progress import SILENT, Progress

log = logging.getLogger(__name__)

#: Protocols by the names that the rows of named systems have always been identified by.
_WAYS = {"loso": "honest", "random-leaky": "random split", "loso+select-on-test": "chosen on test"}


@dataclass(frozen=True)
class Resources:
    """What every run of a comparison may use.

    Attributes
    ----------
    dataset : Dataset
    folder : Path
        Of the results; networks keep the answers of folds there.
    store : Store
    n_jobs : int or None
    memory : str, float or None
        What kernels may take, as in `classifiers.search.GridSearchCV`.
    progress : Progress
    cluster : Cluster, optional
        Where embeddings and runs are computed.
    """

    dataset: Dataset
    folder: Path
    store: Store = field(default_factory=Store)
    n_jobs: int | None = None
    memory: float | str | None = None
    progress: Progress = SILENT
    cluster: Cluster | None = None

    @property
    def memory_of_a_fold(self) -> float:
        """Gigabytes that the kernels of one of the folds that are in work at once may take."""
        return gigabytes(self.memory) / effective_n_jobs(-1 if self.cluster else self.n_jobs or -1)


class System:
    """What is compared; the base of its three kinds.

    Attributes
    ----------
    extractor, spec, head : str
        As rows name it.
    title : str
        As the table of folds names it.
    shared : int
        Into how many groups outer folds are assigned to share the fits that select; 0: they share none.
    one_by_one : bool
        One fold after the other: each takes the whole machine.
    """

    extractor: str
    spec: str
    head: str
    title: str
    shared: int = 0
    one_by_one: bool = False

    @property
    def status(self) -> str:
        """The status of its rows; "timing" where its weights are random."""
        return "ok"

    def inner_folds(self, protocol: Protocol) -> int:
        """Return by how many inner folds its candidates are selected."""
        return protocol.inner_folds or self.shared or 10

    def identity(self, dataset: Dataset, protocol: Protocol) -> dict[str, Any]:
        """Return what decides its rows under a protocol of folds, beside samples and seed."""
        groups = [] if dataset.groups is None else dataset.groups.tolist()
        how = {"folds": protocol.folds, "inner": protocol.inner_folds, "shared": protocol.shared}
        return {"groups": groups, "system": self.decides(dataset), "way": protocol.title, **how}

    def decides(self, dataset: Dataset) -> dict[str, Any]:
        """Return what decides its answers."""
        raise NotImplementedError

    def candidates(self, resources: Resources) -> CandidateSet:
        """Return its candidates on a data set.

        Raises
        ------
        ValueError
            If it does not fit the data set, or has learned from it.
        """
        raise NotImplementedError


class HeadSystem(System):
    """A head on the vectors of an extractor.

    Parameters
    ----------
    features : Features
    plan : Head
    pretrained : bool
        The head is a network's own classifier, fitted before.
    """

    def __init__(self, features: Features, plan: Head, pretrained: bool = False) -> None:
        self.features, self.plan, self.pretrained = features, plan, pretrained
        self.extractor, self.spec, self.head = features.title, features.extractor, plan.head
        drawn = "".join(f" [{name} {value}]" for name, value in plan.drawn.items())
        self.title = f"{features.title} + {plan.head}{drawn}"

    @property
    def status(self) -> str:
        """See `System.status`."""
        return status_of(parse(self.spec))

    def decides(self, dataset: Dataset) -> dict[str, Any]:
        """See `System.decides`."""
        keys = [embedding_keys(dataset, self.spec, one) for one in self._preprocessing]
        return {"features": self.features.model_dump(), "head": self.plan.identity(), "keys": keys}

    @property
    def _preprocessing(self) -> list[Preprocess]:
        """What is done to the samples as they are and, where mirrored copies are asked for, to these."""
        plain = self.features.preprocess
        return [plain, plain.model_copy(update={"mirror": True})] if self.features.mirror else [plain]

    def candidates(self, resources: Resources) -> HeadCandidates:
        """See `System.candidates`."""
        r, extractors = resources, parse(self.spec)
        check_classes(extractors, r.dataset)
        check_scores(self.head, extractors, r.dataset)
        check_untested(extractors, r.dataset, np.arange(len(r.dataset)), for_folds)
        embedded = [
            embed(r.dataset, self.spec, preprocess=one, store=r.store, n_jobs=r.n_jobs, progress=r.progress,
                  cluster=r.cluster)
            for one in self._preprocessing
        ]  # fmt: skip
        for warning in embedded[0].warnings:
            log.warning("%s", warning)
        found = [np.asarray(one.X) for one in embedded]
        copies = found[1] if self.features.mirror else None
        labels, bound = r.dataset.labels, r.memory_of_a_fold
        drawn = self._drawn(r.dataset) if self.plan.drawn else None
        return HeadCandidates(self.head, self.plan.candidates(), found[0], labels, copies, bound, drawn)

    def _drawn(self, dataset: Dataset) -> Callable[[Indices], Drawn]:
        """Return what draws training samples: by votes, or each class as often; without the images."""
        plan = self.plan
        learned(dataset, np.arange(0), plan.targets)  # a set without votes is an error before anything
        bare = replace(dataset, samples=[np.empty(0, np.uint8)] * len(dataset))
        return partial(_learned_of, bare, plan.targets, plan.balanced_sampling)


def _learned_of(
    dataset: Dataset, targets: Literal["labels", "votes"], balanced: bool, train: Indices
) -> Drawn:
    found = learned(dataset, train, targets, balanced)
    return found.rows, found.labels, found.weights


class NetworkSystem(System):
    """A network that is trained afresh in every fold and answers by its own softmax.

    Parameters
    ----------
    plan : NetworkPlan
    """

    head, shared = "network-softmax", 5

    def __init__(self, plan: NetworkPlan) -> None:
        resolved = plan.training.resolved()
        self.plan, self.spec = plan, resolved.backbone
        self.one_by_one = not by_compiled_loops(resolved)
        self.extractor = self.title = f"{plan.training.title}, epochs {', '.join(map(str, plan.epochs))}"

    def decides(self, dataset: Dataset) -> dict[str, Any]:
        """See `System.decides`."""
        training = self.plan.training.resolved()
        decides = {
            "network": training.deciding() | {"batch": training.batch_size},
            "epochs": self.plan.epochs,
        }
        before = weights_before(self.plan.training, len(dataset.classes))
        return decides | {"version": network_of(training.backbone).version, **before}

    def candidates(self, resources: Resources) -> NetworkCandidates:
        """See `System.candidates`."""
        return network_candidates(
            resources.dataset, self.plan, resources.folder / "folds", resources.progress
        )


class MapSystem(System):
    """A named system on motion maps.

    Parameters
    ----------
    name : str
        A key of `pipelines.cross_validation.megc2019_systems.SYSTEMS`.
    """

    extractor = "motion maps"

    def __init__(self, name: str) -> None:
        self.title = self.head = name
        self._system = SYSTEMS[name]
        self.spec, self.shared = self._system.spec, self._system.groups

    def inner_folds(self, protocol: Protocol) -> int:
        """See `System.inner_folds`; what is expensive has a number of its own."""
        return self.shared or protocol.inner_folds or 10

    def identity(self, dataset: Dataset, protocol: Protocol) -> dict[str, Any]:
        """See `System.identity`."""
        way = _WAYS.get(protocol.title, protocol.title)
        other = {"folds": protocol.folds} if protocol.folds != 10 else {}
        other |= {"shared": True} if protocol.shared else {}
        how = {"way": way, "inner": protocol.inner_folds or 10}
        return self.decides(dataset) | how | other

    def decides(self, dataset: Dataset) -> dict[str, Any]:
        """See `System.decides`."""
        return {"system": self.title}

    def candidates(self, resources: Resources) -> CandidateSet:
        """See `System.candidates`; those of a network keep the answers of folds."""
        found = self._system.candidates(resources.dataset)
        if isinstance(found, NetworkCandidates):
            found.folder = resources.folder / "folds"
        return found


class Prepared:
    """A system on the data of a comparison; its candidates are made when they are first asked for.

    Parameters
    ----------
    system : System
    resources : Resources
    """

    def __init__(self, system: System, resources: Resources) -> None:
        self.system, self.resources = system, resources

    @cached_property
    def _made(self) -> tuple[CandidateSet, list[str]]:
        with kept_warnings() as said:
            found = self.system.candidates(self.resources)
        return found, said

    @property
    def candidates(self) -> CandidateSet:
        """Its candidates; errors as `System.candidates`."""
        return self._made[0]

    @property
    def warnings(self) -> list[str]:
        """What was warned of while they were made."""
        return self._made[1]


def by_compiled_loops(training: TrainRecipe) -> bool:
    """Say whether a training is one for `pipelines.training.ststnet_numba`."""
    return training.backbone == "ststnet" and is_plain(training)


def network_candidates(
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
    if not by_compiled_loops(r):
        return trained
    from featurize.images import fit_to

    maps = np.stack([fit_to(dataset.samples[i], 28, 3) for i in range(len(dataset))])
    return STSTNetCandidates(maps, dataset.labels, plan.epochs, folder, learning_rate=r.learning_rate or 0.0,
                        batch=r.batch_size or 1, mirror=r.mirror, seed=r.seed)  # fmt: skip
