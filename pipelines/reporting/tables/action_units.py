"""Confusions beside the facial action units that two emotions share, as R1 reports them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.action_units import EMOTION_UNITS
from pipelines.reporting.tables.columns import Column, Record, decimal, percent

#: Other names of the same emotions.
_SAME = {"anger": "angry", "happiness": "happy", "joy": "happy", "sadness": "sad", "surprised": "surprise",
         "fearful": "fear", "afraid": "fear", "disgusted": "disgust"}  # fmt: skip

UNITS = (
    Column("pair", "pair"),
    Column("shared", "shared units"),
    Column("overlap", "overlap", decimal, "shared units over all units of the two (Jaccard)"),
    Column("confused", "confused %", percent, "faces of either that were taken for the other"),
)


def unit_records(confusion: NDArray[np.int64], classes: Sequence[str]) -> list[Record]:
    """Return one record a pair of emotions that have units, the most confused first.

    Parameters
    ----------
    confusion : (k, k) int
        True by predicted.
    classes : sequence of k str
        Classes that are no emotion of the table, and neutral, which has no unit, are left out.
    """
    units = {k: set(u) for k, name in enumerate(classes) if (u := _units(name))}
    support, records = confusion.sum(axis=1), []
    for i, j in combinations(units, 2):
        both, n = units[i] & units[j], support[i] + support[j]
        records.append(
            {
                "pair": f"{classes[i]}, {classes[j]}",
                "shared": " ".join(sorted((u.removeprefix("AU") for u in both), key=int)),
                "overlap": len(both) / len(units[i] | units[j]),
                "confused": float((confusion[i, j] + confusion[j, i]) / n) if n else 0.0,
            }
        )
    return sorted(records, key=lambda record: -record["confused"])


def _units(name: str) -> tuple[str, ...]:
    plain = name.strip().lower()
    return EMOTION_UNITS.get(_SAME.get(plain, plain), ())


def unit_words(records: Sequence[Record]) -> str:
    """Say how far shared units go with confusions: Spearman's rank correlation over the pairs."""
    first = records[0]
    most = f"Confused most: {first['pair']} ({percent(first['confused'])} % of either)" + (
        f", which share {first['shared']}." if first["shared"] else ", which share no unit."
    )
    overlap, confused = [r["overlap"] for r in records], [r["confused"] for r in records]
    if len(records) < 4 or len(set(overlap)) < 2 or len(set(confused)) < 2:
        return most
    rho = float(np.corrcoef(_ranks(overlap), _ranks(confused))[0, 1])
    strength = (
        "hardly any"
        if abs(rho) < 0.2
        else "a weak"
        if abs(rho) < 0.4
        else "a moderate"
        if abs(rho) < 0.6
        else "a strong"
    )
    return (
        f"{most} Over the {len(records)} pairs overlap and confusion have {strength} rank correlation "
        f"(Spearman's rho {rho:.2f}; pairs share classes, so that no test is made)."
    )


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[which]
