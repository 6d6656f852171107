"""Recipes of the gap: read from YAML, run to rows, predictions and a table."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from classifiers.candidates import CandidateSet
from featurize.clips.maps import Maps
from featurize.store import key_of
from pipelines.cross_validation.megc2019_systems import SYSTEMS, WAYS, maps_of, pooled
from pipelines.cross_validation.nested import marks_of
from pipelines.cross_validation.network_candidates import NetworkCandidates
from pipelines.cross_validation.table import Failures, PooledRow, again, keep, write_table
from pipelines.datasets import registry
from pipelines.datasets.base import Dataset, order_digest
from pipelines.evaluation.evaluate import FAILURES
from pipelines.recipe import Data, as_data, check_recipe, first_problem, read_content
from pipelines.results.rows import Row, read_rows
from pipelines.utils.kept_warnings import as_text, kept_warnings, say_again
from pipelines.utils.paths import as_path, check_parents
from pipelines.utils.progress import SILENT, Progress
from pipelines.utils.values import plain

log = logging.getLogger(__name__)

#: Raised whenever the same recipe gives other figures.
VERSION = 1


class GapRecipe(BaseModel):
    """Which systems under which protocols.

    Attributes
    ----------
    name, question : str
    data : Data or str
        Motion maps; `options` has their path.
    systems : list of str
        Keys of `pipelines.cross_validation.megc2019_systems.SYSTEMS`.
    ways : list of str
        Keys of `pipelines.cross_validation.megc2019_systems.WAYS`.
    inner : int
        Inner folds.
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    question: str = ""
    data: Annotated[Data, BeforeValidator(as_data)]
    systems: list[str] = Field(min_length=1)
    ways: list[str] = Field(default=list(WAYS), min_length=1)
    inner: int = Field(default=10, ge=2)
    seed: int = Field(default=0, ge=0)

    @field_validator("systems", "ways")
    @classmethod
    def _known(cls, names: list[str], info: Any) -> list[str]:
        known = SYSTEMS if info.field_name == "systems" else WAYS
        if wrong := [name for name in names if name not in known]:
            raise ValueError(f"unknown {wrong[0]!r}; known: {', '.join(known)}")
        return names


def load_gap_recipe(path: Path | str) -> GapRecipe | None:
    """Read a recipe of the gap from a YAML file; None if it is of another kind (it names no systems).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    content = read_content(path, "name, data, extractors and heads")
    return gap_recipe(content, str(path)) if "systems" in content else None


def gap_recipe(content: dict[str, Any], where: str = "recipe") -> GapRecipe:
    """Build a recipe from a mapping; errors as in `load_gap_recipe`."""
    try:
        return GapRecipe(**plain(content))
    except ValidationError as error:
        place, problem = first_problem(error)
        raise ValueError(f"{where}: {place}: {problem}") from None


def run_gap(
    recipe: GapRecipe,
    out: Path | str,
    *,
    strict: bool = False,
    n_jobs: int | None = None,
    progress: Progress = SILENT,
) -> list[PooledRow]:
    """Run a recipe; what `out` already holds of it is not computed again.

    Parameters
    ----------
    recipe : GapRecipe
    out : path
        Folder for ``rows.csv``, ``predictions/``, the table ``gap.csv``, and ``folds/`` (what networks said,
        so that an interrupted run goes on); made if it is not there.
    strict : bool
        A map that cannot be used is an error.
    n_jobs : int, optional
        Workers for folds; all cores by default.
    progress : Progress

    Returns
    -------
    list of PooledRow
        For each system and protocol the whole, then each set; one that failed has a row with its error.

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what to do.
    """
    check_recipe(recipe, GapRecipe, "run_gap", "load_gap_recipe")
    out = as_path(out, "out")
    check_parents(out)
    dataset = registry.load(recipe.data.name, strict=strict, **recipe.data.options)
    maps = maps_of(dataset)
    known = {row.run: row for row in read_rows(out / "rows.csv") if row.split == "test" and row.done}
    runs = {_run_id(recipe, dataset, system, way) for system in recipe.systems for way in recipe.ways}
    say_again(log, [row for row in known.values() if row.run in runs])
    rows: list[PooledRow] = []
    failures = Failures(dataset)
    with progress.task(f"the gap on {dataset.name}", len(recipe.systems) * len(recipe.ways)) as advance:
        for system in recipe.systems:
            cells: CandidateSet | None = None
            for way in recipe.ways:
                run = _run_id(recipe, dataset, system, way)
                try:
                    if run not in known:
                        cells = cells or _built(system, maps, dataset, out)
                        known[run] = _computed(
                            recipe, dataset, cells, system, way, run, out, n_jobs, progress
                        )
                    how: dict[str, Any] = WAYS[way]
                    rows += again(dataset, known[run], system, way, out, marks_of(**how))
                except FAILURES as error:
                    base = {"run": run} | _named(recipe, system)
                    rows.append(failures.add(error, system, way, base))
                advance(1)
    failures.write(out, of=len(recipe.systems) * len(recipe.ways))
    write_table(rows, out / "gap.csv")
    return rows


def _built(system: str, maps: Maps, dataset: Dataset, out: Path) -> CandidateSet:
    """Return a system's candidates; those of a network keep their folds in `out`."""
    cells = SYSTEMS[system].build(maps, dataset.labels)
    if isinstance(cells, NetworkCandidates):
        cells.folder = out / "folds"
    return cells


def _named(recipe: GapRecipe, system: str) -> dict[str, Any]:
    """Return the fields of a system's rows that are known before anything is computed."""
    return {"extractor": "motion maps", "spec": SYSTEMS[system].spec, "head": system, "seed": recipe.seed}


def _run_id(recipe: GapRecipe, dataset: Dataset, system: str, way: str) -> str:
    decides = {"data": dataset.fingerprint, "ids": order_digest(dataset.ids.tolist()), "system": system,
               "way": way, "inner": recipe.inner, "seed": recipe.seed, "version": VERSION}  # fmt: skip
    return key_of(decides)[:16]


def _computed(
    recipe: GapRecipe,
    dataset: Dataset,
    cells: CandidateSet,
    system: str,
    way: str,
    run: str,
    out: Path,
    n_jobs: int | None,
    progress: Progress,
) -> Row:
    """Measure one system under one protocol; write its predictions and its rows; return that of the whole."""
    started = time.perf_counter()
    with kept_warnings() as said:
        found = pooled(
            cells, dataset, way, recipe.inner, recipe.seed,
            groups=SYSTEMS[system].groups, n_jobs=n_jobs, progress=progress,
        )  # fmt: skip
    known = {"run": run, "fit_s": time.perf_counter() - started, "warnings": as_text(said)}
    known |= _named(recipe, system)
    return keep(dataset, found, out, known, probabilistic=isinstance(cells, NetworkCandidates))
