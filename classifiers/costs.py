"""What a fit will take, before it starts: memory and time, from the sizes and this machine's speed.

Each head's module says in `cost` what its fit does: products of matrices, bytes read, compiled steps. The
machine's speed in each is measured once a process, in about a tenth of a second. A guide, and on a
busy machine a low one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from classifiers.memory import gigabytes
from classifiers.registry import HEADS, PROJECTION, checked_params


@dataclass(frozen=True)
class Sizes:
    """What is fitted on: vectors, their dimensions, classes, vectors to predict, and gigabytes allowed."""

    rows: int
    dims: int
    classes: int
    asked: int
    memory: float


@dataclass(frozen=True)
class Amount:
    """What is done: multiply-adds in large products, bytes read, compiled steps, and bytes held."""

    products: float = 0.0
    streamed: float = 0.0
    steps: float = 0.0
    held: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.products + other.products, self.streamed + other.streamed, self.steps + other.steps,
            max(self.held, other.held),
        )  # fmt: skip

    def times(self, factor: float) -> Amount:
        """Return the same, done so many times one after the other."""
        return Amount(self.products * factor, self.streamed * factor, self.steps * factor, self.held)


#: What a pass of a linear solver moves, in times of what it reads: it copies each block, scales it and
#: multiplies it twice, by narrow matrices. By the time of four C on 288,000 (docs/results/scale-heads.txt).
MOVED = 11


def linear(candidates: int, sizes: Sizes, wide_passes: int, passes: int) -> Amount:
    """Return what fitting linear candidates does, by passes over the vectors; wide ones take more passes."""
    wide = sizes.dims > 4500
    block = 4.0 * sizes.rows * sizes.dims
    narrow = 8.0 * sizes.rows * sizes.dims * max(1, sizes.classes)
    times = (wide_passes if wide else passes) * candidates
    return Amount(products=narrow / 4, streamed=MOVED * block).times(times) + Amount(
        products=0.0 if wide else 1.0 * sizes.dims**3, held=block + (0.0 if wide else 24.0 * sizes.dims**2)
    )


@dataclass(frozen=True)
class Speed:
    """Multiply-adds, bytes and steps a second."""

    products: float
    streamed: float
    steps: float

    def seconds(self, amount: Amount) -> float:
        """Return what an amount takes."""
        return amount.products / self.products + amount.streamed / self.streamed + amount.steps / self.steps


@dataclass(frozen=True)
class Cost:
    """What fitting a head is expected to take.

    Attributes
    ----------
    head : str
    rows, dims, candidates : int
    bytes : float or None
        Held at most, the vectors among it; None of a head that does not say.
    seconds : float or None
        Of all candidates and of fitting the chosen one again.
    instead : tuple of Cost
        Where it is more than memory allows: heads that it would not be for.
    too_large : bool
        Whether its kernel is larger than allowed.
    """

    head: str
    rows: int
    dims: int
    candidates: int
    bytes: float | None
    seconds: float | None
    too_large: bool = False
    instead: tuple[Cost, ...] = ()

    def __str__(self) -> str:
        each = "1 candidate" if self.candidates == 1 else f"{self.candidates} candidates"
        what = f"{self.head}: {self.rows:,} rows of {self.dims:,}, {each}"
        if self.seconds is None or self.bytes is None:
            return f"{what}; what it takes is not known"
        return f"{what}: about {as_bytes(self.bytes)} and {as_time(self.seconds)}"

    @property
    def advice(self) -> str:
        """One line that names the heads to take instead; empty where there is no need."""
        if not self.too_large or self.seconds is None:
            return ""
        others = " or ".join(
            f"--head {c.head} about {as_time(c.seconds or 0)} and {as_bytes(c.bytes or 0)}"
            for c in self.instead
        )
        return (
            f"{self.head}: the kernel of {self.rows:,} vectors is more than memory allows, and takes about "
            f"{as_time(self.seconds)}; {others} would take (nothing was changed)"
        )


def as_bytes(size: float) -> str:
    """Return bytes in words, such as ``1.2 GB``."""
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{max(1, size / 1e6):.0f} MB"


def as_time(seconds: float) -> str:
    """Return a time in words, such as ``4 min``."""
    for unit, name in ((172800.0, "days"), (5400.0, "h"), (90.0, "min")):
        if seconds >= unit:
            return f"{seconds / {'days': 86400, 'h': 3600, 'min': 60}[name]:.0f} {name}"
    return "under 1 s" if seconds < 1 else f"{seconds:.0f} s"


def cost_of(
    name: str,
    candidates: Sequence[Mapping[str, Any]],
    rows: int,
    dims: int,
    classes: int,
    asked: int = 0,
    memory: float | str | None = None,
) -> Cost:
    """Return what a head's fit is expected to take.

    Parameters
    ----------
    name : str
        A registered head.
    candidates : sequence of mapping
        Parameters of each; of more than one, the chosen is fitted again.
    rows, dims, classes : int
        Vectors to fit on, their numbers, and their classes.
    asked : int
        Vectors that are predicted.
    memory : str, float or None
        What kernels may take, as in `classifiers.search.GridSearchCV`.
    """
    allowed = gigabytes(memory)
    sizes = Sizes(rows, dims, classes, asked, allowed)
    found = _amount(name, candidates, sizes)
    if found is None:
        return Cost(name, rows, dims, max(1, len(candidates)), None, None)
    amount, too_large = found
    vectors = 4.0 * rows * dims
    held = amount.held + (vectors if vectors <= allowed * 1e9 / IN_MEMORY else 0.0)
    cost = Cost(name, rows, dims, max(1, len(candidates)), held, speed().seconds(amount), too_large)
    if not too_large:
        return cost
    others = tuple(
        cost_of(
            other,
            [{**params, **_kept(candidates)} for params in _grid(other)],
            rows,
            dims,
            classes,
            asked,
            memory,
        )
        for other in _module(name).INSTEAD
    )
    return replace(cost, instead=others)


#: Vectors of more than this part of the memory allowed are read in blocks.
IN_MEMORY = 16


def _module(name: str) -> Any:
    return import_module(HEADS[name])


def _grid(name: str) -> list[dict[str, Any]]:
    from sklearn.model_selection import ParameterGrid

    return list(ParameterGrid(dict(_module(name).GRID)))


def _kept(candidates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what holds for other heads too: the principal components before them."""
    first = next(iter(candidates), {})
    return {} if first.get(PROJECTION) is None else {PROJECTION: first[PROJECTION]}


