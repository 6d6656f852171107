"""Charts of a whole comparison: every run's accuracy, extractor by head, accuracy against its cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.reporting.names import short_titles
from pipelines.reporting.plots.labels import place_labels
from pipelines.reporting.tables.matrix import Matrix, matrix_of
from pipelines.reporting.tables.network_cost import size_mb
from pipelines.reporting.tables.published import published
from pipelines.results.load import Cell, Results
from pipelines.utils.figures import (
    INK,
    NARROW,
    WIDE,
    FigureWriter,
    colour,
    heat,
    legend_outside,
    marker,
    plain,
)
from pipelines.utils.palette import HEAD_PLACES, places

#: Runs the dot plot shows at most, and those it names.
MOST_DOTS = 40
#: Height of a chart of accuracy against a cost.
COST_INCHES = 3.6
#: Runs of a front that are named.
MOST_NAMED = 6


def draw_overview(album: FigureWriter, results: Results) -> None:
    """Draw every chart of the comparison as a whole, but the matrix."""
    draw_accuracies(album, results)
    draw_costs(album, results)


def draw_accuracies(album: FigureWriter, results: Results) -> None:
    """Draw the test accuracy of each run with its interval, the best on top."""
    order = sorted(results.cells, key=lambda c: c.test.accuracy)[-MOST_DOTS:]
    heads, names = _heads(results), short_titles(results.cells)
    size = (WIDE, 0.8 + 0.2 * max(len(order), 5))
    with album.drawing("accuracy-of-every-run", "Test accuracy of every run", size) as (_, axes, said):
        for i, cell in enumerate(order):
            _draw_accuracy(axes, i, cell, heads[cell.test.head])
        chosen = [" (chosen)" if c is results.chosen and results.validated else "" for c in order]
        labels = [plain(names[c.run]) + mark for c, mark in zip(order, chosen, strict=True)]
        axes.set_yticks(range(len(order)), labels)
        axes.set(xlabel="accuracy on the test samples, %", ylim=(-0.7, len(order) - 0.3))
        axes.grid(visible=False, axis="y")
        _head_legend(axes, heads)
        said.append(_accuracy_words(results, order))


def _draw_accuracy(axes, at: int, cell: Cell, place: int) -> None:  # type: ignore[no-untyped-def]
    test = cell.test
    ends = [100 * test.ci_low, 100 * test.ci_high]
    axes.plot(ends, [at, at], color=colour(place), lw=1.6, solid_capstyle="butt")
    axes.plot(100 * test.accuracy, at, marker(place), color=colour(place), ms=5)
    if "test-clean" in cell.rows:
        axes.plot(100 * cell.rows["test-clean"].accuracy, at, "|", color=colour(7), ms=9, mew=1.2)


def _accuracy_words(results: Results, order: Sequence[Cell]) -> str:
    best, chosen = order[-1], results.chosen
    first = f"Validation chooses {chosen.title}, which" if results.validated else chosen.title
    words = (
        f"{first} is right on {100 * chosen.test.accuracy:.2f} % of "
        f"{chosen.test.n_test:,} test samples (95 % interval {100 * chosen.test.ci_low:.2f} to "
        f"{100 * chosen.test.ci_high:.2f} %)"
    )
    if best.run != chosen.run and best.test.accuracy > chosen.test.accuracy:
        words += f"; the highest of the {len(results.cells)} on the test is {best.title}"
        words += f" with {100 * best.test.accuracy:.2f} %"
    lines = "Lines are bootstrap intervals"
    grey = ", grey ticks the accuracy on test-clean" if any("test-clean" in c.rows for c in order) else ""
    less = f"; the best {MOST_DOTS} are drawn" if len(results.cells) > MOST_DOTS else ""
    return f"{words}. {lines}{grey}{less}."


def _heads(results: Results) -> dict[str, int]:
    """Return head -> its place among colours and markers."""
    return places((cell.test.head for cell in results.cells), HEAD_PLACES)


def _head_legend(axes, heads: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    for head, place in heads.items():
        axes.plot([], [], marker(place), color=colour(place), label=plain(head))
    legend_outside(axes, "head")


def draw_matrix(album: FigureWriter, results: Results) -> Matrix | None:
    """Draw extractors by heads, coloured by test accuracy; return the matrix, None where there is none."""
    found = matrix_of(results)
    if found is None:
        return None
    values = 100 * found.mean
    size = (max(NARROW, 1.8 + 0.85 * len(found.heads)), 1.1 + 0.34 * len(found.extractors))
    title = "Test accuracy by extractor and head"
    with album.drawing("accuracy-by-extractor-and-head", title, size) as (_, axes, said):
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        heat(axes, values, found.texts, found.extractors, found.heads, low, high)
        axes.set(xlabel="head", ylabel="extractor", title="test accuracy, %")
        said.append(found.words)
    return found


@dataclass(frozen=True)
class _Cost:
    """A cost that accuracy is drawn against."""

    name: str
    title: str
    axis: str
    unit: str
    of: Callable[[Cell], float]
    published: str


def _seconds(cell: Cell) -> float:
    return cell.test.extract_s + cell.test.fit_s


_COSTS = (
    _Cost("accuracy-against-time", "Accuracy against time", "embedding + fitting, s", "s", _seconds, "time"),
    _Cost(
        "accuracy-against-size", "Accuracy against size", "network and fitted head, MB", "MB", size_mb, "mb"
    ),
)


def draw_costs(album: FigureWriter, results: Results) -> None:
    """Draw accuracy against time and against size, with the runs nothing beats in both joined by a line."""
    for cost in _COSTS:
        cells = [c for c in results.cells if cost.of(c) > 0]  # nan and 0 are no costs
        if cells:
            _draw_cost(album, results, cost, cells)


def _draw_cost(album: FigureWriter, results: Results, cost: _Cost, cells: Sequence[Cell]) -> None:
    heads, front = _heads(results), pareto([(cost.of(c), c.test.accuracy) for c in cells])
    steps, names = [cells[i] for i in front], short_titles(results.cells)
    with album.drawing(cost.name, cost.title, (WIDE, COST_INCHES)) as (_, axes, said):
        for cell in cells:
            k = heads[cell.test.head]
            axes.plot(cost.of(cell), 100 * cell.test.accuracy, marker(k), color=colour(k), ms=4.5)
        line = [cost.of(c) for c in steps], [100 * c.test.accuracy for c in steps]
        axes.step(*line, where="post", color=colour(7), lw=0.9, zorder=1)
        theirs = _published(results, cost)
        for x, y, _name in theirs:
            axes.plot(x, y, "*", color=INK, ms=10)
        axes.set(xscale="log", xlabel=f"{cost.axis} (log scale)", ylabel="test accuracy, %")
        axes.margins(x=0.12, y=0.12)
        named = [(cost.of(c), 100 * c.test.accuracy, names[c.run]) for c in _spread(steps, MOST_NAMED)]
        _name_points(axes, heads, [*named, *theirs], [(cost.of(c), 100 * c.test.accuracy) for c in cells])
        said.append(_cost_words(cost, steps, len(cells)) + _published_words(theirs))


def _name_points(  # type: ignore[no-untyped-def]
    axes,
    heads: dict[str, int],
    named: Sequence[tuple[float, float, str]],
    points: Sequence[tuple[float, float]],
) -> None:
    """Write numbers beside the named points, and say in the key beside the chart which is which."""
    for head, place in heads.items():
        axes.plot([], [], marker(place), color=colour(place), label=plain(head))
    for number, (_, _, name) in enumerate(named, 1):
        axes.plot([], [], " ", label=f"{number}  {plain(name)}")
    legend_outside(axes, "head; numbered runs", handlelength=1.2)
    first = [(x, y) for x, y, _ in named]
    rest = [point for point in points if point not in first]
    place_labels(axes, [*first, *rest], [str(i) for i in range(1, len(named) + 1)], len(rest))


def _spread(steps: Sequence[Cell], most: int = 6) -> list[Cell]:
    """Return at most `most` runs of a front to be named, its two ends among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(i)] for i in np.linspace(0, len(steps) - 1, most)]


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (cost, gain) points that no cheaper or equal one beats, by rising cost."""
    front: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if not front or points[i][1] > points[front[-1]][1]:
            front.append(i)
    return front


def _cost_words(cost: _Cost, steps: Sequence[Cell], n: int) -> str:
    first, last = steps[0], steps[-1]
    if first is last:
        price = f"{cost.of(first):,.3g} {cost.unit}"
        return f"{first.title} is both the cheapest ({price}) and the most accurate of {n}."
    factor = cost.of(last) / cost.of(first)
    times = f"{factor:,.0f}" if factor >= 100 else f"{factor:.3g}"
    return (
        f"{len(steps)} of {n} runs are on the front (joined): from {first.title} "
        f"({cost.of(first):,.3g} {cost.unit}, {100 * first.test.accuracy:.2f} %) to {last.title} "
        f"({cost.of(last):,.3g} {cost.unit}, {100 * last.test.accuracy:.2f} %), "
        f"{100 * (last.test.accuracy - first.test.accuracy):.2f} points for {times} times the cost."
    )


def _published(results: Results, cost: _Cost) -> list[tuple[float, float, str]]:
    """Return cost, accuracy and name of R1's two proposals, where the data is what they were measured on."""
    found = [f for f in published() if "proposal" in f.note and f.dataset == results.dataset]
    costs = [f.mb if cost.published == "mb" else (f.extract_s or 0) + (f.fit_s or 0) for f in found]
    return [(float(c or 0), 100 * f.accuracy, f.title) for c, f in zip(costs, found, strict=True)]


def _published_words(theirs: Sequence[tuple[float, float, str]]) -> str:
    if not theirs:
        return ""
    return " Stars are R1's two proposals, as they published them, on their machine."
