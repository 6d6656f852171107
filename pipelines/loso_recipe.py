"""Heads and networks on clips, motion maps or faces of named subjects, each subject left out in turn.

What ``mueca loso`` runs, and ``mueca compare`` with a recipe that names protocols.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from joblib import effective_n_jobs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from classifiers.cells import Cells
from classifiers.memory import gigabytes
from featurize.images import Preprocess
from featurize.registry import parse
from featurize.store import Store, key_of
from pipelines import datasets
from pipelines.cures import for_folds
from pipelines.datasets.base import Dataset, order_digest
from pipelines.extract import embed, embedding_keys
from pipelines.fit import FAILURES
from pipelines.head_cells import HeadCells
from pipelines.kept_warnings import as_text, kept_warnings, say_again
from pipelines.loso import PROTOCOLS, cross_validate, marks_of
from pipelines.network_cells import KerasCells, NetworkCells, STSTNetCells, weights_before
from pipelines.networks import check_classes, check_untested, status_of
from pipelines.pooled import Failures, PooledRow, again, keep, write_table
from pipelines.progress import SILENT, Progress
from pipelines.recipe import (
    Data,
    Features,
    Head,
    as_data,
    as_features,
    as_head,
    check_recipe,
    first_problem,
    heads_on,
    read_content,
    with_extractors,
)
from pipelines.results import Row, read_rows
from pipelines.training.recipe import TrainRecipe, is_plain, network_of
from pipelines.training.recipe import recipe as training_of
from pipelines.utils.paths import as_path, check_parents
from pipelines.utils.values import plain

log = logging.getLogger(__name__)

#: Raised whenever the same recipe gives other figures.
VERSION = 1
#: What a protocol's name ends with where candidates are chosen on the test subject itself.
FLATTERED = "+select-on-test"


@dataclass(frozen=True)
class NetworkPlan:
    """A network to be trained in every fold; `epochs` are what is chosen from (or the one number)."""

    training: TrainRecipe
    epochs: tuple[int, ...]


def _as_network(value: Any) -> Any:
    """Read ``{backbone: ststnet, epochs: [20, 40], mirror: true}``; None of epochs: as its source did it."""
    if not isinstance(value, dict):
        raise ValueError(f"a network is a mapping with backbone and epochs, not {value!r}")
    fields = dict(value)
    asked = fields.pop("epochs", None)
    plan = training_of(**fields)
    wanted: Any = asked if isinstance(asked, list | tuple) else [asked or plan.resolved().epochs]
    if not wanted or not all(type(e) is int and e > 0 for e in wanted):
        raise ValueError(f"epochs={asked!r}: give one whole number or several, each at least 1")
    return NetworkPlan(plan, tuple(sorted(set(wanted))))


class LosoRecipe(BaseModel):
    """What to test, and by which protocols.

    Attributes
    ----------
    name, question : str
    data : Data or str
        A set that names its subjects; "random-leaky" alone does without.
    protocols : list of str
        Of `pipelines.loso.PROTOCOLS`, each as it is or with ``+select-on-test`` behind it.
    folds, shared, seed
        See `pipelines.loso.cross_validate`; a network's folds always share their inner fits.
    inner : int or None
        Inner folds; None: 10 for heads, 5 for networks.
    extractors : list of Features or str
    heads : list of Head or str
        Each is fitted on each extractor's vectors.
    networks : list of mapping
        Each answers by its own softmax: the fields of a `TrainRecipe`, `epochs` being a number or several to
        choose from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    question: str = ""
    data: Annotated[Data, BeforeValidator(as_data)]
    protocols: list[str] = Field(default=["loso"], min_length=1)
    folds: int = Field(default=10, ge=2)
    inner: int | None = Field(default=None, ge=2)
    shared: bool = False
    seed: int = Field(default=0, ge=0, le=2**31)
    extractors: list[Annotated[Features, BeforeValidator(as_features)]] = []
    heads: list[Annotated[Head, BeforeValidator(as_head)]] = []
    networks: list[Annotated[NetworkPlan, BeforeValidator(_as_network)]] = []

    @field_validator("protocols")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if wrong := [n for n in names if n.removesuffix(FLATTERED) not in PROTOCOLS]:
            raise ValueError(
                f"unknown {wrong[0]!r}; known: {', '.join(PROTOCOLS)}, each also with {FLATTERED}"
            )
        return names

    _heads_have_extractors = field_validator("heads")(with_extractors)


