"""Train a network by a recipe; what comes out is a weight file with a card, ready to embed with."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize.atomic import write_text
from featurize.backbones import weightfile
from featurize.backbones.frame import backend_name, gpus
from featurize.overwriting import check_overwrites
from featurize.paths import expanded
from pipelines.datasets.base import Dataset
from pipelines.embedding.files import weights_read
from pipelines.training.checkpoint import Folder, State
from pipelines.training.distillation import teachers
from pipelines.training.initial_weights import start_path
from pipelines.training.recipe import Trainings, TrainRecipe, load_trainings, network_of
from pipelines.training.recipe import recipe as checked
from pipelines.training.trainer import OutOfMemoryError
from pipelines.training.training_run import TrainingRun
from pipelines.utils.at_work import at_work
from pipelines.utils.cluster import Cluster
from pipelines.utils.paths import as_path, check_parents
from pipelines.utils.progress import SILENT, Progress

__all__ = ["TrainRecipe", "Trained", "check_device", "run", "run_job", "statistics", "train",
           "train_runs"]  # fmt: skip

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Attributes
    ----------
    path : Path
        The weight file: ``weights=PATH`` of the extractor.
    card : dict
    history : list of dict
        One record an epoch.
    """

    path: Path
    card: dict[str, Any]
    history: list[dict[str, float]]


def check_device(device: str) -> None:
    """Raise a `ValueError` if a GPU is asked for and the Keras backend sees none; ask before loading data."""
    if device == "gpu" and not gpus():
        raise ValueError(
            f"no GPU: the {backend_name()} backend of Keras sees none here; use --device cpu, install "
            "the extra gpu, or see: mueca doctor"
        )


def _check(plan: TrainRecipe) -> None:
    """Raise what can be known before data are loaded."""
    check_device(plan.device)
    if plan.init_weights:
        start_path(network_of(plan.backbone), plan.init_weights)
    if plan.teacher:
        teachers(plan.teacher)


