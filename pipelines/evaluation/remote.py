"""What workers are given and give back: runs of a comparison.

Arguments say everything, and are plain: the text of an extractor, the vectors' key in the cache, arrays. A
worker that reads the same files finds images and vectors there, and checks them by their hashes; to one
that does not they are sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers._base import cores
from classifiers.candidates import CandidateSet
from classifiers.memory import gigabytes
from featurize.store import Store
from featurize.suggest import error_words
from pipelines.cross_validation.nested import CrossValidationResult, cross_validate
from pipelines.cross_validation.network_candidates import NetworkCandidates
from pipelines.cross_validation.run import FoldExperiment
from pipelines.cross_validation.systems import HeadSystem, NetworkSystem, Prepared, System
from pipelines.embedding.embed import Embedding, side_by_side
from pipelines.embedding.shards import Vectors, _same
from pipelines.evaluation.evaluate import evaluate_run
from pipelines.evaluation.experiment import Experiment, FeatureMatrix
from pipelines.evaluation.holdout import Holdout
from pipelines.recipe import Features, Head
from pipelines.results.folder import FAILURES, RunOutput
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row
from pipelines.utils.cluster import Cluster, as_worker, share_of_host
from pipelines.utils.kept_warnings import as_text, from_text, kept_warnings
from pipelines.utils.progress import SILENT

#: Rows of vectors in one message.
_ROWS = 4096


@dataclass(frozen=True)
class Address:
    """Where the vectors of an embedding are, and what a row says of them."""

    root: str
    keys: tuple[str, ...]
    spec: str
    seconds: float


@dataclass(frozen=True)
class Arrived(Embedding):
    """An embedding as a worker has it: vectors and words, no extractor."""

    words: str = ""

    @property
    def spec(self) -> str:
        """The expression with every parameter written out."""
        return self.words


class _Absent(Sequence[Any]):
    """Images that nobody needs any more."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        raise LookupError("images are not sent with a run")


class _ArrivedVectors(FeatureMatrix):
    """A matrix whose vectors are there already; who sent them has checked what they may be tested on."""

    def __init__(
        self, features: Features, experiment: Experiment, found: Sequence[Arrived], pretrained: bool
    ) -> None:
        super().__init__(features, experiment, pretrained)
        self.__dict__["embedding"] = found[0]
        self.__dict__["keys"] = tuple(k for part in found for k in part.keys)
        if self._copied is not None:
            self.__dict__["_copies"] = found[1]

    def check(self) -> None:
        """Nothing: done before it was sent."""

    @property
    def leaks(self) -> list[str]:
        """None: who sent the vectors knows them."""
        return []

    @property
    def known(self) -> dict[str, str]:
        """Nothing: who sent the vectors enters it."""
        return {}


@dataclass(frozen=True)
class Sent:
    """A run in work: its row as far as it is known, and what its answer is finished with."""

    row: Row
    prepared: Prepared
    evaluator: Holdout | FoldExperiment
    matrix: FeatureMatrix | None = None

    @property
    def vectors(self) -> FeatureMatrix:
        """The vectors that a head is fitted on under a holdout."""
        assert self.matrix is not None  # noqa: S101 - who asks has sent a head under a holdout
        return self.matrix


#: The row of a run, and what came of it.
Done = tuple[Row, RunOutput | Exception | str]