def load_loso_recipe(path: Path | str) -> LosoRecipe | None:
    """Read a recipe from a YAML file; None if it is of another kind (it names no protocols).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        One line that names the file, the place in it and what is wrong there.
    """
    content = read_content(path, "name, data, extractors and heads")
    return loso_recipe(content, f"{path}: ") if "protocols" in content else None


def loso_recipe(content: Mapping[str, Any], where: str = "") -> LosoRecipe:
    """Build a recipe from a mapping; errors as in `load_loso_recipe`."""
    try:
        recipe = LosoRecipe(**plain(content))
    except ValidationError as error:
        place, problem = first_problem(error)
        raise ValueError(f"{where}{place}: {problem}") from None
    if not recipe.networks and not (recipe.extractors and recipe.heads):
        raise ValueError(f"{where}nothing to test: give extractors and heads, or networks")
    return recipe


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
    dataset = datasets.load(
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
            cells: Cells | None = None
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


def _systems(recipe: LosoRecipe) -> Iterator[_System]:
    decides: dict[str, Any]
    for features in recipe.extractors:
        for head in heads_on(features, recipe.heads):
            decides = {"features": features.model_dump(), "head": head.identity()}
            title = f"{features.title} + {head.head}"
            yield _System(title, features.extractor, head.head, decides, features, head)
    for network in recipe.networks:
        plan, epochs = network.training.resolved(), ", ".join(map(str, network.epochs))
        decides = {"network": plan.deciding() | {"batch": plan.batch}, "epochs": network.epochs}
        title = f"{network.training.title}, epochs {epochs}"
        yield _System(title, plan.backbone, "own", decides, network=network)


def _check(features: Features, dataset: Dataset) -> None:
    """Refuse vectors of a network that learned from this set."""
    extractors = parse(features.extractor)
    check_classes(extractors, dataset)
    check_untested(extractors, dataset, np.arange(len(dataset)), for_folds)


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
) -> Cells:
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
    return HeadCells(head.head, head.candidates(), found[0], dataset.labels, copies, memory)


def network_cells(
    dataset: Dataset, plan: NetworkPlan, folder: Path | None = None, progress: Progress = SILENT
) -> NetworkCells:
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
        As `KerasCells`.
    """
    r = plan.training.resolved()
    trained = KerasCells(dataset, plan.training, plan.epochs, folder, progress)  # refuses what does not fit
    if r.backbone != "ststnet" or not is_plain(r):
        return trained
    from featurize.images import fit_to

    maps = np.stack([fit_to(dataset.samples[i], 28, 3) for i in range(len(dataset))])
    return STSTNetCells(maps, dataset.labels, plan.epochs, folder, learning_rate=r.learning_rate or 0.0,
                        batch=r.batch or 1, mirror=r.mirror, seed=r.seed)  # fmt: skip


def _computed(
    recipe: LosoRecipe,
    dataset: Dataset,
    cells: Cells,
    system: _System,
    way: str,
    run: str,
    out: Path,
    n_jobs: int | None,
    progress: Progress,
    warnings: Sequence[str],
) -> Row:
    started = time.perf_counter()
    dear = isinstance(cells, NetworkCells)
    inner = recipe.inner or (5 if dear else 10)
    with kept_warnings() as said:
        found = cross_validate(
            cells, dataset.labels, dataset.groups, folds=recipe.folds, inner=inner,
            shared=recipe.shared or dear, seed=recipe.seed, progress=progress,
            n_jobs=cells.n_jobs if isinstance(cells, NetworkCells) else n_jobs or -1, **_how(way),
        )  # fmt: skip
    known = _named(recipe, system) | {
        "run": run, "fit_s": time.perf_counter() - started,
        "status": status_of(parse(system.spec)) if system.features else "ok",
        "warnings": as_text([*warnings, *said]),
    }  # fmt: skip
    return keep(dataset, found, out, known, probabilistic=isinstance(cells, NetworkCells))
