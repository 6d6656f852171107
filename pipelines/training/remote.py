"""Trainings on workers: each run whole on one of them, its files brought back when it is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from featurize.atomic import AtomicFile
from pipelines.datasets.base import Dataset
from pipelines.training.recipe import TrainRecipe
from pipelines.utils.cluster import Cluster, as_worker
from pipelines.utils.progress import SILENT, Progress

#: A data set, a recipe and a folder to a training.
Train = Callable[[Dataset, TrainRecipe, str], Any]
#: What says that a run is done, and so is written last.
_LAST = "card.json"


def train_on(
    cluster: Cluster,
    train: Train,
    dataset: Dataset,
    plan: TrainRecipe,
    seeds: Mapping[Path, int],
    progress: Progress = SILENT,
) -> None:
    """Train one network for each folder, from its seed, on the workers; write what each leaves.

    A run whose worker dies begins anew on another. One whose worker does not see the images is left undone:
    who asked trains it here.

    Parameters
    ----------
    cluster : Cluster
    train : callable
        `pipelines.training.train.train`, whose module imports this one.
    dataset : Dataset
        Sent once.
    plan : TrainRecipe
    seeds : mapping of Path to int
    progress : Progress

    Raises
    ------
    pipelines.utils.cluster.ClusterError
        If the scheduler or all workers are lost; what is done is kept.
    ValueError
        What `pipelines.training.train.train` raises.
    """
    everything, hosts = cluster.submit(_same, dataset), cluster.on_each_host()
    calls = ((train, everything, plan.model_copy(update={"seed": seed}), hosts) for seed in seeds.values())
    with progress.task(f"{plan.backbone}: runs on workers", len(seeds)) as advance:
        for folder, files in zip(seeds, cluster.in_order(one_run, calls), strict=True):
            for name in sorted(files or {}, key=lambda n: (n == _LAST, n)):
                _write(folder / name, files[name])
            advance(1)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with AtomicFile(path) as temporary:
        temporary.write_bytes(data)


def _same(value: Any) -> Any:
    return value


def one_run(
    train: Train, dataset: Dataset, plan: TrainRecipe, hosts: dict[str, int]
) -> dict[str, bytes] | None:
    """Train in a folder of this worker; return its files by name, None if the images are not here."""
    try:
        dataset.samples[0]
    except OSError:
        return None
    with as_worker(hosts), tempfile.TemporaryDirectory(prefix="mueca-") as folder:
        train(dataset, plan, folder)
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}
