"""What workers are given and give back: shards of embeddings, cells of a comparison.

Arguments say everything, and are plain: the text of an extractor, the vectors' key in the cache, arrays. A
worker that reads the same files finds pictures and vectors there, and checks them by their hashes; to one
that does not they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.memory import gigabytes
from featurize.store import Store
from featurize.suggest import error_words
from pipelines.embedding.embed import Embedding
from pipelines.embedding.shards import Vectors, _same
from pipelines.evaluation.evaluate import FAILURES, run_cell
from pipelines.evaluation.experiment import Experiment, Matrix
from pipelines.recipe import Features, Head
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row
from pipelines.utils.cluster import Cluster, as_worker, share_of_host
from pipelines.utils.progress import SILENT

#: Rows of vectors in one message.
_ROWS = 4096


# Cells --------------------------------------------------------------------------------------------------
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
    """Pictures that nobody needs any more."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        raise LookupError("pictures are not sent with a cell")


class _ArrivedMatrix(Matrix):
    """A matrix whose vectors are there already; who sent them has checked what they may be tested on."""

    def __init__(self, features: Features, bench: Experiment, found: Sequence[Arrived], judged: bool) -> None:
        super().__init__(features, bench, judged)
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


class RemoteRuns:
    """Cells in work on a cluster.

    Parameters
    ----------
    cluster : Cluster
    bench : Experiment
    """

    def __init__(self, cluster: Cluster, bench: Experiment) -> None:
        self.cluster, self.bench = cluster, bench
        self.hosts = cluster.on_each_host()
        light = replace(
            bench,
            dataset=replace(bench.dataset, samples=_Absent(len(bench.dataset))),
            progress=SILENT,
            cluster=None,
            n_jobs=None,
        )
        light.__dict__["clean"] = bench.clean  # looks at pictures: here, once
        self._bench = cluster.submit(_same, light)
        self._sent: dict[tuple[str, ...], list[Any]] = {}
        self.waiting: dict[Any, tuple[Head, Matrix]] = {}

    def submit(self, head: Head, matrix: Matrix) -> None:
        """Embed what is not embedded yet, and send the cell.

        Raises
        ------
        ValueError
            As `run_cell` before it fits anything.
        """
        matrix.check()
        self._send(head, matrix, None)

    def _send(self, head: Head, matrix: Matrix, sent: Sequence[Sequence[Any]] | None) -> None:
        where = [_address(part, self.bench.store) for part in matrix.embeddings]
        words = head.model_dump(), _said(matrix)
        future = self.cluster.submit(cell, *words, self._bench, where, sent, self.hosts)
        self.waiting[future] = (head, matrix)

    def finished(self) -> Iterator[tuple[Head, Matrix, dict[str, Any]]]:
        """Yield the cells that are done by now, with what `cell` returned."""
        for future in [f for f in self.waiting if f.done()]:
            yield from self._take(future)

    def rest(self) -> Iterator[tuple[Head, Matrix, dict[str, Any]]]:
        """Yield all others as they come."""
        while self.waiting:
            done = [f for f in self.waiting if f.done()] or [next(iter(self.waiting))]
            for future in done:
                yield from self._take(future)

    def _take(self, future: Any) -> Iterator[tuple[Head, Matrix, dict[str, Any]]]:
        head, matrix = self.waiting[future]
        answer = self.cluster.result(future)
        del self.waiting[future]
        if answer is None:  # that worker has not our cache
            self._send(head, matrix, [self._parts(part) for part in matrix.embeddings])
            return
        yield head, matrix, answer

    def _parts(self, embedding: Embedding) -> list[Any]:
        """Return the vectors on the cluster, sent once for all heads, of the last embeddings only."""
        if embedding.keys not in self._sent:
            for old in list(self._sent)[:-3]:
                del self._sent[old]
            X = embedding.X
            self._sent[embedding.keys] = [
                self.cluster.submit(_same, np.asarray(X[a : a + _ROWS])) for a in range(0, len(X), _ROWS)
            ]
        return self._sent[embedding.keys]


def _said(matrix: Matrix) -> dict[str, Any]:
    return {"features": matrix.features.model_dump(), "judged": matrix.judged}


def _address(embedding: Embedding, store: Store) -> Address:
    return Address(str(store.root), embedding.keys, embedding.spec, embedding.seconds)


def cell(
    head: dict[str, Any],
    matrix: dict[str, Any],
    bench: Experiment,
    where: Sequence[Address],
    sent: Sequence[Sequence[Vectors]] | None,
    hosts: dict[str, int],
) -> dict[str, Any] | None:
    """Run one cell; return its rows, predictions and candidates, or "error"; None if vectors are missing."""
    with as_worker(hosts):
        arrived = [_arrived(at, None if sent is None else sent[i]) for i, at in enumerate(where)]
        if None in arrived:
            return None
        alone = replace(bench, memory=gigabytes(bench.memory) / share_of_host(hosts))
        alone.__dict__["clean"] = bench.clean
        there = [a for a in arrived if a is not None]
        features = Features(**matrix["features"])
        try:
            outcome = run_cell(Head(**head), _ArrivedMatrix(features, alone, there, matrix["judged"]))
        except FAILURES as error:
            return {"error": error_words(error)}
    return {
        "rows": [asdict(row) for row in outcome.rows],
        "predictions": asdict(outcome.predictions),
        "validation": asdict(outcome.choice.validation),
        "tried": outcome.choice.tried,
    }


def unpacked(
    answer: dict[str, Any],
) -> tuple[list[Row], Predictions, Predictions, list[dict[str, Any]]]:
    """Return the rows, the predictions of test and of validation, and the candidates `cell` returned."""
    both = (Predictions(**answer[name]) for name in ("predictions", "validation"))
    return [Row(**row) for row in answer["rows"]], *both, answer["tried"]


def _arrived(at: Address, sent: Sequence[Vectors] | None) -> Arrived | None:
    if sent is not None:
        X = np.concatenate(sent)
    else:
        entries = [Store(Path(at.root)).open(key) for key in at.keys]
        if None in entries:
            return None
        found = [e.X for e in entries if e is not None]
        X = found[0] if len(found) == 1 else np.hstack(found)
    return Arrived(X, (), at.keys, at.seconds, True, {}, at.spec)