def run(
    data: Path | str | None,
    fields: Mapping[str, Any],
    out: Path | str | None = None,
    *,
    recipe: Path | str | None = None,
    runs: int | None = None,
    strict: bool = False,
    progress: Progress = SILENT,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Load a data set and train on it: what ``mueca train`` does.

    Parameters
    ----------
    data : str, path or None
        Name of a data set, or a folder of ``class/*.jpg``; None with `recipe`.
    fields : mapping
        Of a `TrainRecipe`; not used with `recipe`.
    out : path, optional
        ``results/train-BACKBONE``, or ``results/NAME`` of the recipe, by default.
    recipe : path, optional
        YAML of a `pipelines.training.recipe.Trainings`.
    runs : int, optional
        More than one: see `train_runs`. One, or as many as the recipe says, by default.
    strict : bool
        An unreadable image is an error.
    progress : Progress
    cluster : Cluster, optional
        Where runs are trained, one a worker; see `train_runs`.

    Returns
    -------
    dict
        The card with ``path``, the summary of several runs, or the table of a recipe's trainings.
    """
    from pipelines.datasets import registry

    folder = None if out is None else _target(out)
    if recipe is not None:
        plans = load_trainings(recipe)
        folder = folder or Path("results") / plans.name
        _check_reads(folder, plans.trainings, [*registry.paths_read(plans.data), expanded(Path(recipe))])
        return _run_all(
            plans.model_copy(update={"runs": runs or plans.runs}), folder, strict, progress, cluster
        )
    plan = checked(**fields)
    _check(plan)
    folder = folder or Path("results") / f"train-{network_of(plan.backbone).name}"
    _check_reads(folder, [plan], registry.paths_read(str(data)))
    dataset = registry.load(str(data), strict=strict, progress=progress)
    if runs and runs > 1:
        return train_runs(dataset, plan, folder, runs, progress, cluster)
    if cluster is not None:
        raise ValueError("--scheduler and --workers are for several runs; give --runs, or leave them out")
    done = train(dataset, plan, folder, progress)
    return {**done.card, "path": str(done.path)}


def _target(out: Path | str) -> Path:
    """Return the folder to write to; refuse one that cannot be made before any data are read."""
    folder = as_path(out, "out")
    check_parents(folder)
    if (folder / "head.skops").exists():
        raise ValueError(f"{folder} holds a model of mueca fit; give another --out folder")
    return folder


#: What a training writes into its folder.
WRITTEN = (
    "weights.npz", "card.json", "history.csv", "summary.json", "state.npz", "best.npz", "average.npz",
    "tensorboard",
)  # fmt: skip


def _check_reads(out: Path, plans: Sequence[TrainRecipe], reads: Sequence[Path]) -> None:
    """Refuse to write over data, a recipe, or the weights that a training starts or learns from."""
    taught = [path for plan in plans if plan.teacher for path in weights_read(plan.teacher)]
    given = [plan.init_weights for plan in plans if plan.init_weights]
    folders = [out, *out.glob("run-*"), *out.glob("[0-9][0-9]-*"), *out.glob("[0-9][0-9]-*/run-*")]
    weights = [path for text in given if (path := expanded(text)).is_file()]
    check_overwrites(
        "--out", [folder / name for folder in folders for name in WRITTEN], [*reads, *weights, *taught]
    )


def _run_all(
    plans: Trainings, out: Path, strict: bool, progress: Progress, cluster: Cluster | None = None
) -> dict[str, Any]:
    """Train what a recipe lists, one folder each; what is done is not done again."""
    from pipelines.datasets import registry

    for plan in plans.trainings:
        _check(plan)
    dataset = registry.load(plans.data, strict=strict, progress=progress)
    records = []
    for number, plan in enumerate(plans.trainings, 1):
        folder = out / f"{number:02d}-{network_of(plan.backbone).name}"
        summary = train_runs(dataset, plan, folder, plans.runs, progress, cluster)
        known = {"training": plan.title, "runs": plans.runs}
        records += [{**known, "split": k, **v} for k, v in summary.items() if isinstance(v, dict)]
    return {"name": plans.name, "question": plans.question, "trainings": records}


def train(dataset: Dataset, plan: TrainRecipe, out: Path | str, progress: Progress = SILENT) -> Trained:
    """Train a network, or go on with a training that was interrupted.

    Parameters
    ----------
    dataset : Dataset
    plan : TrainRecipe
    out : path
        Folder for ``weights.npz``, ``card.json``, ``history.csv`` and ``tensorboard/``, and for what a killed
        run goes on from.
    progress : Progress

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If the data cannot be split, the loss is no number from the start, the folder holds another
        training, or a GPU is asked for where there is none.
    MemoryError
        If half the batch does not fit into memory either.

    Notes
    -----
    The protocol: the epoch is chosen by accuracy on the validation samples (with ``fit_on="train"``); the
    test split is read once, by the weights as they were saved, for the card.
    """
    out = _target(out)
    _check(plan)
    plan = plan.resolved()
    with at_work(out / "train.lock", "mueca train", out):
        return _trained(TrainingRun(dataset, plan, out), out, progress)


def _trained(job: TrainingRun, out: Path, progress: Progress) -> Trained:
    state = run_job(job, progress)
    path = out / "weights.npz"
    tensors = Folder(out).load_best()
    weightfile.save(path, tensors, job.card(state), job.seen)
    card = job.card(state) | job.tested(path, state)
    weightfile.save(path, tensors, card, job.seen)
    card = weightfile.load_card(path)
    write_text(out / "card.json", json.dumps(card, indent=1, ensure_ascii=False))
    return Trained(path, card, state.history)


def run_job(job: TrainingRun, progress: Progress, *, ask: bool = False) -> State:
    """Run the loop; if memory does not suffice, once more with half the batch.

    Parameters
    ----------
    job : TrainingRun
    progress : Progress
    ask : bool
        Write down what the network says of the test samples every `validate_every` epochs
        (`TrainingRun.answer`).
    """
    batch = job.plan.batch_size or 1
    try:
        return job.loop(batch, progress, ask=ask)
    except OutOfMemoryError as error:
        if batch == 1:
            raise
        log.warning("%s; going on with batches of %d", error, batch // 2)
        return job.loop(batch // 2, progress, forget_batch=True, ask=ask)


def train_runs(dataset: Dataset, plan: TrainRecipe, out: Path | str, runs: int, progress: Progress = SILENT,
               cluster: Cluster | None = None) -> dict[str, Any]:  # fmt: skip
    """Train several times, each from another seed, and say how much that matters.

    Parameters
    ----------
    dataset, plan, out, progress
        As in `train`; run i goes to ``out/run-i`` with seed + i. Runs that are done are not done again.
    runs : int
    cluster : Cluster, optional
        Where runs are trained, one a worker; their files are written here when a run is done.

    Returns
    -------
    dict
        ``summary.json``: the best validation accuracies of the runs in per cent, with mean, max, min and
        variance (of the population, as R1's tables), and each card's accuracies.
    """
    out, done = _target(out), []
    folders = [out / f"run-{i + 1:02d}" for i in range(runs)]
    if cluster is not None:
        from pipelines.training.remote import train_on

        seeds = {f: plan.seed + i for i, f in enumerate(folders) if _finished(f) is None}
        train_on(cluster, train, dataset, plan, seeds, progress)
    for i, folder in enumerate(folders):
        done.append(
            _finished(folder)
            or train(dataset, plan.model_copy(update={"seed": plan.seed + i}), folder, progress).card
        )
    summary = {"backbone": plan.backbone, "runs": runs} | statistics([c["accuracy"] for c in done])
    write_text(out / "summary.json", json.dumps(summary, indent=1))
    return summary


def _finished(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads((folder / "card.json").read_text("utf-8")))
    except (OSError, ValueError):
        return None


def statistics(accuracies: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return mean, max, min and variance of the runs' accuracies, in per cent, for each split."""
    found: dict[str, Any] = {}
    for name in accuracies[0]:
        values = np.array([a[name] for a in accuracies]) * 100
        found[name] = {"values": values.round(3).tolist(), "mean": round(float(values.mean()), 3),
                       "max": round(float(values.max()), 3), "min": round(float(values.min()), 3),
                       "var": round(float(values.var()), 3)}  # fmt: skip
    return found