def _amount(name: str, candidates: Sequence[Mapping[str, Any]], sizes: Sizes) -> tuple[Amount, bool] | None:
    if name not in HEADS or not hasattr(_module(name), "cost"):
        return None
    checked = [checked_params(name, c) for c in candidates or [{}]]
    total, inside = Amount(), sizes
    if components := checked[0].get(PROJECTION):
        total += _projecting(sizes, components)
        inside = replace(sizes, dims=components)
    amount, too_large = _module(name).cost(checked, inside)
    total += amount
    if len(checked) > 1:
        again, _ = _module(name).cost(checked[:1], inside)
        total += again
    return total, too_large


def _projecting(sizes: Sizes, components: int) -> Amount:
    wide = sizes.dims > 4096
    width, passes = (components + 32, 14) if wide else (sizes.dims, 1)
    held = 16.0 * sizes.dims * width + 4.0 * sizes.rows * components
    return Amount(products=1.0 * sizes.rows * sizes.dims * width * passes, held=held)


@cache
def speed() -> Speed:
    """Return this machine's speed, measured now."""
    rng = np.random.default_rng(0)
    square, long = rng.random((768, 768), np.float32), rng.random(4_000_000, np.float32)
    places, weights = rng.integers(0, 4096, 1_000_000), rng.random(1_000_000)
    return Speed(
        768**3 / _best(lambda: square @ square), long.nbytes / _best(long.sum),
        # One number added where another says, as in a tree's histogram. A sort would tell less: NumPy's takes
        # many numbers at once.
        1_000_000 / _best(lambda: np.bincount(places, weights)),
    )  # fmt: skip


def _best(work: Any) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return max(min(times), 1e-9)
