"""Extractors by heads: one accuracy each, and over several seeds its mean and deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.names import short_extractors
from pipelines.reporting.tables.columns import Column, Record, percent
from pipelines.results.load import Cell, Results


@dataclass(frozen=True)
class Matrix:
    """Test accuracies by extractor and head.

    Attributes
    ----------
    extractors, heads : list of str
        Rows, by their short names, and columns.
    cells : list of list of Run or None
        The run behind each number; over several seeds the first.
    mean, deviation : (rows, columns) float
        Over seeds; NaN where there is no run, and of one seed no deviation.
    """

    extractors: list[str]
    heads: list[str]
    cells: list[list[Cell | None]]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @property
    def texts(self) -> list[list[str]]:
        """What a chart writes into each place: ``69.6``, or ``69.6 ± 0.3`` over seeds."""
        pairs = zip(100 * self.mean, 100 * self.deviation, strict=True)
        return [[_text(m, d) for m, d in zip(*pair, strict=True)] for pair in pairs]

    @property
    def best(self) -> float:
        """The highest number."""
        return float(np.nanmax(self.mean))

    @property
    def records(self) -> list[Record]:
        """One record an extractor: a number a head, under its name."""
        return [
            {"extractor": name, **{h: float(v) for h, v in zip(self.heads, row, strict=True)}}
            for name, row in zip(self.extractors, self.mean, strict=True)
        ]

    @property
    def columns(self) -> list[Column]:
        """The columns of `records`."""
        return [
            Column("extractor", "extractor"),
            *(Column(h, f"{h} %", percent, empty="-") for h in self.heads),
        ]

    @property
    def words(self) -> str:
        """What the matrix shows."""
        across, down = np.nanmean(self.mean, axis=1), np.nanmean(self.mean, axis=0)
        i, j = int(np.argmax(across)), int(np.argmax(down))
        return (
            f"Averaged over heads the best extractor is {self.extractors[i]} ({100 * across.max():.1f} %, "
            f"the worst {100 * across.min():.1f} %). Averaged over extractors the best head is "
            f"{self.heads[j]} ({100 * down.max():.1f} %, the worst {100 * down.min():.1f} %)."
        )


def _text(mean: float, deviation: float) -> str:
    if math.isnan(mean):
        return ""
    return f"{mean:.1f}" if math.isnan(deviation) else f"{mean:.1f} ± {deviation:.1f}"


def matrix_of(results: Results) -> Matrix | None:
    """Return the matrix; None for fewer than two extractors or heads, or where most pairs have no run.

    Of several runs of one pair with other parameters, that counts which validation prefers.
    """
    by_pair = pairs_of(results)
    extractors = list(dict.fromkeys(c.test.extractor for c in results.cells))
    heads = list(dict.fromkeys(c.test.head for c in results.cells))
    if min(len(extractors), len(heads)) < 2 or len(by_pair) <= 0.6 * len(extractors) * len(heads):
        return None
    runs = [[by_pair.get((e, h), []) for h in heads] for e in extractors]
    values = [[[c.test.accuracy for c in cells] for cells in row] for row in runs]
    names = short_extractors(extractors)
    return Matrix(
        [names[e] for e in extractors],
        heads,
        [[cells[0] if cells else None for cells in row] for row in runs],
        np.array([[np.mean(v) if v else math.nan for v in row] for row in values]),
        np.array([[np.std(v, ddof=1) if len(v) > 1 else math.nan for v in row] for row in values]),
    )


def pairs_of(results: Results) -> dict[tuple[str, str], list[Cell]]:
    """Return (extractor, head) -> its runs: one a seed, the one that validation prefers."""
    found: dict[tuple[str, str], dict[int, Cell]] = {}
    for cell in results.by_validation:
        found.setdefault((cell.test.extractor, cell.test.head), {}).setdefault(cell.test.seed, cell)
    order = dict.fromkeys((cell.test.extractor, cell.test.head) for cell in results.cells)
    return {pair: [found[pair][seed] for seed in sorted(found[pair])] for pair in order}


SEEDS = (
    Column("extractor", "extractor"),
    Column("head", "head"),
    Column("seeds", "seeds", lambda value: f"{value:.0f}"),
    Column("test", "test %, mean", percent, "mean over seeds of the accuracy on the test split"),
    Column("deviation", "deviation", percent, "standard deviation over seeds, n - 1, in points"),
    Column("low", "lowest %", percent),
    Column("high", "highest %", percent),
    Column("uf1", "UF1 %, mean", percent),
)


def seed_records(results: Results) -> list[Record]:
    """Return one record for each extractor and head that ran with several seeds."""
    return [_seeds(*pair, runs) for pair, runs in pairs_of(results).items() if len(runs) > 1]


def _seeds(extractor: str, head: str, runs: Sequence[Cell]) -> Record:
    tests = [run.test.accuracy for run in runs]
    return {
        "extractor": extractor,
        "head": head,
        "seeds": len(runs),
        "test": float(np.mean(tests)),
        "deviation": float(np.std(tests, ddof=1)),
        "low": min(tests),
        "high": max(tests),
        "uf1": float(np.mean([run.test.f1_macro for run in runs])),
    }
