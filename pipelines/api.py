"""The main job as functions: what the command line calls, and what a script would."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from classifiers.costs import Cost
from featurize.images import Preprocess
from featurize.overwriting import check_overwrites
from featurize.store import Store
from pipelines.datasets import registry
from pipelines.datasets.base import Dataset
from pipelines.embedding.embed import Embedding, embed
from pipelines.embedding.files import check_format, vector_files, weights_read, write_vectors
from pipelines.embedding.reduce import reduce
from pipelines.evaluation.compare import compare
from pipelines.evaluation.estimate import estimate as cost_before_run
from pipelines.evaluation.evaluate import EvaluationResult, evaluate_run
from pipelines.evaluation.experiment import Experiment, FeatureMatrix, load_resources, make_experiment
from pipelines.evaluation.recipe import Recipe, load_recipe, single_run
from pipelines.models.card import model_of, save_model
from pipelines.models.model import PARTS, Model, check_saved, load_model
from pipelines.utils.at_work import at_work, lock_of
from pipelines.utils.cluster import Cluster, connect
from pipelines.utils.paths import as_path, check_parents, check_target
from pipelines.utils.progress import SILENT, Progress

__all__ = ["compare", "connect", "estimate", "featurize", "fit", "load_dataset", "load_model", "load_recipe"]

load_dataset = registry.load


def featurize(
    data: str | Path | Dataset,
    backbone: str,
    *,
    out: Path | str | None = None,
    equalize: Literal["none", "hist", "clahe"] = "none",
    tile: int = 4,
    clip: float = 4.0,
    strict: bool = False,
    store: Store | Path | str | None = None,
    n_jobs: int | None = None,
    progress: Progress = SILENT,
    cluster: Cluster | None = None,
    pca: int | None = None,
) -> tuple[Dataset, Embedding]:
    """Turn every image of a data set into a vector, cached.

    Parameters
    ----------
    data : str, path or Dataset
        Name of a data set, a folder of ``class/*.jpg``, a table of files and labels, or a set that was made
        before (`pipelines.datasets.from_python`).
    backbone : str
        Extractor expression, such as ``hog+lbp``.
    out : path, optional
        Also write ids, labels and vectors to this .npz, .npy, .csv or .parquet file.
    equalize, tile, clip
        See `featurize.images.Preprocess`.
    strict : bool
        An unreadable image is an error; otherwise it is left out and listed in ``dataset.faults``.
    store : Store or path, optional
        The embedding cache; the user's by default.
    n_jobs, progress, cluster
        See `pipelines.embedding.embed.embed`.
    pca : int, optional
        Project the vectors on so many principal components, learned from the split "train" alone.

    Returns
    -------
    dataset : Dataset
    embedding : Embedding

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what to do.
    """
    path = None if out is None else as_path(out, "out")
    if path is not None:
        check_format(path)
        check_parents(path.parent)
        reads = [*registry.paths_read(data), *weights_read(backbone)]
        check_overwrites("out", vector_files(path), reads)
    store = Store.of(store)
    preprocess = Preprocess(equalize=equalize, tile=tile, clip=clip)
    dataset = registry.load(data, strict=strict, cache=store.root, progress=progress)
    found = embed(
        dataset,
        backbone,
        preprocess=preprocess,
        store=store,
        n_jobs=n_jobs,
        progress=progress,
        cluster=cluster,
    )
    if pca is not None:
        found = reduce(dataset, found, pca, store, progress)
    if path is not None:
        with progress.task(f"writing {path.name}"):
            write_vectors(path, dataset, found.X)
    return dataset, found


def fit(
    data: str | Path | Dataset, backbone: str, head: str, *, out: Path | str | None = None,
    grid: dict[str, list[Any]] | Literal["default"] | None = None,
    equalize: str = "none", tile: int = 4, clip: float = 4.0, mirror: bool = False,
    validation: float | str = 0.1, test: float | str = "test", refit: bool = True, scoring: str = "accuracy",
    seed: int = 0, strict: bool = False, store: Store | Path | str | None = None, n_jobs: int | None = None,
    progress: Progress = SILENT, memory: float | str | None = None, folds: int | None = None,
    halving: int | None = None, hold_out: Literal["subject", "sample"] = "subject",
    targets: Literal["labels", "votes"] = "labels", balanced_sampling: bool = False,
    head_params: Mapping[str, Any] | None = None, **params: Any,
) -> tuple[Model, EvaluationResult]:  # fmt: skip
    """Extract, choose on validation, fit again on train + validation, test once.

    Parameters
    ----------
    data, backbone, equalize, tile, clip, strict, store, n_jobs, progress
        As in `featurize`.
    head : str
        One of `classifiers.list_heads()`.
    out : path, optional
        Folder for the model: head, card, rows, predictions. Whether it can be written, and whether the head
        can be saved, is checked first.
    grid : mapping of lists or "default", optional
        What to choose from on validation.
    mirror : bool
        Add mirrored copies of the training samples.
    targets : {"labels", "votes"}
        Of a set with votes: the labels, or each sample once for each class that has votes, weighted by its
        share.
    balanced_sampling : bool
        Draw the training samples so that each class comes as often.
    validation, test, refit, scoring, seed, folds, halving, hold_out
        The protocol; see `pipelines.cross_validation.protocol.Protocol`, whose `inner_folds` `folds` are.
    memory : str, float or None
        What kernels may take: "4GB", or a number of gigabytes; see `classifiers.search.GridSearchCV`.
    head_params : mapping, optional
        More of `params`: those that are called like a parameter of this function.
    **params
        The head's parameters by their scikit-learn names. Several values of one, in a list, a tuple or an
        array, are part of the grid: ``C=[1, 10]``.

    Returns
    -------
    model : Model
    outcome : EvaluationResult
        Rows and predictions.

    Raises
    ------
    TypeError, ValueError, OSError
        One line that says what to do.
    """
    folder = None if out is None else as_path(out, "out")
    if folder is not None:
        check_target(folder, parts=PARTS)
        check_overwrites("out", [folder], registry.paths_read(data))
    with ExitStack() as stack:
        if folder is not None:
            stack.enter_context(at_work(lock_of(folder), "mueca fit", folder))
        recipe, experiment = _planned(
            data, backbone, head, grid, folder, {**dict(head_params or {}), **params},
            {"equalize": equalize, "tile": tile, "clip": clip, "mirror": mirror},
            {"targets": targets, "balanced_sampling": balanced_sampling},
            {"validation": validation, "test": test, "refit": refit, "scoring": scoring,
             "inner_folds": folds, "halving": halving, "hold_out": hold_out},
            {"seed": seed, "strict": strict, "store": store, "n_jobs": n_jobs, "progress": progress,
             "memory": memory},
        )  # fmt: skip
        return _fitted(recipe, experiment, folder)


def _fitted(recipe: Recipe, experiment: Experiment, folder: Path | None) -> tuple[Model, EvaluationResult]:
    """Fit a recipe of one run, and save it where a folder is given."""
    outcome = evaluate_run(recipe.heads[0], FeatureMatrix(recipe.extractors[0], experiment))
    model = model_of(outcome, recipe.extractors[0], experiment)
    if folder is not None:
        with experiment.progress.task("saving"):
            save_model(model, outcome, folder)
    return model, outcome


def estimate(data: str | Path | Dataset, backbone: str, head: str, **settings: Any) -> Cost:
    """Return what `fit` is expected to take; nothing is embedded or fitted.

    Parameters
    ----------
    data, backbone, head, **settings
        As for `fit`, but for `out`.

    Returns
    -------
    classifiers.costs.Cost
        Its text says rows, dimensions, memory and time; its `advice` names other heads where the kernel is
        more than memory allows.

    Raises
    ------
    TypeError, ValueError, OSError
        As `fit`.
    """
    given: dict[str, Any] = {"validation": 0.1, "test": "test"} | settings
    kinds = _IMAGES, _DRAWN, _PROTOCOL, _REST
    parts = [{k: given.pop(k) for k in names if k in given} for names in kinds]
    if "folds" in parts[2]:
        parts[2]["inner_folds"] = parts[2].pop("folds")
    grid = given.pop("grid", None)
    recipe, experiment = _planned(data, backbone, head, grid, None, given, *parts)
    return cost_before_run(recipe.heads[0], recipe.extractors[0], experiment)


#: Settings of a fit: of the images, of what is learned from, of the protocol, and the others that are no
#: parameter of its head.
_IMAGES = ("equalize", "tile", "clip", "mirror")
_DRAWN = ("targets", "balanced_sampling")
_PROTOCOL = ("validation", "test", "refit", "scoring", "folds", "halving", "hold_out")
_REST = ("seed", "strict", "store", "n_jobs", "progress", "memory")


def _planned(
    data: str | Path | Dataset,
    backbone: str,
    head: str,
    grid: dict[str, list[Any]] | Literal["default"] | None,
    folder: Path | None,
    params: dict[str, Any],
    preprocess: dict[str, Any],
    drawn: dict[str, Any],
    protocol: dict[str, Any],
    rest: dict[str, Any],
) -> tuple[Recipe, Experiment]:
    """Return the recipe of one fit, checked, and the data set divided as it says."""
    made = data if isinstance(data, Dataset) else None
    features = {"extractor": backbone} | preprocess
    chosen = {"head": head, "params": params, "grid": grid or {}} | drawn
    systems = {"extractors": [features], "heads": [chosen]}
    name = data if made is None else made.name
    seed = rest.pop("seed", 0)
    protocols = [{"protocol": "holdout"} | protocol]
    recipe = single_run({"name": "fit", "data": name, "seed": seed, "protocols": protocols} | systems)
    if folder is not None:
        check_saved(recipe.heads[0])
    resources = load_resources(recipe, folder or Path(), dataset=made, **rest)
    experiment = make_experiment(resources, recipe.protocols[0], recipe.seed)
    return recipe, experiment.for_candidates(len(recipe.heads[0].candidates()))
