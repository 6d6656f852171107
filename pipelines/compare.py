"""Every extractor with every head under one protocol: rows, predictions, a summary."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifiers.memory import gigabytes
from featurize.store import Store
from featurize.suggest import error_words
from pipelines import datasets
from pipelines.datasets.audit import audit
from pipelines.datasets.base import Dataset
from pipelines.ensemble import answers_kept, check_members, ensembles, held_out
from pipelines.fit import FAILURES, Bench, Matrix, base_row, cell_id, run_cell
from pipelines.kept_warnings import as_text, from_text, kept_warnings, say_again
from pipelines.networks import own_cell
from pipelines.progress import SILENT, Progress
from pipelines.recipe import Head, Recipe, check_recipe, heads_on
from pipelines.results import Predictions, Row, append_grid, append_rows, read_rows
from pipelines.splits import divided, split, worded
from pipelines.tabular import write_csv
from pipelines.utils.paths import as_path, check_parents
from pipelines.versions import machine

if TYPE_CHECKING:
    from pipelines.cluster import Cluster

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    rows : list of Row
        Of this recipe's cells only, in the recipe's order, whether computed now or before.
    computed, reused, failed : int
        Cells.
    faults : int
        Samples that were left out of the data set.
    folder : Path
    notes : tuple of str
        What a user should know of the samples.
    ignored : mapping
        What was not looked at, see `pipelines.datasets.base.Dataset`.
    """

    rows: list[Row]
    computed: int
    reused: int
    failed: int
    faults: int
    folder: Path
    notes: tuple[str, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)

    @property
    def best(self) -> Row | None:
        """The validation row of the combination that validation chooses; of equals, the first.

        A run whose network has learned from validation samples is not chosen by them. None where no other
        run has gone well.
        """
        chosen = [r for r in self.rows if r.split == "validation" and r.status == "ok"]
        chosen = [r for r in chosen if not r.seen_validation]
        return max(chosen, key=lambda r: r.accuracy, default=None)


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
        `pipelines.recipe.load_recipe` reads one from a file.
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
        Where shards of embeddings and cells are computed (`pipelines.cluster.connect`); files are written
        here only.

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


def make_bench(
    recipe: Recipe,
    *,
    store: Store | Path | str | None = None,
    n_jobs: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
    memory: float | str | None = None,
    cluster: Cluster | None = None,
) -> Bench:
    """Load a recipe's data and divide it by the recipe's protocol."""
    gigabytes(memory)  # a wrong one is an error before anything is read
    store = Store.of(store)
    dataset = datasets.load(
        recipe.data.name, strict=strict, cache=store.root, progress=progress, **recipe.data.options
    )
    dataset = divided(dataset, recipe.test, recipe.seed)
    parts = split(dataset, recipe.validation, recipe.test, recipe.seed, recipe.refit)
    parts = worded(parts, recipe.folds, recipe.halving)
    return Bench(
        dataset, parts, recipe.refit, recipe.scoring, recipe.seed, store, n_jobs, progress, memory, cluster,
        recipe.folds, recipe.halving,
    )  # fmt: skip


def _cells(recipe: Recipe, bench: Bench) -> Iterator[tuple[Head, Matrix]]:
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
    recipe: Recipe, bench: Bench, done: Mapping[str, list[Row]], runs: dict[str, None], out: Path
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


def _say_again(rows: Sequence[Row], bench: Bench) -> None:
    """Log what was warned of when rows were computed, but for what this run has said already."""
    say_again(log, [row for row in rows if row.split == "test"], {*bench.said, *bench.left_out})


class _Far:
    """Cells computed on a cluster and written here."""

    def __init__(self, bench: Bench, out: Path) -> None:
        from pipelines.remote import Cells

        assert bench.cluster is not None  # noqa: S101 - who calls has looked
        self.cells, self.out = Cells(bench.cluster, bench), out

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
        from pipelines.remote import unpacked

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


def _ordered(rows: list[Row], runs: list[str]) -> list[Row]:
    """Keep the rows of `runs`, in that order: of a cell computed twice the later, no mended error."""
    mended = {row.run for row in rows if row.done}
    kept = [row for row in rows if row.run in runs and (row.done or row.run not in mended)]
    latest = {(row.run, row.split): row for row in kept}
    return sorted(latest.values(), key=lambda row: runs.index(row.run))


SUMMARY = (
    "extractor",
    "head",
    "params",
    "validation",
    "test",
    "ci_low",
    "ci_high",
    "test_clean",
    "uar",
    "uf1",
    "fit_s",
    "predict_ms",
    "chosen",
    "error",
    "data",
    "marks",
    "warnings",
)


#: What a summary says where weights are random: the times stand.
_NO_RESULT = dict.fromkeys(
    ("validation", "test", "ci_low", "ci_high", "test_clean", "uar", "uf1"), float("nan")
) | {"error": "random weights, for timing only"}


def summarize(comparison: Comparison) -> list[dict[str, Any]]:
    """Return one record a cell: what validation said, what the test said."""
    cells: dict[str, dict[str, Row]] = {}
    for row in comparison.rows:
        cells.setdefault(row.run, {})[row.split] = row
    best = comparison.best
    return [_record(splits, chosen=best is not None and run == best.run) for run, splits in cells.items()]


def _record(splits: dict[str, Row], chosen: bool) -> dict[str, Any]:
    test = splits["test"]
    record = {
        "extractor": test.extractor,
        "head": test.head,
        "params": test.params,
        "test": test.accuracy,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "uar": test.balanced_accuracy,
        "uf1": test.f1_macro,
        "fit_s": test.fit_s,
        "predict_ms": test.predict_ms_per_sample,
        "chosen": "yes" if chosen else "",
        "error": test.error,
        "data": test.dataset,
        "marks": test.marks,
        "warnings": "; ".join(from_text(test.warnings)),
    }
    record["validation"] = splits["validation"].accuracy if "validation" in splits else float("nan")
    record["test_clean"] = splits["test-clean"].accuracy if "test-clean" in splits else float("nan")
    return record if test.status != "timing" else record | _NO_RESULT


def write_summary(comparison: Comparison, path: Path) -> None:
    """Write the summary as CSV, replacing an older one."""
    write_csv(path, summarize(comparison), SUMMARY)


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
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(record, indent=1, ensure_ascii=False, default=str), "utf-8")
    temporary.replace(path)
