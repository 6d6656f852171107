"""Charts of a whole comparison: every run's accuracy, extractor by head, accuracy against its cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.reporting.tables.published import published
from pipelines.results.load import Cell, Results
from pipelines.utils.figures import INK, MARKERS, NARROW, WIDE, FigureWriter, colour, heat, plain

#: Runs the dot plot shows at most, and those it names.
MOST_DOTS = 40
#: Height of a chart of accuracy against a cost.
COST_INCHES = 3.4


def draw_overview(album: FigureWriter, results: Results) -> None:
    """Draw every chart of the comparison as a whole."""
    draw_accuracies(album, results)
    if _is_grid(results):
        draw_grid(album, results)
    draw_costs(album, results)


def draw_accuracies(album: FigureWriter, results: Results) -> None:
    """Draw the test accuracy of each run with its interval, the best on top."""
    order = sorted(results.cells, key=lambda c: c.test.accuracy)[-MOST_DOTS:]
    heads = _heads(results)
    with album.drawing("accuracy", "Test accuracy of every combination", (WIDE, 0.8 + 0.2 * len(order))) as (
        _,
        axes,
        said,
    ):
        for i, cell in enumerate(order):
            test, k = cell.test, heads.index(cell.test.head)
            axes.plot(
                [100 * test.ci_low, 100 * test.ci_high],
                [i, i],
                color=colour(k),
                lw=1.6,
                solid_capstyle="butt",
            )
            axes.plot(100 * test.accuracy, i, MARKERS[k % len(MARKERS)], color=colour(k), ms=5)
            if "test-clean" in cell.rows:
                axes.plot(100 * cell.rows["test-clean"].accuracy, i, "|", color=colour(7), ms=9, mew=1.2)
        axes.set_yticks(range(len(order)), [_name(c, results) for c in order])
        axes.set(xlabel="accuracy on the test samples, %", ylim=(-0.7, len(order) - 0.3))
        axes.grid(visible=False, axis="y")
        _head_legend(axes, heads, "lower right")
        said.append(_accuracy_words(results, order))


def _name(cell: Cell, results: Results) -> str:
    return plain(cell.title) + (" (chosen)" if cell is results.chosen and results.validated else "")


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


def _heads(results: Results) -> list[str]:
    return list(dict.fromkeys(cell.test.head for cell in results.cells))


def _head_legend(axes, heads: Sequence[str], where: str) -> None:  # type: ignore[no-untyped-def]
    for k, head in enumerate(heads):
        axes.plot([], [], MARKERS[k % len(MARKERS)], color=colour(k), label=plain(head))
    axes.legend(title="head", title_fontsize=7, loc=where)


def _is_grid(results: Results) -> bool:
    pairs = {(c.test.extractor, c.test.head) for c in results.cells}
    extractors, heads = len({e for e, _ in pairs}), len({h for _, h in pairs})
    return (
        len(pairs) == len(results.cells)
        and min(extractors, heads) > 1
        and len(pairs) > 0.6 * extractors * heads
    )


def draw_grid(album: FigureWriter, results: Results) -> None:
    """Draw extractors by heads as a table coloured by test accuracy."""
    heads = _heads(results)
    extractors = list(dict.fromkeys(cell.test.extractor for cell in results.cells))
    values = np.full((len(extractors), len(heads)), math.nan)
    for cell in results.cells:
        values[extractors.index(cell.test.extractor), heads.index(cell.test.head)] = 100 * cell.test.accuracy
    texts = [["" if math.isnan(v) else f"{v:.1f}" for v in row] for row in values]
    size = (max(NARROW, 1.8 + 0.75 * len(heads)), 1.1 + 0.34 * len(extractors))
    with album.drawing("grid", "Extractor by head", size) as (_, axes, said):
        heat(axes, values, texts, extractors, heads, float(np.nanmin(values)), float(np.nanmax(values)))
        axes.set(xlabel="head", ylabel="extractor", title="test accuracy, %")
        across, down = np.nanmean(values, axis=1), np.nanmean(values, axis=0)
        said.append(
            f"Averaged over heads the best extractor is {extractors[int(np.argmax(across))]} "
            f"({across.max():.1f} %, the worst {across.min():.1f} %); averaged over extractors the best "
            "head is "
            f"{heads[int(np.argmax(down))]} ({down.max():.1f} %, the worst {down.min():.1f} %)."
        )


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
    _Cost("cost-time", "Accuracy against time", "embedding + fitting, s", "s", _seconds, "time"),
    _Cost(
        "cost-size",
        "Accuracy against size",
        "fitted head in memory, MB",
        "MB",
        lambda c: c.test.model_bytes / 1e6,
        "mb",
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
    with album.drawing(cost.name, cost.title, (WIDE, COST_INCHES)) as (_, axes, said):
        for cell in cells:
            k = heads.index(cell.test.head)
            axes.plot(
                cost.of(cell), 100 * cell.test.accuracy, MARKERS[k % len(MARKERS)], color=colour(k), ms=4.5
            )
        steps = [cells[i] for i in front]
        axes.step(
            [cost.of(c) for c in steps],
            [100 * c.test.accuracy for c in steps],
            where="post",
            color=colour(7),
            lw=0.9,
            zorder=1,
        )
        theirs = _draw_published(axes, results, cost)
        axes.set(xscale="log", xlabel=f"{cost.axis} (log scale)", ylabel="test accuracy, %")
        axes.margins(x=0.12, y=0.1)
        _name_steps(axes, cost, _spread(steps))
        _head_legend(axes, heads, "lower right")
        said.append(_cost_words(cost, steps, len(cells)) + theirs)


def _name_steps(axes, cost: _Cost, steps: Sequence[Cell]) -> None:  # type: ignore[no-untyped-def]
    """Name runs of the front above and left of their points, where no run can be.

    What would cover the name before it is lifted over it; at the left edge names run to the right.
    """
    (low, high), (bottom, top) = np.log(axes.get_xlim()), axes.get_ylim()
    height, lowest = COST_INCHES * 72 * 0.75, -math.inf  # points of the axes, about
    for cell in steps:
        x, y = cost.of(cell), 100 * cell.test.accuracy
        at = (y - bottom) / (top - bottom) * height
        lowest = max(at + 4, lowest)
        side = "left" if math.log(x) - low < 0.2 * (high - low) else "right"
        shift = (2 if side == "left" else -2, lowest - at)
        axes.annotate(plain(cell.title), (x, y), shift, textcoords="offset points", fontsize=6.5, ha=side)
        lowest += 8


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
        f"{len(steps)} of {n} combinations are on the front (joined): from {first.title} "
        f"({cost.of(first):,.3g} {cost.unit}, {100 * first.test.accuracy:.2f} %) to {last.title} "
        f"({cost.of(last):,.3g} {cost.unit}, {100 * last.test.accuracy:.2f} %), "
        f"{100 * (last.test.accuracy - first.test.accuracy):.2f} points for {times} times the cost."
    )


def _draw_published(axes, results: Results, cost: _Cost) -> str:  # type: ignore[no-untyped-def]
    """Draw R1's two proposals, where the data is what they were measured on; return what to say of them."""
    found = [f for f in published() if "proposal" in f.note and f.dataset == results.dataset]
    for figure in found:
        seconds = (figure.extract_s or 0) + (figure.fit_s or 0)
        value = figure.mb if cost.published == "mb" else seconds
        axes.plot(value, 100 * figure.accuracy, "*", color=INK, ms=10)
        where, words = (value, 100 * figure.accuracy), {"ha": "right", "fontsize": 6.5}
        axes.annotate(figure.title, where, (5, 7), textcoords="offset points", **words)
    if not found:
        return ""
    size = " and of network and head together" if cost.published == "mb" else ""
    return f" Stars are R1's two proposals, as they published them, on their machine{size}."
