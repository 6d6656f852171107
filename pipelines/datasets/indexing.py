"""Write the index of a data set beside its images."""

from __future__ import annotations

from pathlib import Path

from featurize.paths import expanded
from featurize.store import Store
from pipelines.datasets import index, registry, tar_shards
from pipelines.datasets.base import Dataset
from pipelines.datasets.listing import Reading
from pipelines.utils.paths import check_parents
from pipelines.utils.progress import SILENT, Progress


def write_index(
    data: Path | str, out: Path | None = None, *, strict: bool = False, progress: Progress = SILENT
) -> tuple[Path, Dataset]:
    """Read every image of a folder, a table or .tar shards once; write what was found as a Parquet table.

    Parameters
    ----------
    data : path or str
        As for `pipelines.datasets.registry.load`.
    out : Path, optional
        ``index.parquet`` beside the images by default.
    strict : bool
        An unreadable image is an error.
    progress : Progress

    Returns
    -------
    path : Path
    dataset : Dataset

    Raises
    ------
    ValueError, OSError
        One line; if its samples are no files, among others.
    """
    path = expanded(data)
    if path.exists() and (shards := tar_shards.shards_below(path)):
        root = path if path.is_dir() else path.parent
        columns, said = tar_shards.read(root, shards, Reading(strict=strict, progress=progress))
    else:
        dataset = registry.load(data, strict=strict, cache=Store().root, progress=progress)
        root = Path(getattr(dataset.samples, "root", path.parent))
        columns, said = index.index_of(dataset, root)
    target = root / index.NAME if out is None else expanded(out)
    check_parents(target.parent)
    if target.parent.resolve() != root.resolve():
        said["root"] = str(root.resolve())
    index.write(target, columns, said)
    return target, index.load(target)
