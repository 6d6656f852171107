"""Photos classified by workers, in the order in which they were named."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from featurize.hashes import key_of
from featurize.images import MAX_FILE, Image
from pipelines.prediction.faces import ImageResult
from pipelines.prediction.predictor import Predictor, load_predictor
from pipelines.utils.cluster import Cluster, ClusterError, as_worker

#: Photos a task.
PHOTOS = 32
#: Height and width of a photo and what it shows, or neither and why not.
Answer = tuple[tuple[int, int] | None, ImageResult | None, str]


@dataclass(frozen=True)
class Settings:
    """What a predictor is made of, in plain values; the model is a folder that every worker must have."""

    model: str | None
    detector: str = "auto"
    min_face: int | None = None
    crowd: bool = False
    precision: Any = None
    views: Any = None


def classified_on(
    cluster: Cluster, photos: Sequence[Path], settings: Settings, predictor: Predictor
) -> Iterator[tuple[Path, Image | None, ImageResult | None, str]]:
    """Yield path, an image of the photo's size without content, what was seen, or why nothing was.

    A worker that does not see the files is sent them.

    Raises
    ------
    pipelines.utils.cluster.ClusterError
        If the scheduler or all workers are lost, or a worker has another model.
    """
    identity, hosts = key_of(predictor.model.card), cluster.on_each_host()
    groups = [photos[start : start + PHOTOS] for start in range(0, len(photos), PHOTOS)]
    waiting = deque(groups)
    calls = (([str(p) for p in group], None, settings, identity, hosts) for group in groups)
    for found in cluster.in_order(classify, calls):
        group = waiting.popleft()
        if found is None:  # that worker does not read our files
            data = [_bytes(path) for path in group]
            call = cluster.submit(classify, [str(p) for p in group], data, settings, identity, hosts)
            found = cluster.result(call)
        if found == OTHER_MODEL:
            raise ClusterError("a worker has another model; copy the folder to the same path there")
        for path, (shape, seen, reason) in zip(group, found, strict=True):
            yield path, None if shape is None else _empty(shape), seen, reason


#: What a worker answers whose model is not the one that was asked for.
OTHER_MODEL = "another model"


def _empty(shape: tuple[int, int]) -> Image:
    return np.broadcast_to(np.uint8(0), (*shape, 3))


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= MAX_FILE else None
    except OSError:
        return None


def classify(
    names: list[str],
    data: list[bytes | None] | None,
    settings: Settings,
    identity: str,
    hosts: dict[str, int],
) -> list[Answer] | str | None:
    """Classify some photos; None if a file is not there, `OTHER_MODEL` if the model is not the same."""
    from pipelines.prediction.photos import look

    paths = [Path(name) for name in names]
    if data is None and not all(path.exists() for path in paths):
        return None
    with as_worker(hosts):
        predictor = _predictor(settings)
        if key_of(predictor.model.card) != identity:
            return OTHER_MODEL
        answers: list[Answer] = []
        for at, path in enumerate(paths):
            _, image, seen, reason = look(path, predictor, None, None if data is None else data[at])
            answers.append((None if image is None else image.shape[:2], seen, reason))
    return answers


@lru_cache(maxsize=1)
def _predictor(settings: Settings) -> Predictor:
    return load_predictor(
        settings.model, settings.detector, settings.min_face, crowd=settings.crowd,
        precision=settings.precision, views=settings.views,
    )  # fmt: skip
