"""What every registered network costs: parameters, FLOPs, and the milliseconds of a sample."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize.backbones.flops import LayerCost, layer_costs, total_cost
from featurize.registry import extractor, extractor_class, list_extractors
from pipelines.utils import csv_files
from pipelines.utils.progress import SILENT, Progress

#: Samples a call, for the two times.
BATCHES = (1, 64)
#: Classes of a network where none are said: the emotions of a face, MEGC2019's of a clip.
CLASSES = {"image": 7, "clip": 3, "flow": 3}
#: Calls a time is the median of, at least.
CALLS = 3


@dataclass(frozen=True)
class Profile:
    """What one network costs; times are None where they were not taken.

    Attributes
    ----------
    network : str
    takes : {"image", "clip", "flow"}
    input : str
        Shape of one sample, such as ``48x48x1``.
    classes : int
        It ends with so many scores; 0 for a network that ends at its embedding.
    parameters : int
    multiply_adds : int
        Of one sample.
    flops : int
        Two for each multiply-add, one for each bias: as R2 counts.
    other_flops : int
        Normalisation, pooling, activations, sums; not in `flops`.
    cpu_ms_1, cpu_ms_64 : float or None
        Milliseconds a sample on the processor, alone and in batches of 64.
    gpu_ms_1, gpu_ms_64 : float or None
        The same on a GPU.
    engine : str
        What ran on the processor, and in which precision.
    """

    network: str
    takes: str
    input: str
    classes: int
    parameters: int
    multiply_adds: int
    flops: int
    other_flops: int
    cpu_ms_1: float | None = None
    cpu_ms_64: float | None = None
    gpu_ms_1: float | None = None
    gpu_ms_64: float | None = None
    engine: str = ""


def networks() -> list[str]:
    """Return the names of the registered networks, sorted."""
    return [name for name in list_extractors() if hasattr(extractor_class(name), "network")]


def profile(
    names: Sequence[str] = (),
    *,
    classes: int | None = None,
    timed: bool = True,
    seconds: float = 0.5,
    progress: Progress = SILENT,
) -> list[Profile]:
    """Count and time networks with random weights.

    Parameters
    ----------
    names : sequence of str
        Registered networks; all of them by default.
    classes : int, optional
        By default seven for faces, three for clips.
    timed : bool
        False for the counts alone.
    seconds : float
        How long each time is taken, at least.
    progress : Progress

    Returns
    -------
    list of Profile
        In the order of `names`.

    Raises
    ------
    ValueError
        If a name is unknown or no network, or `seconds` or `classes` is not positive.
    """
    if seconds <= 0 or (classes is not None and classes < 1):
        raise ValueError("seconds and classes must be above 0")
    chosen = list(names) or networks()
    for name in chosen:
        _network(name)
    with progress.task("profiling", len(chosen)) as advance:
        found = []
        for name in chosen:
            found.append(measure(name, classes, seconds if timed else 0.0))
            advance(1)
    return found


def layers_of(name: str, classes: int | None = None) -> list[LayerCost]:
    """Return what each layer of a network costs; raises as `profile`."""
    return layer_costs(_built(name, classes))


def _network(name: str) -> Any:
    """Return the `Network` registered as `name`."""
    made = extractor_class(name)
    if not hasattr(made, "network"):
        raise ValueError(f"{name} is no network; there are: {', '.join(networks())}")
    return made.network


def _built(name: str, classes: int | None) -> Any:
    return _network(name).build(_classes(name, classes))


def _classes(name: str, classes: int | None) -> int:
    return classes or CLASSES[extractor_class(name).kind]


def measure(name: str, classes: int | None, seconds: float) -> Profile:
    """Return what one network costs, as `profile`; `seconds` for each measurement, 0 for none."""
    model = _built(name, classes)
    cost = total_cost(model)
    shape = tuple(model.input_shape[1:])
    counted = Profile(
        network=name,
        takes=extractor_class(name).kind,
        input="x".join(map(str, shape)),
        classes=_classes(name, classes) if _network(name).trainable else 0,
        parameters=int(model.count_params()),
        multiply_adds=cost.multiply_adds,
        flops=cost.flops,
        other_flops=cost.other,
    )
    if not seconds:
        return counted
    return Profile(**asdict(counted) | _on_cpu(name, model, shape, seconds) | _on_gpu(model, shape, seconds))


def _on_cpu(name: str, model: Any, shape: tuple[int, ...], seconds: float) -> dict[str, Any]:
    """Return the times on the processor through the engine that vectors are computed with there."""
    from featurize.backbones.frame import gpus
    from featurize.engine import choose, compiled

    try:
        choice = choose("openvino")
    except ValueError:  # not installed, or a backend it cannot read
        if gpus():
            return {}  # Keras would run it on the GPU
        choice = choose("keras")
    one: Any = extractor(name, weights="random")
    identity = {"name": name, "version": one.network.version, "profile": model.output_shape[-1]}
    run = compiled(lambda: model, identity, shape, choice)  # clips have a dimension more
    times = _times(run, shape, np.uint8, seconds)
    return {
        "cpu_ms_1": times[0],
        "cpu_ms_64": times[1],
        "engine": f"{choice.engine} {choice.precision}",
    }


def _on_gpu(model: Any, shape: tuple[int, ...], seconds: float) -> dict[str, Any]:
    """Return the times on a GPU, where the backend of Keras sees one."""
    from featurize.backbones.frame import gpus

    if not gpus():
        return {}
    times = _times(model.predict_on_batch, shape, np.float32, seconds)  # its answer is back in main memory
    return {"gpu_ms_1": times[0], "gpu_ms_64": times[1]}


def _times(run: Callable[[Any], Any], shape: tuple[int, ...], dtype: Any, seconds: float) -> list[float]:
    """Return the milliseconds a sample for each of `BATCHES`."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (max(BATCHES), *shape), dtype=np.uint8).astype(dtype)
    return [1000 * _median(functools.partial(run, pixels[:n]), seconds) / n for n in BATCHES]


def _median(call: Callable[[], Any], seconds: float) -> float:
    """Return the median seconds of a call, warm."""
    call()
    taken: list[float] = []
    while len(taken) < CALLS or sum(taken) < seconds:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def check_name(path: Path | str) -> None:
    """Raise a `ValueError` unless a file's name ends in .csv."""
    if Path(path).suffix != ".csv":
        raise ValueError(f"{path}: the table is written as CSV; give a name that ends in .csv")


def write_csv(records: Sequence[dict[str, Any]], path: Path | str) -> None:
    """Write profiles (`dataclasses.asdict`) or layers as CSV; a time that was not taken is empty.

    Raises
    ------
    ValueError
        If the file's name does not end in .csv.
    OSError
        If it cannot be written.
    """
    check_name(path)
    csv_files.write_csv(path, records)
