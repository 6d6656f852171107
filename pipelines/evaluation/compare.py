"""Every extractor with every head under one protocol: rows, predictions, a summary."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from featurize.atomic import write_text
from featurize.store import Store
from featurize.suggest import error_words
from pipelines.datasets.audit import audit
from pipelines.datasets.base import Dataset
from pipelines.evaluation.ensemble import answers_kept, check_members, ensembles, held_out
from pipelines.evaluation.evaluate import FAILURES, base_row, cell_id, run_cell
from pipelines.evaluation.experiment import Experiment, Matrix
from pipelines.evaluation.recipe import Recipe, own_cell
from pipelines.recipe import Head, check_recipe, heads_on
from pipelines.results.predictions import Predictions
from pipelines.results.rows import Row, append_grid, append_rows, read_rows
from pipelines.utils.kept_warnings import as_text, from_text, kept_warnings, say_again
from pipelines.utils.paths import as_path, check_parents
from pipelines.utils.progress import SILENT, Progress
from pipelines.utils.provenance import machine

if TYPE_CHECKING:
    from pipelines.utils.cluster import Cluster
from pipelines.evaluation.experiment import make_bench
from pipelines.evaluation.summary import Comparison, write_summary
from pipelines.results.folder import _ordered

log = logging.getLogger(__name__)


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
        Folder for ``rows.csv``, ``grid.csv``, ``predictions/``, ``summary.csv`` and ``recipe.json``; made if
        it is not there.
    store : Store or path, optional
        The embedding cache; the user's by default.
    n_jobs : int, optional
        Workers for extraction; all cores by default.
    strict : bool
        An unreadable sample is an error.
    progress : Progress
    memory : str, float or None
        What kernels may take, as in `classifiers.search.SharedGridSearch`; the workers of one machine share
        it.
    cluster : Cluster, optional
        Where shards of embeddings and cells are computed (`pipelines.utils.cluster.connect`); files are
        written here only.

    Returns
    -------
    Comparison
        A cell that failed is a row whose `status` is "error"; it does not end the run, and is tried again the
        next time.

    Raises
    ------
    TypeError
        If `recipe` is none.
    ValueError, OSError
        If the data set or the protocol cannot be had, or nothing can be written to `out`.
    """
    check_recipe(recipe, Recipe, "compare", "load_recipe")
    out = as_path(out, "out")
    check_parents(out)
    bench = make_bench(
        recipe, store=store, n_jobs=n_jobs, strict=strict, progress=progress, memory=memory, cluster=cluster
    )
    done: dict[str, list[Row]] = {}
    for row in read_rows(out / "rows.csv"):
        if row.done:
            done.setdefault(row.run, []).append(row)
    counts = {"computed": 0, "reused": 0, "failed": 0}
    runs: dict[str, None] = {}
    cells = [(matrix.features.title, head.head) for head, matrix in _cells(recipe, bench)]
    check_members(recipe.ensembles, cells)
    with progress.task(f"comparing on {bench.dataset.name}", len(cells)) as advance:
        for how in _computed(recipe, bench, done, runs, out):
            counts[how] += 1
            advance(1)
    order = list(runs)
    for how in ensembles(recipe.ensembles, bench, order, out):
        counts[how] += 1
    rows = _ordered(read_rows(out / "rows.csv"), order)
    _say_again([row for row in rows if row.run in done], bench)
    found = Comparison(
        rows,
        **counts,
        faults=len(bench.dataset.faults),
        folder=out,
        notes=bench.dataset.notes,
        ignored=bench.dataset.ignored,
    )
    write_summary(found, out / "summary.csv")
    write_audit(bench.dataset, out, progress)
    write_recipe(recipe, bench.dataset, order, out / "recipe.json")
    return found


