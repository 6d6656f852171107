"""Heads and networks on clips, motion maps or faces of named subjects, each subject left out in turn.

What ``mueca cross-validate`` runs, and ``mueca compare`` with a recipe that names protocols.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joblib import effective_n_jobs

from classifiers.candidates import CandidateSet
from classifiers.memory import gigabytes
from featurize.registry import parse
from featurize.store import Store, key_of
from pipelines.cross_validation.nested import cross_validate, marks_of
from pipelines.cross_validation.network_candidates import (
    NetworkCandidates,
)
from pipelines.cross_validation.recipe import FLATTERED, LosoRecipe
from pipelines.cross_validation.systems import _cells, _decided_by_weights, _System, _systems
from pipelines.cross_validation.table import Failures, PooledRow, again, keep, write_table
from pipelines.datasets import registry
from pipelines.datasets.base import Dataset, order_digest
from pipelines.embedding.leakage import status_of
from pipelines.evaluation.evaluate import FAILURES
from pipelines.recipe import (
    check_recipe,
)
from pipelines.results.rows import Row, read_rows
from pipelines.utils.kept_warnings import as_text, kept_warnings, say_again
from pipelines.utils.paths import as_path, check_parents
from pipelines.utils.progress import SILENT, Progress

log = logging.getLogger(__name__)

#: Raised whenever the same recipe gives other figures.
VERSION = 1


def run_loso(
    recipe: LosoRecipe,
    out: Path | str,
    *,
    strict: bool = False,
    store: Store | Path | str | None = None,
    n_jobs: int | None = None,
    memory: float | str | None = None,
    progress: Progress = SILENT,
) -> list[PooledRow]:
    """Run a recipe; what `out` already holds of it is not computed again.

    Parameters
    ----------
    recipe : LosoRecipe
    out : path
        Folder for ``rows.csv``, ``predictions/``, the table ``loso.csv``, and ``folds/`` (what networks said,
        so that an interrupted run goes on); made if it is not there.
    strict : bool
        A sample that cannot be used is an error.
    store : Store or path, optional
        The embedding cache; the user's by default.
    n_jobs : int, optional
        Workers for extraction, and for folds; all cores by default.
    memory : str, float or None
        What the kernels of all folds at work may take together, as in `classifiers.search.SharedGridSearch`.
    progress : Progress

    Returns
    -------
    list of PooledRow
        For each system and protocol the whole, then each set that the data is made of. One that failed has a
        row with its error; it does not end the run, and is tried again the next time. If all failed, the
        first error is raised.

    Raises
    ------
    TypeError, ValueError, OSError
        If the data set cannot be had, or nothing can be written; one line that says what to do.
    """
    check_recipe(recipe, LosoRecipe, "run_loso", "load_loso_recipe")
    out = as_path(out, "out")
    check_parents(out)
    store = Store.of(store)
    dataset = registry.load(
        recipe.data.name, strict=strict, cache=store.root, progress=progress, **recipe.data.options
    )
    systems = list(_systems(recipe))
    bound = gigabytes(memory) / (effective_n_jobs(n_jobs or -1))
    known = {row.run: row for row in read_rows(out / "rows.csv") if row.split == "test" and row.done}
    shown: list[Row] = []
    rows: list[PooledRow] = []
    failures = Failures(dataset)
    with progress.task(f"subjects of {dataset.name}", len(systems) * len(recipe.protocols)) as advance:
        for system in systems:
            cells: CandidateSet | None = None
            said: list[str] = []
            for way in recipe.protocols:
                run = ""
                try:
                    run = _run_id(recipe, dataset, system, way)
                    if run in known:
                        shown.append(known[run])
                    else:
                        if cells is None:
                            with kept_warnings() as said:
                                cells = _cells(system, dataset, out, store, n_jobs, bound, progress)
                        known[run] = _computed(
                            recipe, dataset, cells, system, way, run, out, n_jobs, progress, said
                        )
                    rows += again(dataset, known[run], system.title, way, out, marks_of(**_how(way)))
                except FAILURES as error:
                    base = {"run": run or key_of({"system": system.title, "way": way})[:16]}
                    rows.append(failures.add(error, system.title, way, base | _named(recipe, system)))
                advance(1)
    failures.write(out, of=len(systems) * len(recipe.protocols))
    say_again(log, shown)
    write_table(rows, out / "loso.csv")
    return rows


def _named(recipe: LosoRecipe, system: _System) -> dict[str, Any]:
    """Return the fields of a system's rows that are known before anything is computed."""
    title = system.title.rpartition(" + ")[0] or system.title
    return {"extractor": title, "spec": system.spec, "head": system.head, "seed": recipe.seed}


def _how(way: str) -> dict[str, Any]:
    return {"protocol": way.removesuffix(FLATTERED), "select_on_test": way.endswith(FLATTERED)}


def _run_id(recipe: LosoRecipe, dataset: Dataset, system: _System, way: str) -> str:
    how = {"folds": recipe.folds, "inner": recipe.inner, "shared": recipe.shared, "seed": recipe.seed}
    groups = [] if dataset.groups is None else dataset.groups.tolist()
    decides = {"data": dataset.fingerprint, "ids": order_digest(dataset.ids.tolist()), "groups": groups,
               "system": system.decides | _decided_by_weights(system, dataset), "way": way,
               "version": VERSION}  # fmt: skip
    return key_of(decides | how)[:16]


def _computed(
    recipe: LosoRecipe,
    dataset: Dataset,
    cells: CandidateSet,
    system: _System,
    way: str,
    run: str,
    out: Path,
    n_jobs: int | None,
    progress: Progress,
    warnings: Sequence[str],
) -> Row:
    started = time.perf_counter()
    dear = isinstance(cells, NetworkCandidates)
    inner = recipe.inner or (5 if dear else 10)
    with kept_warnings() as said:
        found = cross_validate(
            cells, dataset.labels, dataset.groups, folds=recipe.folds, inner=inner,
            shared=recipe.shared or dear, seed=recipe.seed, progress=progress,
            n_jobs=cells.n_jobs if isinstance(cells, NetworkCandidates) else n_jobs or -1, **_how(way),
        )  # fmt: skip
    known = _named(recipe, system) | {
        "run": run, "fit_s": time.perf_counter() - started,
        "status": status_of(parse(system.spec)) if system.features else "ok",
        "warnings": as_text([*warnings, *said]),
    }  # fmt: skip
    return keep(dataset, found, out, known, probabilistic=isinstance(cells, NetworkCandidates))
