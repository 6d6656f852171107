"""What every run of a comparison shares, and the vectors of a data set."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers import Rows
from classifiers._rows import check_memory, least_memory, stacked
from classifiers.costs import IN_MEMORY
from classifiers.memory import gigabytes
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.store import Store, key_of
from pipelines.cross_validation.protocol import Protocol
from pipelines.cross_validation.systems import Resources
from pipelines.datasets import registry
from pipelines.datasets.audit import clean_test
from pipelines.datasets.base import LEAKY, Dataset
from pipelines.datasets.splits import Indices, Split, described, divided, on_test, shared_by, split
from pipelines.embedding.embed import Embedding, embed, embedding_keys
from pipelines.embedding.leakage import check_classes, check_untested, seen_validation, status_of
from pipelines.embedding.leakage_cures import for_validation
from pipelines.embedding.near_copies import known_near_copies, test_samples
from pipelines.evaluation.recipe import Recipe
from pipelines.recipe import Features
from pipelines.results.rows import SEEN_VALIDATION, SELECTED_ON_TEST
from pipelines.utils.cluster import Cluster
from pipelines.utils.progress import SILENT, Progress

log = logging.getLogger(__name__)

#: Raised whenever the same run would give other rows, so that old ones are not taken for new.
RUN_VERSION = 1


def load_resources(
    recipe: Recipe,
    folder: Path,
    *,
    store: Store | Path | str | None = None,
    n_jobs: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
    memory: float | str | None = None,
    cluster: Cluster | None = None,
    dataset: Dataset | None = None,
) -> Resources:
    """Load a recipe's data, or take a data set that is there; what the runs may use besides is passed on.

    Raises
    ------
    ValueError, OSError
        If the memory cannot be read, or the data set cannot be had.
    """
    gigabytes(memory)  # a wrong one is an error before anything is read
    store = Store.of(store)
    dataset = (
        dataset
        if dataset is not None
        else registry.load(
            recipe.data.name, strict=strict, cache=store.root, progress=progress, **recipe.data.options
        )
    )
    return Resources(dataset, folder, store, n_jobs, memory, progress, cluster)


def make_experiment(resources: Resources, protocol: Protocol, seed: int = 0) -> Experiment:
    """Divide a data set by a holdout.

    Raises
    ------
    ValueError
        If it cannot be divided so.
    """
    given = resources.dataset
    ungrouped = replace(given, groups=None) if protocol.hold_out == "sample" else given
    dataset = divided(ungrouped, protocol.test, seed)
    parts = split(dataset, protocol.validation, protocol.test, seed, protocol.refit)
    dataset = replace(dataset, groups=given.groups)
    marks = _leaks(dataset, parts)
    if protocol.on_test:
        parts = on_test(parts, protocol.refit)
    r = resources
    return Experiment(
        dataset, parts, protocol.refit and not protocol.on_test, protocol.scoring, seed, r.store, r.n_jobs,
        r.progress, r.memory, r.cluster, protocol.inner_folds, protocol.halving, protocol.on_test, marks,
    )  # fmt: skip


def _leaks(dataset: Dataset, parts: Split) -> tuple[str, ...]:
    """Say, and mark, that a subject is on two sides of a division."""
    shared = shared_by(dataset, parts)
    if not shared or LEAKY in dataset.marks:  # the loader has said it
        return ()
    log.warning(
        "%s: %d subjects are in two of train, validation and test; every figure is marked %s",
        dataset.name, shared, LEAKY,
    )  # fmt: skip
    return (LEAKY,)


@dataclass(frozen=True)
class Experiment:
    """What every run of a comparison shares.

    Attributes
    ----------
    dataset : Dataset
    split : Split
    refit : bool
        Fit again on train + validation before the test.
    scoring : str
        The score that validation is chosen by.
    seed : int
        Given to heads that draw at random.
    store : Store
    n_jobs : int or None
    progress : Progress
    memory : str, float or None
        What kernels may take, as in `classifiers.search.GridSearchCV`.
    cluster : Cluster, optional
        Where embeddings are computed.
    folds, halving : int or None
        How candidates are chosen, where not by the whole of train and validation; see
        `pipelines.evaluation.selection`.
    on_test : bool
        Candidates are selected on the samples that test: figures are too good, and marked.
    leaks : tuple of str
        `LEAKY` where a subject is in two of train, validation and test.
    said : set of str
        Warnings that need not be said again.
    """

    dataset: Dataset
    split: Split
    refit: bool = True
    scoring: str = "accuracy"
    seed: int = 0
    store: Store = field(default_factory=Store)
    n_jobs: int | None = None
    progress: Progress = SILENT
    memory: float | str | None = None
    cluster: Cluster | None = None
    folds: int | None = None
    halving: int | None = None
    on_test: bool = False
    leaks: tuple[str, ...] = ()
    said: set[str] = field(default_factory=set, compare=False, repr=False)

    def warn(self, warning: str) -> None:
        """Log a warning, unless it was said before."""
        if warning not in self.said:
            self.said.add(warning)
            log.warning("%s", warning)

    def for_candidates(self, count: int) -> Experiment:
        """Return the experiment for a system of so many candidates.

        Of one alone nothing is selected: no folds and no halving stand in its protocol as if they did.
        """
        return self if count > 1 or not (self.folds or self.halving) else self._without_selection

    @cached_property
    def _without_selection(self) -> Experiment:
        return replace(self, folds=None, halving=None)

    @property
    def protocol(self) -> str:
        """The protocol in words."""
        return described(self.split, self.folds, self.halving)

    @property
    def left_out(self) -> list[str]:
        """A warning if samples of the data set could not be read."""
        n = len(self.dataset.faults)
        return [f"{n:,} samples of {self.dataset.name} could not be read and were left out"] if n else []

    @property
    def marks(self) -> list[str]:
        """What makes the figures of all runs too good."""
        return [*self.dataset.marks, *self.leaks, *[SELECTED_ON_TEST] * self.on_test]

    @cached_property
    def clean(self) -> NDArray[np.bool_]:
        """Which samples of the whole set belong to test-clean, if they test at all."""
        return clean_test(self.dataset)

    @cached_property
    def distinct(self) -> NDArray[np.bool_] | None:
        """Which samples belong to test-distinct; None if near copies were not looked for.

        ``mueca data audit NAME --near-copies`` looks for them, outside the splits that test. Where heads are
        fitted again on such a split, which chose, it is not known what is near to that.
        """
        if self.refit and np.isin(self.split.validation, test_samples(self.dataset)).any():
            return None
        found = known_near_copies(self.dataset, self.store)
        return None if found is None else found.distinct(len(self.dataset))

    def identity(self) -> dict[str, Any]:
        """Return what decides the rows of a run, but for the run itself."""
        parts = (self.split.train, self.split.validation, self.split.test)
        chosen = {"folds": self.folds, "halving": self.halving}
        return {k: v for k, v in chosen.items() if v is not None} | {
            "version": RUN_VERSION,
            "dataset": self.dataset.fingerprint,
            "split": [key_of({"ids": self.dataset.ids[p].tolist()}) for p in parts],
            "refit": self.refit,
            "scoring": self.scoring,
            "seed": self.seed,
        }


class FeatureMatrix:
    """The vectors of a data set and, where asked for, of its mirrored training samples; read when needed.

    Parameters
    ----------
    features : Features
    experiment : Experiment
    pretrained : bool
        Embed only what validates and tests, for a head that learns nothing: it is shown the validation
        samples where others are shown those to learn from.
    """

    def __init__(self, features: Features, experiment: Experiment, pretrained: bool = False) -> None:
        self.features, self.experiment, self.pretrained = features, experiment, pretrained
        parts = experiment.split
        both = np.concatenate([parts.train, parts.validation])
        self._copied = np.sort(both) if features.mirror and not pretrained else None
        self._rows = np.union1d(parts.validation, parts.test) if pretrained else None

    def check(self) -> None:
        """Raise a `ValueError` if a network learned from what it is tested on, or has other classes.

        Say what else is known of the networks: see `leaks`.
        """
        extractors, experiment = parse(self.features.extractor), self.experiment
        check_classes(extractors, experiment.dataset)
        check_untested(extractors, experiment.dataset, experiment.split.test)
        for warning in self.leaks:
            experiment.warn(warning)

    @cached_property
    def leaks(self) -> list[str]:
        """Warnings of networks that have learned from samples that validate; none as a rule."""
        extractors, experiment = parse(self.features.extractor), self.experiment
        return seen_validation(extractors, experiment.dataset, experiment.split.validation, for_validation)

    @property
    def known(self) -> dict[str, str]:
        """The fields `status` and `marks` of rows on these vectors."""
        marks = [SEEN_VALIDATION] * bool(self.leaks) + self.experiment.marks
        return {"status": status_of(parse(self.features.extractor)), "marks": " ".join(marks)}

    @property
    def warnings(self) -> list[str]:
        """What is to be known of every row on these vectors; they are embedded by now."""
        return [*self.leaks, *self.embedding.warnings, *self.experiment.left_out]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The cache keys of all that is embedded, without embedding it."""
        experiment, features = self.experiment, self.features
        of, storage = (experiment.dataset, features.extractor), experiment.store.storage
        keys = embedding_keys(*of, features.preprocess, self._rows, storage)
        if self._copied is None:
            return keys
        return keys + embedding_keys(*of, self._mirroring, self._copied, storage)

    @cached_property
    def embedding(self) -> Embedding:
        """The vectors of every sample that is asked for, as it comes."""
        return self._embed(self.features.preprocess, self._rows)

    @cached_property
    def _copies(self) -> Embedding:
        return self._embed(self._mirroring, self._copied)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """All that is embedded: the samples, and the mirrored copies where asked for."""
        return (self.embedding,) if self._copied is None else (self.embedding, self._copies)

    @property
    def _mirroring(self) -> Preprocess:
        return self.features.preprocess.model_copy(update={"mirror": True})

    def _embed(self, preprocess: Preprocess, indices: Indices | None) -> Embedding:
        experiment = self.experiment
        return embed(
            experiment.dataset,
            self.features.extractor,
            preprocess=preprocess,
            indices=indices,
            store=experiment.store,
            n_jobs=experiment.n_jobs,
            progress=experiment.progress,
            cluster=experiment.cluster,
        )

    def plain(self, indices: Indices) -> tuple[Any, NDArray[np.int64]]:
        """Return vectors and labels of some samples; large ones unread, as `classifiers.Rows`."""
        rows = indices if self._rows is None else np.searchsorted(self._rows, indices)
        return self._read(self.embedding.X, rows), self.experiment.dataset.labels[indices]

    def training(self, indices: Indices) -> tuple[Any, NDArray[np.int64]]:
        """Return vectors and labels of training samples, their mirrored copies after them."""
        X, y = self.plain(self.experiment.split.validation if self.pretrained else indices)
        if self._copied is None:
            return X, y
        rows = np.searchsorted(self._copied, indices)
        return stacked([X, self._read(self._copies.X, rows)]), np.concatenate([y, y])

    def _read(self, X: Any, rows: Indices) -> Any:
        allowed = gigabytes(self.experiment.memory)
        wanted = X.take(rows) if isinstance(X, Rows) else Rows(X, index=rows)
        if wanted.nbytes <= max(allowed * 1e9 / IN_MEMORY, least_memory(wanted.shape[1])):
            return wanted[:] if isinstance(X, Rows) else np.asarray(X[rows], np.float32)
        check_memory(allowed, wanted.shape[1])
        return wanted

    @property
    def copies(self) -> int:
        """How often a training sample is fitted on: twice where mirrored copies are added."""
        return 1 if self._copied is None else 2

    def check_unchanged(self) -> None:
        """Raise a `ValueError` if vectors that were read while something was fitted have changed."""
        for one in self.embeddings:
            if one.X.size * 4 > gigabytes(self.experiment.memory) * 1e9 / IN_MEMORY:
                one.check_unchanged()