def write_audit(dataset: Dataset, out: Path, progress: Progress = SILENT) -> bool:
    """Write the audit of a data set of pictures to ``audit/``, where ``mueca report`` looks for it.

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
    mark.write_text(dataset.fingerprint, "utf-8")
    return True


def _cells(recipe: Recipe, bench: Experiment) -> Iterator[tuple[Head, Matrix]]:
    """Yield the cells, extractor by extractor, so that the vectors of one at a time are in memory.

    A network with a classifier of its own answers first, by itself.
    """
    for features in recipe.extractors:
        if own := own_cell(features):
            yield own[1], Matrix(own[0], bench, judged=True)
        matrix = Matrix(features, bench)
        for head in heads_on(features, recipe.heads):
            yield head, matrix


def _computed(
    recipe: Recipe, bench: Experiment, done: Mapping[str, list[Row]], runs: dict[str, None], out: Path
) -> Iterator[str]:
    """Compute and write the cells that are not `done`; yield how each went, and enter all into `runs`.

    On a cluster, one extractor is embedded while the cells of those before it are in work.
    """
    far = _Far(bench, out) if bench.cluster is not None else None
    for head, matrix in _cells(recipe, bench):
        run = cell_id(head, matrix)
        runs[run] = None
        if run in done and (not recipe.ensembles or answers_kept(out, run)):
            _mark(done[run], matrix, out)
            yield "reused"
        elif far is None:
            yield _run(head, matrix, out)
        else:
            yield from far.submit(head, matrix)
    if far is not None:
        yield from far.rest()


def _mark(rows: Sequence[Row], matrix: Matrix, out: Path) -> None:
    """Write rows anew that an older version has not marked; their figures stay."""
    marks = matrix.known["marks"]
    if all(row.marks == marks for row in rows):
        return
    warned = [as_text([*matrix.leaks, *from_text(row.warnings)]) for row in rows]
    marked = [replace(row, marks=marks, warnings=w) for row, w in zip(rows, warned, strict=True)]
    append_rows(out / "rows.csv", marked)


def _say_again(rows: Sequence[Row], bench: Experiment) -> None:
    """Log what was warned of when rows were computed, but for what this run has said already."""
    say_again(log, [row for row in rows if row.split == "test"], {*bench.said, *bench.left_out})


class _Far:
    """Cells computed on a cluster and written here."""

    def __init__(self, bench: Experiment, out: Path) -> None:
        from pipelines.evaluation.remote import RemoteRuns

        assert bench.cluster is not None  # noqa: S101 - who calls has looked
        self.cells, self.out = RemoteRuns(bench.cluster, bench), out

    def submit(self, head: Head, matrix: Matrix) -> Iterator[str]:
        """Send one; write those that are done meanwhile."""
        try:
            self.cells.submit(head, matrix)
        except FAILURES as error:
            yield _failed(head, matrix, error, self.out)
        yield from self._written(self.cells.finished())

    def rest(self) -> Iterator[str]:
        """Write the others as they come."""
        yield from self._written(self.cells.rest())

    def _written(self, answers: Iterator[tuple[Head, Matrix, dict[str, Any]]]) -> Iterator[str]:
        for head, matrix, answer in answers:
            if "error" in answer:
                yield _failed(head, matrix, answer["error"], self.out)
            else:
                yield self._kept(head, matrix, answer)

    def _kept(self, head: Head, matrix: Matrix, answer: dict[str, Any]) -> str:
        """Write an answer with what is known here of its vectors; say what the worker warned of."""
        from pipelines.evaluation.remote import unpacked

        rows, predictions, validation, tried = unpacked(answer)
        known: dict[str, Any] = dict(matrix.known)
        heard = [f"{matrix.features.title} with {head.head}: {one}" for one in from_text(rows[0].warnings)]
        for warning in [*matrix.embedding.warnings, *heard]:
            matrix.bench.warn(warning)
        warnings = as_text([*matrix.warnings, *from_text(rows[0].warnings)])
        rows = [replace(row, **known, warnings=warnings) for row in rows]
        return _keep(head, rows, predictions, validation, tried, self.out)


def _run(head: Head, matrix: Matrix, out: Path) -> str:
    """Compute one cell and write it; return how it went."""
    try:
        with kept_warnings() as said:
            outcome = run_cell(head, matrix)
    except FAILURES as error:
        return _failed(head, matrix, error, out, said)
    choice = outcome.choice
    return _keep(head, outcome.rows, outcome.predictions, choice.validation, choice.tried, out)


def _failed(
    head: Head, matrix: Matrix, error: Exception | str, out: Path, warnings: Sequence[str] = ()
) -> str:
    words = error_words(error)
    log.warning("%s with %s failed: %s", matrix.features.title, head.head, words)
    row = Row(**base_row(head, matrix), status="error", error=words, warnings=as_text(warnings))
    append_rows(out / "rows.csv", [row])
    return "failed"


def _keep(
    head: Head,
    rows: list[Row],
    predictions: Predictions,
    validation: Predictions,
    tried: list[dict[str, Any]],
    out: Path,
) -> str:
    chosen, tested = rows[0], rows[1]
    log.info(
        "%s with %s: validation %.4f, test %.4f, fitted in %.1f s",
        tested.extractor, tested.head, chosen.accuracy, tested.accuracy, tested.fit_s,
    )  # fmt: skip
    predictions.save(out / "predictions" / f"{chosen.run}.npz")
    validation.save(held_out(out, chosen.run))
    append_grid(out / "grid.csv", chosen.run, head.head, tried)
    append_rows(out / "rows.csv", rows)  # last: a row says that all of the cell is there
    return "computed"


def write_recipe(recipe: Recipe, dataset: Dataset, runs: list[str], path: Path) -> None:
    """Write what a report says of a comparison besides its scores: recipe, cells in order, data, machine."""
    counts = {
        str(name): np.bincount(dataset.labels[dataset.split == name], minlength=len(dataset.classes)).tolist()
        for name in dict.fromkeys(dataset.split.tolist())
    }
    data = {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "synthetic": dataset.synthetic,
        "kind": dataset.kind,
        "classes": list(dataset.classes),
        "counts": counts,
        "subjects": None if dataset.groups is None else len(np.unique(dataset.groups)),
        "left_out": len(dataset.faults),
        "held_out": dataset.held_out,
        "notes": list(dataset.notes),
        "not_looked_at": dataset.ignored,
    }
    record = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "recipe": recipe.model_dump(),
        "runs": runs,
        "data": data,
    }
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False, default=str))
