"""The runner: every system of a recipe under every protocol, to rows, predictions and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from featurize.atomic import write_text
from featurize.backbones.weightfile import WeightsError
from featurize.overwriting import check_overwrites
from featurize.registry import parse
from featurize.store import Store, key_of
from pipelines.cross_validation.protocol import Protocol
from pipelines.cross_validation.run import FoldExperiment
from pipelines.cross_validation.systems import (
    HeadSystem,
    MapSystem,
    NetworkSystem,
    Prepared,
    Resources,
    System,
)
from pipelines.cross_validation.table import PooledRow, write_table
from pipelines.datasets import registry
from pipelines.datasets.audit import audit
from pipelines.datasets.base import Dataset
from pipelines.embedding.leakage import check_classes
from pipelines.evaluation.ensemble import check_members, ensembles
from pipelines.evaluation.experiment import load_resources
from pipelines.evaluation.holdout import Holdout
from pipelines.evaluation.recipe import Recipe, pretrained_run
from pipelines.evaluation.summary import Comparison, write_summary
from pipelines.recipe import check_recipe, heads_on
from pipelines.results.folder import FAILURES, ResultsFolder, RunOutput, files_of
from pipelines.results.rows import Row
from pipelines.utils.at_work import at_work
from pipelines.utils.cluster import Cluster
from pipelines.utils.kept_warnings import kept_warnings, say_again
from pipelines.utils.progress import SILENT, Progress
from pipelines.utils.provenance import machine

log = logging.getLogger(__name__)

#: A protocol on the data: what identifies a run under it, computes it and says what is known of it before.
Evaluator = Holdout | FoldExperiment


def compare(
    recipe: Recipe,
    out: Path | str,
    *,
    store: Store | Path | str | None = None,
    n_jobs: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
    memory: float | str | None = None,
    cluster: Cluster | None = None,
) -> Comparison:
    """Run a recipe; what `out` already holds of it is not computed again.

    Parameters
    ----------
    recipe : Recipe
        `pipelines.evaluation.recipe.load_recipe` reads one from a file.
    out : path
        Folder for ``rows.csv``, ``grid.csv``, ``predictions/``, ``recipe.json``, the tables ``summary.csv``
        (of a holdout) and ``cross-validation.csv`` (of folds), and ``folds/`` (what networks said in each
        fold, so that an interrupted run goes on); made if it is not there.
    store : Store or path, optional
        The embedding cache; the user's by default.
    n_jobs : int, optional
        Workers for extraction, and for folds; all cores by default.
    strict : bool
        An unreadable sample is an error.
    progress : Progress
    memory : str, float or None
        What kernels may take, as in `classifiers.search.GridSearchCV`; the folds at work at once, and the
        workers of one machine, share it.
    cluster : Cluster, optional
        Where shards of embeddings and runs are computed (`pipelines.utils.cluster.connect`); networks are
        trained here, and files are written here only.

    Returns
    -------
    Comparison
        A run that failed is a row whose `status` is "error"; it ends nothing, and is tried again the next
        time.

    Raises
    ------
    TypeError
        If `recipe` is none.
    ValueError, OSError
        If the data set or a holdout cannot be had, nothing can be written to `out`, or another run works
        there.
    """
    check_recipe(recipe, Recipe, "compare", "load_recipe")
    folder = ResultsFolder(out)
    check_overwrites("out", files_of(out), registry.paths_read(recipe.data.name))
    resources = load_resources(
        recipe, folder.path, store=store, n_jobs=n_jobs, strict=strict, progress=progress, memory=memory,
        cluster=cluster,
    )  # fmt: skip
    with at_work(folder.path / "compare.lock", "mueca compare", folder.path):
        return Runner(recipe, resources, folder).run()


class Runner:
    """The one loop over systems and protocols.

    Parameters
    ----------
    recipe : Recipe
    resources : Resources
    folder : ResultsFolder
    """

    def __init__(self, recipe: Recipe, resources: Resources, folder: ResultsFolder) -> None:
        self.recipe, self.resources, self.folder = recipe, resources, folder
        self.systems = [system for system in systems(recipe) if self._knows_classes(system)]
        self.evaluators = [self._evaluator(protocol) for protocol in recipe.protocols]
        self.done = folder.finished()
        self.reused: set[str] = set()
        self.counts = {"computed": 0, "reused": 0, "failed": 0}
        self.runs: dict[str, tuple[System, Evaluator]] = {}

    def _knows_classes(self, system: System) -> bool:
        """Leave out, and say so, a network's own classifier that was trained for other classes."""
        if not isinstance(system, HeadSystem) or not system.pretrained:
            return True
        try:
            check_classes(parse(system.spec), self.resources.dataset)
        except WeightsError:  # its row says so
            return True
        except ValueError as error:
            log.warning("%s; its own classifier is left out", error)
            return False
        return True

    def _evaluator(self, protocol: Protocol) -> Evaluator:
        if not protocol.by_holdout:
            return FoldExperiment(protocol, self.resources, self.recipe.seed)
        learns = bool(self.recipe.ensembles) and not protocol.on_test
        return Holdout(protocol, self.resources, self.recipe.seed, keeps_validation=learns)

    @property
    def holdout(self) -> Holdout | None:
        """The holdout that selects on validation, where there is one."""
        found = [e for e in self.evaluators if isinstance(e, Holdout)]
        return next((e for e in found if not e.protocol.on_test), None)

    def run(self) -> Comparison:
        """Compute what is not there, and write everything that sums it up."""
        plan = [(s, e) for s in self.systems for e in self.evaluators if e.takes(s)]
        check_members(self.recipe.ensembles, [(s.extractor, s.head) for s in self.systems])
        label = f"comparing on {self.resources.dataset.name}"
        with self.resources.progress.task(label, len(plan)) as advance:
            for how in self._each():
                self.counts[how] += 1
                advance(1)
        order = list(self.runs)
        if self.holdout is not None:
            members = [run for run, (_, evaluator) in self.runs.items() if evaluator is self.holdout]
            experiment = self.holdout.experiment
            for run, how in ensembles(self.recipe.ensembles, experiment, members, self.folder):
                order.append(run)
                self.counts[how] += 1
        return self._summed_up(order)

    def _each(self) -> Iterator[str]:
        """Yield how each run went; a system's vectors or candidates are in memory for all its protocols.

        On a cluster, one extractor is embedded while the runs of those before it are in work.
        """
        from pipelines.evaluation.remote import RemoteRuns

        remote = RemoteRuns(self.resources.cluster) if self.resources.cluster is not None else None
        for system in self.systems:
            prepared = Prepared(system, self.resources)
            for evaluator in self.evaluators:
                if evaluator.takes(system):
                    yield from self._one(prepared, evaluator, remote)
        if remote is not None:
            for done in remote.rest():
                yield self._written(*done)

    def _one(self, prepared: Prepared, evaluator: Evaluator, remote: Any) -> Iterator[str]:
        system = prepared.system
        try:
            row = Row(**{**evaluator.base_row(system), "run": evaluator.run_id(system)})
        except FAILURES as error:  # weights that cannot be read, say
            row = self._unidentified(system, evaluator)
            self.runs[row.run] = system, evaluator
            yield self._written(row, error)
            return
        self.runs[row.run] = system, evaluator
        if row.run in self.done and evaluator.is_whole(row.run, self.folder):
            self.reused.add(row.run)
            if isinstance(evaluator, Holdout):
                evaluator.mark(system, self.done[row.run], self.folder)
            yield "reused"
        elif remote is None or not remote.takes(system, evaluator):
            yield self._computed(row, prepared, evaluator)
        else:
            for done in remote.submit(row, prepared, evaluator):
                yield self._written(*done)

    def _unidentified(self, system: System, evaluator: Evaluator) -> Row:
        """Return the row of a run of which not even is known what decides it."""
        dataset, title = self.resources.dataset, evaluator.protocol.title
        run = key_of({"system": system.title, "way": title})[:16]
        return Row(run, dataset.name, dataset.fingerprint, title, "test", system.extractor, system.spec,
                   system.head, seed=self.recipe.seed)  # fmt: skip

    def _computed(self, row: Row, prepared: Prepared, evaluator: Evaluator) -> str:
        with kept_warnings() as said:
            try:
                found: RunOutput | Exception = evaluator.evaluate(prepared)
            except FAILURES as error:
                found = error
        return self._written(row, found, said)

    def _written(self, row: Row, found: RunOutput | Exception | str, said: list[str] | None = None) -> str:
        if not isinstance(found, RunOutput):
            self.folder.fail(row, found, said or ())
            return "failed"
        self.folder.save(found)
        self.done[row.run] = found.rows
        scores = ", ".join(f"{r.split} {r.accuracy:.4f}" for r in found.rows[:2])
        log.info("%s with %s: %s, fitted in %.1f s", row.extractor, row.head, scores, found.rows[-1].fit_s)
        return "computed"

    def _summed_up(self, order: list[str]) -> Comparison:
        r, holdout = self.resources, self.holdout
        rows = self.folder.rows(order)
        said = {warning for e in self.evaluators if isinstance(e, Holdout) for warning in e.known_warnings}
        say_again(log, [row for row in rows if row.run in self.reused and row.split == "test"], said)
        dataset = r.dataset if holdout is None else holdout.experiment.dataset
        pooled = list(self._pooled(rows))
        found = Comparison(
            rows, **self.counts, faults=len(dataset.faults), folder=self.folder.path, notes=dataset.notes,
            ignored=dataset.ignored, pooled=pooled,
        )  # fmt: skip
        if any(isinstance(e, Holdout) for e in self.evaluators):
            write_summary(found, self.folder.path / "summary.csv")
        if pooled:
            write_table(pooled, self.folder.path / "cross-validation.csv")
        write_audit(dataset, self.folder.path, r.progress)
        self.folder.write_recipe(about(self.recipe, dataset, order))
        return found

    def _pooled(self, rows: list[Row]) -> Iterator[PooledRow]:
        """Yield the table of folds, in the order of the recipe."""
        whole = {row.run: row for row in rows if row.split == "test"}
        for run, (system, evaluator) in self.runs.items():
            if isinstance(evaluator, FoldExperiment):
                yield from evaluator.table(system, whole[run], self.folder)