class RemoteRuns:
    """Runs in work on a cluster.

    Parameters
    ----------
    cluster : Cluster
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.hosts = cluster, cluster.on_each_host()
        self._vectors: dict[tuple[str, ...], list[Any]] = {}
        self._experiments: dict[int, Any] = {}
        self._candidates: tuple[Prepared | None, Any] = (None, None)
        self.waiting: dict[Any, Sent] = {}

    def takes(self, system: System, evaluator: Holdout | FoldExperiment) -> bool:
        """Say whether a run can be sent; networks are trained here, where the answers of folds are kept."""
        if isinstance(evaluator, Holdout):
            return isinstance(system, HeadSystem)
        return not isinstance(system, NetworkSystem)

    def submit(self, row: Row, prepared: Prepared, evaluator: Holdout | FoldExperiment) -> Iterator[Done]:
        """Embed what is not embedded yet, and send the run; yield those that are done meanwhile."""
        system = prepared.system
        try:
            if isinstance(evaluator, FoldExperiment):
                self._send_folds(Sent(row, prepared, evaluator), evaluator)
            elif isinstance(system, HeadSystem):
                matrix = evaluator.matrix(system)
                matrix.check()
                self._send(Sent(row, prepared, evaluator, matrix))
        except FAILURES as error:
            yield row, error
        for future in [f for f in self.waiting if f.done()]:
            yield from self._take(future)

    def rest(self) -> Iterator[Done]:
        """Yield all others as they come."""
        while self.waiting:
            done = [f for f in self.waiting if f.done()] or [next(iter(self.waiting))]
            for future in done:
                yield from self._take(future)

    def _send(self, sent: Sent, parts: Sequence[Sequence[Any]] | None = None) -> None:
        matrix, system = sent.vectors, sent.prepared.system
        assert isinstance(system, HeadSystem)  # noqa: S101
        where = [address(part, matrix.experiment.store) for part in matrix.embeddings]
        words = system.plan.model_dump(), _said(matrix)
        experiment = self._light(matrix.experiment)
        self.waiting[self.cluster.submit(evaluated, *words, experiment, where, parts, self.hosts)] = sent

    def _light(self, experiment: Experiment) -> Any:
        """Return an experiment without its images on the cluster."""
        if id(experiment) not in self._experiments:
            light = replace(
                experiment,
                dataset=replace(experiment.dataset, samples=_Absent(len(experiment.dataset))),
                progress=SILENT,
                cluster=None,
                n_jobs=None,
            )
            light.__dict__["clean"] = experiment.clean  # looks at images: here, once
            light.__dict__["distinct"] = experiment.distinct
            self._experiments[id(experiment)] = self.cluster.submit(_same, light)
        return self._experiments[id(experiment)]

    def _send_folds(self, sent: Sent, evaluator: FoldExperiment) -> None:
        prepared = sent.prepared
        if self._candidates[0] is not prepared:
            light = copy(prepared.candidates)
            if isinstance(light, NetworkCandidates):
                light.folder = None  # files are written here only
            self._candidates = prepared, self.cluster.submit(_same, light)
        arguments = evaluator.arguments(prepared.system) | {"progress": SILENT}
        future = self.cluster.submit(folds, self._candidates[1], arguments, self.hosts)
        self.waiting[future] = sent

    def _take(self, future: Any) -> Iterator[Done]:
        answer, sent = self.cluster.result(future), self.waiting.pop(future)
        if answer is None:  # that worker has not our cache
            self._send(sent, [self._parts(part) for part in sent.vectors.embeddings])
        elif "error" in answer:
            yield sent.row, answer["error"]
        elif isinstance(sent.evaluator, FoldExperiment):
            found = CrossValidationResult(**answer["found"])
            yield sent.row, sent.evaluator.output(sent.prepared, found, answer["seconds"], answer["warnings"])
        else:
            yield sent.row, self._known(sent, unpacked(answer))

    def _known(self, sent: Sent, found: RunOutput) -> RunOutput:
        """Return an answer with what is known here of its vectors; say what the worker warned of."""
        matrix, heard = sent.vectors, from_text(found.rows[0].warnings)
        for warning in [
            *matrix.embedding.warnings,
            *(f"{sent.row.extractor} with {sent.row.head}: {w}" for w in heard),
        ]:
            matrix.experiment.warn(warning)
        known: dict[str, Any] = dict(matrix.known)
        warnings = as_text([*matrix.warnings, *heard])
        return replace(found, rows=[replace(row, **known, warnings=warnings) for row in found.rows])

    def _parts(self, embedding: Embedding) -> list[Any]:
        """Return the vectors on the cluster, sent once for all heads, of the last embeddings only."""
        if embedding.keys not in self._vectors:
            for old in list(self._vectors)[:-3]:
                del self._vectors[old]
            X = embedding.X
            self._vectors[embedding.keys] = [
                self.cluster.submit(_same, np.array(X[a : a + _ROWS])) for a in range(0, len(X), _ROWS)
            ]
        return self._vectors[embedding.keys]


def _said(matrix: FeatureMatrix) -> dict[str, Any]:
    return {"features": matrix.features.model_dump(), "pretrained": matrix.pretrained}


def address(embedding: Embedding, store: Store) -> Address:
    """Return where workers find an embedding."""
    return Address(str(store.root), embedding.keys, embedding.spec, embedding.seconds)


def evaluated(
    head: dict[str, Any],
    matrix: dict[str, Any],
    experiment: Experiment,
    where: Sequence[Address],
    sent: Sequence[Sequence[Vectors]] | None,
    hosts: dict[str, int],
) -> dict[str, Any] | None:
    """Run one run; return its rows, predictions and candidates, or "error"; None if vectors are missing."""
    with as_worker(hosts):
        arrived = [fetched(at, None if sent is None else sent[i]) for i, at in enumerate(where)]
        if None in arrived:
            return None
        alone = replace(experiment, memory=gigabytes(experiment.memory) / share_of_host(hosts))
        alone.__dict__["clean"] = experiment.clean
        alone.__dict__["distinct"] = experiment.distinct
        there = [a for a in arrived if a is not None]
        features = Features(**matrix["features"])
        try:
            outcome = evaluate_run(
                Head(**head), _ArrivedVectors(features, alone, there, matrix["pretrained"])
            )
        except FAILURES as error:
            return {"error": error_words(error)}
    return {
        "rows": [asdict(row) for row in outcome.rows],
        "predictions": asdict(outcome.predictions),
        "validation": asdict(outcome.choice.validation),
        "tried": outcome.choice.tried,
    }


def unpacked(answer: dict[str, Any]) -> RunOutput:
    """Return what `evaluated` returned as the output of a run."""
    test, validation = (Predictions(**answer[name]) for name in ("predictions", "validation"))
    return RunOutput([Row(**row) for row in answer["rows"]], test, validation, answer["tried"])


def folds(candidates: CandidateSet, arguments: dict[str, Any], hosts: dict[str, int]) -> dict[str, Any]:
    """Run a protocol of folds; return its result, seconds and warnings, or "error"."""
    with as_worker(hosts), kept_warnings() as said:
        started = time.perf_counter()
        try:
            found = cross_validate(candidates, **arguments | {"n_jobs": cores(-1)})
        except FAILURES as error:
            return {"error": error_words(error)}
    return {"found": vars(found), "seconds": time.perf_counter() - started, "warnings": list(said)}


#: Vectors that this worker has, by their folder and keys: checked and joined once, not once a run.
HERE: dict[tuple[str, ...], Any] = {}
_KEPT = 3


def fetched(at: Address, sent: Sequence[Vectors] | None) -> Arrived | None:
    """Return an embedding on a worker, opened once; None if it is neither there nor sent."""
    key = (at.root, *at.keys)
    if key not in HERE:
        X = np.concatenate(sent) if sent is not None else _opened(at)
        if X is None:
            return None
        for old in list(HERE)[: 1 - _KEPT]:
            del HERE[old]
        HERE[key] = X
    return Arrived(HERE[key], (), at.keys, at.seconds, True, {}, words=at.spec)


def _opened(at: Address) -> Any:
    """Return vectors from the files of the cache, memory-mapped; None if they are not here."""
    entries = [Store(Path(at.root)).open(key) for key in at.keys]
    return None if None in entries else side_by_side([e.X for e in entries if e is not None])
