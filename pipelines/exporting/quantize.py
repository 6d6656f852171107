"""A network in int8: calibrated on training faces, and checked before anything takes it by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize import quantized
from featurize.backbones.extractor import NetworkExtractor
from featurize.base import expression_of
from featurize.engine import exported_path
from featurize.registry import parse
from pipelines import api
from pipelines.datasets.base import Dataset
from pipelines.utils.progress import SILENT, Progress


@dataclass(frozen=True)
class QuantizedNetwork:
    """What came of it: accuracies on the test split before and with int8, in points, and what was lost."""

    network: str
    faces: int
    before: float
    int8: float
    lost: float
    used_by_auto: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def quantize(
    backbone: str,
    data: str | Path | Dataset,
    *,
    head: str = "softmax",
    test: str = "test",
    seed: int = 0,
    store: Any = None,
    progress: Progress = SILENT,
) -> QuantizedNetwork:
    """Make a network's int8 form and measure what it loses.

    Parameters
    ----------
    backbone : str
        One network, such as ``vggface2``.
    data : str, path or Dataset
        Its training split calibrates and fits the head; `test` is classified in both precisions.
    head : str
        Fitted on both, alike.
    test : str
    seed : int
        Of the faces that calibrate.
    store : Store or path, optional
    progress : Progress

    Returns
    -------
    QuantizedNetwork

    Raises
    ------
    ValueError
        If it is no single network of images, there is no training face, or NNCF is not installed.
    """
    (network,) = parse(backbone) if "+" not in backbone else (None,)
    if not isinstance(network, NetworkExtractor) or network.kind != "image":
        raise ValueError(f"--backbone {backbone}: int8 is for one network on images; see: mueca list")
    quantized.require_nncf()
    dataset = api.load_dataset(data, progress=progress)
    train = dataset.where("train")
    if not len(train):
        raise ValueError(f"int8 is calibrated on training faces, and {dataset.name} has no split 'train'")
    drawn = np.sort(np.random.default_rng(seed).permutation(train)[: quantized.FACES])
    plain = network.at(engine="openvino", precision=_fast())
    with progress.task(f"{network.name}: calibrating int8"):
        images = np.stack([plain._prepared(dataset.samples[int(i)]) for i in drawn])
        faces = plain.sized.form.arranged(images)
        said = {"data": dataset.fingerprint, "network": network.name}
        source = exported_path(plain.model, plain._identity())
        quantized.quantize(source, plain._identity(), plain.sized.shape, faces, said)
    before, after = (
        _accuracy(network.at(precision=p), dataset, head, test, store, progress) for p in (_fast(), "int8")
    )
    lost = round(before - after, 4)
    quantized.keep_check(plain._identity(), lost, f"{dataset.name}, {test}")
    used = lost <= quantized.MOST_LOST
    return QuantizedNetwork(network.name, len(drawn), before, after, lost, used)


def _fast() -> Any:
    from featurize.engine import cpu_capabilities

    return "bf16" if "BF16" in cpu_capabilities() else "f32"


def _accuracy(
    network: NetworkExtractor, dataset: Dataset, head: str, test: str, store: Any, progress: Progress
) -> float:
    text = expression_of(network.name, network.params.model_dump(exclude_defaults=True))
    _, outcome = api.fit(dataset, text, head, test=test, store=store, progress=progress)
    row = next(row for row in outcome.rows if row.split == "test")
    return round(100 * float(row.accuracy), 4)