def systems(recipe: Recipe) -> Iterator[System]:
    """Yield the systems of a recipe, extractor by extractor, so that the vectors of one are in memory.

    A network with a classifier of its own answers first, by itself.
    """
    for features in recipe.extractors:
        if own := pretrained_run(features):
            yield HeadSystem(*own, pretrained=True)
        for head in heads_on(features, recipe.heads):
            yield HeadSystem(features, head)
    yield from map(NetworkSystem, recipe.networks)
    yield from map(MapSystem, recipe.systems)


def write_audit(dataset: Dataset, out: Path, progress: Progress = SILENT) -> bool:
    """Write the audit of a data set of images to ``audit/``, where ``mueca report`` looks for it.

    An audit of the same samples that is there already stays.

    Returns
    -------
    bool
        Whether one was made.
    """
    mark = out / "audit" / "fingerprint.txt"
    if dataset.kind != "image" or (mark.is_file() and mark.read_text("utf-8") == dataset.fingerprint):
        return False
    audit(dataset, progress=progress).write_csv(mark.parent)
    write_text(mark, dataset.fingerprint)
    return True


def about(recipe: Recipe, dataset: Dataset, runs: list[str]) -> dict[str, Any]:
    """Return what a report says of a comparison besides its scores: recipe, runs in order, data, machine."""
    counts = {
        str(name): np.bincount(dataset.labels[dataset.split == name], minlength=len(dataset.classes)).tolist()
        for name in dict.fromkeys(dataset.split.tolist())
    }
    apart = dataset.groups is not None and all(p.protocol != "random-leaky" for p in recipe.protocols)
    data = {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "synthetic": dataset.synthetic,
        "kind": dataset.kind,
        "classes": list(dataset.classes),
        "counts": counts,
        "subjects": len(np.unique(np.asarray(dataset.groups))) if apart else None,
        "left_out": len(dataset.faults),
        "held_out": dataset.held_out,
        "notes": list(dataset.notes),
        **({"sets": list(dataset.joined_from)} if dataset.joined_from else {}),
        "not_looked_at": dataset.ignored,
    }
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "recipe": recipe.model_dump(),
        "runs": runs,
        "data": data,
    }
