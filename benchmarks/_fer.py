"""What the benchmarks share: HOG vectors of FER2013, the clock, and a heading that says where it ran."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Descriptor window, block, stride, cell and bins: 900 numbers, the reference vectors of this project.
HOG_900 = ((48, 48), (16, 16), (8, 8), (8, 8), 9)
#: Larger cells and a finer grid, joined and cut to 2,048 numbers: real data as wide as a network's embedding.
HOG_MORE = (
    ((48, 48), (24, 24), (12, 12), (12, 12), 9),
    ((48, 48), (12, 12), (6, 6), (6, 6), 9),
    ((48, 48), (8, 8), (8, 8), (4, 4), 9),
)


def hog(folder: Path, wide: bool = False) -> tuple[NDArray[np.float32], NDArray[np.intp], list[str]]:
    """Return HOG vectors (n, 900) or (n, 2048), class codes, and classes of `folder`/<class>/*.jpg."""
    import cv2

    makers = [cv2.HOGDescriptor(*shape) for shape in ((HOG_900, *HOG_MORE) if wide else (HOG_900,))]
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir())
    vectors, codes = [], []
    for code, name in enumerate(classes):
        for file in sorted((folder / name).iterdir()):
            grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
            parts = [maker.compute(grey).ravel() for maker in makers]
            vectors.append(np.concatenate(parts)[: 2048 if wide else 900])
            codes.append(code)
    return np.array(vectors, np.float32), np.array(codes), classes


def heading(what: str) -> None:
    """Print what is measured, the command, the machine, the date and the commit."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    ).stdout.strip()
    print(f"# {what}")
    print(f"command: python {' '.join(sys.argv)}")
    print(f"machine: {_cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}", flush=True)


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Measure wall and processor seconds of the block: ``{"s": ..., "cpu": ...}`` afterwards."""
    found: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    yield found
    found.update(s=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def peak_gb() -> float:
    """Return the most memory this process has held so far, in GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def warm_up() -> dict[str, Any]:
    """Compile what the heads compile, so that timings are those of every run but a machine's first."""
    from classifiers import head, scores

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 10)).astype(np.float32), np.arange(200) % 3
    with timed() as took:
        small: list[tuple[str, dict[str, Any]]]
        small = [
            ("svm", {}),
            ("knn", {"metric": "manhattan"}),
            ("forest", {"n_estimators": 2}),
            ("bagged-svm", {}),
        ]
        for name, params in small:
            scores(head(name, **params).fit(X, y), X)
    return took
