"""Charts of how a choice was made: validation scores of a grid, loss and accuracy by epoch."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.results.load import Cell, read_csv
from pipelines.results.rows import Candidate
from pipelines.utils.figures import (
    NARROW,
    WIDE,
    FigureWriter,
    colour,
    dash,
    heat,
    legend_outside,
    marker,
    plain,
)

#: A network with the file its weights are in.
_WEIGHTS = re.compile(r"""([\w-]+)\([^()]*?weights=["']([^"']+\.npz)["']""")
#: Lines a chart of validation scores draws at most.
MOST_LINES = 8


def draw_candidates(album: FigureWriter, name: str, cell: Cell) -> bool:
    """Draw the validation score of all that was tried for a run; return whether there was a choice."""
    tried = [(json.loads(c.params), c) for c in cell.grid]
    free = varied([params for params, _ in tried])
    if not free:
        return False
    numeric = [p for p in free if all(_is_number(params.get(p)) for params, _ in tried)]
    if (
        len(free) == 2
        and len(numeric) == 2
        and len(tried) == math.prod(len({params[p] for params, _ in tried}) for p in free)
    ):
        _draw_heat(album, name, cell, tried, *free)
    else:
        _draw_lines(album, name, cell, tried, (numeric or free)[0], free)
    return True


def varied(params: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that take more than one value, those with the most values first."""
    names = dict.fromkeys(name for one in params for name in one)
    count = {name: len({json.dumps(one.get(name)) for one in params}) for name in names}
    return sorted((name for name in names if count[name] > 1), key=lambda name: -count[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


Tried = Sequence[tuple[dict[str, Any], Candidate]]


def _draw_heat(album: FigureWriter, name: str, cell: Cell, tried: Tried, x: str, y: str) -> None:
    xs, ys = (sorted({params[p] for params, _ in tried}) for p in (x, y))
    values = np.full((len(ys), len(xs)), math.nan)
    for params, candidate in tried:
        values[ys.index(params[y]), xs.index(params[x])] = 100 * candidate.validation
    texts = [[f"{v:.1f}" for v in row] for row in values]
    size = (max(NARROW, 1.2 + 0.6 * len(xs)), 1.2 + 0.35 * len(ys))
    with album.drawing(name, f"Validation scores of {cell.test.head}", size) as (_, axes, said):
        heat(
            axes,
            values,
            texts,
            [str(v) for v in ys],
            [str(v) for v in xs],
            float(values.min()),
            float(values.max()),
        )
        axes.set(xlabel=plain(x), ylabel=plain(y), title="validation score, %")
        said.append(_best_words(tried, [x, y]) + _flattered(cell))


def _draw_lines(
    album: FigureWriter, name: str, cell: Cell, tried: Tried, x: str, free: Sequence[str]
) -> None:
    """Draw a line for each combination of the other parameters; of many, the best."""
    lines: dict[str, list[tuple[Any, float]]] = {}
    for params, candidate in tried:
        other = ", ".join(f"{p}={params.get(p)}" for p in free if p != x)
        lines.setdefault(other, []).append((params.get(x), 100 * candidate.validation))
    shown = sorted(lines, key=lambda other: -max(score for _, score in lines[other]))[:MOST_LINES]
    values = sorted(
        {v for points in lines.values() for v, _ in points}, key=lambda v: (v if _is_number(v) else 0, str(v))
    )
    with album.drawing(name, f"Validation scores of {cell.test.head}", (WIDE / 2 + 1.6, 2.8)) as (
        _,
        axes,
        said,
    ):
        for i, other in enumerate(shown):
            points = sorted((values.index(v), score) for v, score in lines[other])
            axes.plot(
                *zip(*points, strict=True),
                marker=marker(i),
                color=colour(i),
                ls=dash(i // 7),
                label=plain(other),
            )
        axes.set_xticks(range(len(values)), [plain(str(v)) for v in values])
        axes.set(xlabel=plain(x), ylabel="validation score, %")
        if len(shown) > 1:
            legend_outside(axes, fontsize=6)
        less = f" The {len(shown)} best of {len(lines)} lines are drawn." if len(shown) < len(lines) else ""
        said.append(_best_words(tried, free) + less + _flattered(cell))


def _flattered(cell: Cell) -> str:
    seen = " The network has learned from these samples: the scores are optimistic."
    return seen if cell.test.seen_validation else ""


def _best_words(tried: Tried, free: Sequence[str]) -> str:
    scores = [candidate.validation for _, candidate in tried]
    params, best = max(tried, key=lambda pair: pair[1].validation)
    chosen = ", ".join(f"{p}={params.get(p)}" for p in free)
    ties = sum(score == best.validation for score in scores) - 1
    equal = f" ({ties} others do as well; the first counts)" if ties else ""
    return (
        f"Of {len(scores)} candidates {chosen} is the best on validation with {100 * best.validation:.2f} %"
        f"{equal}; the worst has {100 * min(scores):.2f} %."
    )


def histories(folder: Path, extractors: Iterable[str] = ()) -> dict[str, Path]:
    """Return name -> path of training histories.

    Parameters
    ----------
    folder : Path
        Whose ``history/NAME.csv`` and ``history/NAME/history.csv`` count.
    extractors : iterable of str
        Expressions; of a network with ``weights="PATH"`` the ``history.csv`` that ``mueca train`` left beside
        the weights counts, where it still is.
    """
    found = {path.stem: path for path in sorted(folder.glob("history/*.csv"))}
    found |= {path.parent.name: path for path in sorted(folder.glob("history/*/history.csv"))}
    for expression in extractors:
        for name, weights in _WEIGHTS.findall(expression):
            path = Path(weights).with_name("history.csv")
            if path.is_file():
                found[f"{name}, {'/'.join(path.parent.parts[-2:])}"] = path
    return found


def draw_history(album: FigureWriter, name: str, title: str, path: Path) -> None:
    """Draw loss and accuracy by epoch, of training and, where it is there, of validation.

    Raises
    ------
    ValueError
        If the file has no epoch, loss and accuracy.
    """
    epochs, columns = _history(path)
    with album.drawing(name, f"Learning: {title}", (WIDE, 2.5), columns=2) as (_, (left, right), said):
        for axes, what in ((left, "loss"), (right, "accuracy")):
            scale = 100 if what == "accuracy" else 1
            for key, label, k in ((what, "training", 0), (f"val_{what}", "validation", 1)):
                if key in columns:
                    axes.plot(epochs, scale * columns[key], color=colour(k), ls=dash(k), label=label)
            axes.set(xlabel="epoch", ylabel="accuracy, %" if what == "accuracy" else "loss")
        legend_outside(right)
        said.append(_history_words(epochs, columns))


def _history(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    records = read_csv(path)
    try:
        epochs = np.array([float(r["epoch"]) for r in records])
        names = [
            k for k in ("loss", "accuracy", "val_loss", "val_accuracy") if any(r.get(k) for r in records)
        ]
        columns = {k: np.array([float(r[k] or "nan") for r in records]) for k in names}
        return epochs, {"loss": columns["loss"], "accuracy": columns["accuracy"], **columns}
    except (KeyError, ValueError):
        raise ValueError(f"{path} is no history: it needs numbers under epoch, loss and accuracy") from None


def _history_words(epochs: np.ndarray, columns: Mapping[str, np.ndarray]) -> str:
    last = f"After {len(epochs)} epochs training accuracy is {100 * columns['accuracy'][-1]:.2f} %"
    if "val_accuracy" not in columns:
        return f"{last}; no validation was recorded."
    best = int(np.nanargmax(columns["val_accuracy"]))
    gap = 100 * (columns["accuracy"][-1] - columns["val_accuracy"][-1])
    return (
        f"{last}, {abs(gap):.2f} points {'above' if gap >= 0 else 'below'} validation; validation was best "
        "at "
        f"epoch {epochs[best]:.0f} with {100 * columns['val_accuracy'][best]:.2f} %."
    )
