"""The tables of a report: their columns, and their records with the full numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.metrics.calibration import calibration_error
from pipelines.metrics.scores import class_scores
from pipelines.prediction.outputs import class_columns
from pipelines.reporting.tables.network_cost import network_cost, size_mb
from pipelines.reporting.tables.published import published_of
from pipelines.results.load import Cell, Results, marks, short_params
from pipelines.results.rows import Row
from pipelines.utils.kept_warnings import from_text

Record = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column: its key in a record, its title with the unit, how it is shown, what it means.

    `empty` stands where a record has no such number.
    """

    key: str
    title: str
    show: Callable[[Any], str] = str
    words: str = ""
    empty: str = ""

    @property
    def numeric(self) -> bool:
        """Whether it stands to the right and sorts by number."""
        return self.show is not str

    def text(self, record: Mapping[str, Any]) -> str:
        """Return what a table shows of a record; nothing where the number is not defined."""
        value = record.get(self.key)
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            return ""
        return self.show(value)

    def shown(self, record: Mapping[str, Any]) -> str:
        """Return what stands in a table: the text, or what stands for none."""
        return self.text(record) or self.empty


def percent(value: float) -> str:
    """Return a share as a percentage with two decimals, without the sign."""
    return f"{100 * value:.2f}"


def decimal(value: float) -> str:
    """Return a number with three decimals."""
    return f"{value:.3f}"


def p_value(value: float) -> str:
    """Return a p-value with three decimals; a small one as below 0.001."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def whole(value: float) -> str:
    """Return a count with a separator of thousands."""
    return f"{value:,.0f}"


def quantity(value: float) -> str:
    """Return a time or a size with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def count_of(value: float) -> str:
    """Return a large count with its magnitude: 779.8 k, 23.56 M, 7.66 G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.4g} {letter}"
    return f"{value:.0f}"


COMPARISON = (
    Column("extractor", "extractor"),
    Column(
        "head",
        "head",
        str,
        "the classifier on the vectors; network-softmax is what a network was trained with",
    ),
    Column(
        "marks",
        "optimistic by",
        str,
        "what makes figures too good. validation-seen: a network of the row learned from validation samples; "
        "its figure on validation says nothing and does not choose it, the tested samples are new to it",
    ),
    Column(
        "validation",
        "val. %",
        percent,
        "accuracy on validation, the head fitted on train alone: what chooses, but not where the row is "
        "marked validation-seen",
    ),
    Column("test", "test %", percent, "accuracy on the whole test split"),
    Column("interval", "95 % interval", str, "of the test accuracy, bootstrap"),
    Column(
        "test_clean", "test-clean %", percent, "without copies of training faces, repeats and blank images"
    ),
    Column("interval_clean", "95 % interval, clean", str, "of the test-clean accuracy, bootstrap"),
    Column("uar", "UAR %", percent, "unweighted average recall: balanced accuracy"),
    Column("uf1", "UF1 %", percent, "unweighted F1: the mean over classes"),
    Column("f1_weighted", "wF1 %", percent, "F1 weighted by support"),
    Column("auc", "AUC", decimal, "mean one-against-rest area under the ROC curve"),
    Column("log_loss", "log loss", decimal, "natural logarithm; where the head gives probabilities"),
    Column(
        "ece", "ECE %", percent, "expected calibration error, 15 bins; where the head gives probabilities"
    ),
    Column("extract_s", "embed s", quantity, "seconds to embed the whole set when it was computed"),
    Column("fit_s", "fit s", quantity, "seconds to fit the chosen parameters"),
    Column("predict_ms", "ms/face", quantity, "milliseconds a face, the head alone, in one batch"),
    Column("model_mb", "head MB", quantity, "the fitted head in memory"),
    Column(
        "size_mb",
        "whole MB",
        quantity,
        "networks and head: 4 bytes a parameter, and the fitted head in memory",
    ),
    Column("weights", "weights", count_of, "parameters of the network up to its embedding layer", "-"),
    Column("flops", "FLOPs", count_of, "of a sample up to the embedding: 2 a multiply-add, 1 a bias", "-"),
    Column("params", "parameters", str, "of the head, chosen on validation"),
    Column("published", "published %", percent, "accuracy of the reference system", "-"),
    Column("system", "by", str, "which reference system; on the test split if no more is said"),
    Column("warnings", "warnings", str, "what was warned of when it was computed"),
)

#: What a reader is shown first, in the page and in the short printed table; the rest is on demand.
FIRST = (
    "extractor", "head", "marks", "validation", "test", "interval", "test_clean", "uar", "uf1", "auc",
    "fit_s", "predict_ms",
)  # fmt: skip


def comparison_records(results: Results) -> list[Record]:
    """Return one record a run, with the full numbers of ``rows.csv``."""
    chosen = results.chosen if results.validated else None
    return [_comparison_record(cell, cell is chosen) for cell in results.cells]


def _comparison_record(cell: Cell, chosen: bool) -> Record:
    parts = {name: row for name, row in cell.rows.items() if name not in ("test", "test-clean", "validation")}
    return (
        {"run": cell.run, "title": cell.title, "chosen": "yes" if chosen else ""}
        | _scores(cell)
        | _costs(cell)
        | _clean(cell.rows.get("test-clean"))
        | {f"accuracy_{name}": row.accuracy for name, row in parts.items()}
    )


def _scores(cell: Cell) -> Record:
    test = cell.test
    return {
        "extractor": test.extractor,
        "head": test.head,
        "marks": ", ".join(marks(test)),
        "params": short_params(test),
        "validation": cell.validation,
        "test": test.accuracy,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "interval": _interval(test.ci_low, test.ci_high),
        "n_test": test.n_test,
        "uar": test.balanced_accuracy,
        "uf1": test.f1_macro,
        "f1_weighted": test.f1_weighted,
        "auc": test.auc_ovr,
        "log_loss": test.log_loss,
        "ece": _ece(cell),
    }


def _costs(cell: Cell) -> Record:
    test, figure, cost = cell.test, published_of(cell), network_cost(cell)
    return {
        "extract_s": test.extract_s,
        "fit_s": test.fit_s,
        "predict_ms": test.predict_ms_per_sample,
        "model_mb": test.model_bytes / 1e6,
        "size_mb": size_mb(cell),
        "published": math.nan if figure is None else figure.accuracy,
        "system": "" if figure is None else figure.by,
        "weights": math.nan if cost is None else cost.parameters,
        "flops": math.nan if cost is None else cost.flops,
        "warnings": "; ".join(from_text(test.warnings)),
    }


def _clean(clean: Row | None) -> Record:
    """Return the scores without leaked test faces, where there are some."""
    if clean is None:
        return {}
    return {
        "test_clean": clean.accuracy,
        "clean_low": clean.ci_low,
        "clean_high": clean.ci_high,
        "interval_clean": _interval(clean.ci_low, clean.ci_high),
        "n_clean": clean.n_test,
    }


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{percent(low)}–{percent(high)}"


def _ece(cell: Cell) -> float:
    p = cell.predictions
    return math.nan if p is None or not p.probabilistic else calibration_error(p.scores, p.true, p.predicted)


CLASSES = (
    Column("class", "class"),
    Column("precision", "precision %", percent),
    Column("recall", "recall %", percent),
    Column("f1", "F1 %", percent),
    Column("specificity", "specificity %", percent),
    Column("support", "true", whole, "test samples of the class"),
    Column("predicted", "predicted", whole, "test samples that were given the class"),
)


def class_records(confusion: NDArray[np.int64], classes: Sequence[str]) -> list[Record]:
    """Return precision, recall, F1, specificity and counts of each class.

    Parameters
    ----------
    confusion : (k, k) int
        True by predicted.
    classes : sequence of k str

    Returns
    -------
    list of dict
        A score whose denominator is zero is 0, as scikit-learn's `classification_report` has it.
    """
    names = ("precision", "recall", "f1", "specificity")
    columns = {name: values for name, values in class_scores(confusion).items() if name in names}
    columns |= {"support": confusion.sum(axis=1), "predicted": confusion.sum(axis=0)}
    return [{"class": name} | {k: v[i].item() for k, v in columns.items()} for i, name in enumerate(classes)]


def confusion_records(confusion: NDArray[np.int64], classes: Sequence[str]) -> list[Record]:
    """Return one record a true class: a count for each predicted one, under its `class_columns`."""
    columns = class_columns(["true"], classes)
    return [
        {"true": t, **dict(zip(columns, row.tolist(), strict=True))}
        for t, row in zip(classes, confusion, strict=True)
    ]


def split_records(results: Results) -> tuple[list[Column], list[Record]]:
    """Return the counts per class and split, with totals; of the test alone where no more is known."""
    counts = _counts(results)
    columns = [Column("class", "class"), *(Column(name, name, whole) for name in counts)]
    names = [*results.classes, "all"]
    records = [
        {"class": name} | {split: (*column, sum(column))[i] for split, column in counts.items()}
        for i, name in enumerate(names)
    ]
    return columns, records


def _counts(results: Results) -> dict[str, list[int]]:
    data = results.about.get("data", {})
    counts: dict[str, list[int]] = {}
    if list(data.get("classes", [])) == list(results.classes):
        counts = {str(k): [int(n) for n in v] for k, v in data.get("counts", {}).items()}
    kept = next((c.predictions for c in results.cells if c.predictions is not None), None)
    if kept is not None:
        k = len(kept.classes)
        counts |= {"test": np.bincount(kept.true, minlength=k).tolist()}
        counts |= {"test-clean": np.bincount(kept.true[kept.clean], minlength=k).tolist()}
    return counts


def versions(results: Results) -> dict[str, str]:
    """Return the library versions of the chosen run's row."""
    try:
        return {str(k): str(v) for k, v in json.loads(results.chosen.test.versions).items()}
    except (ValueError, AttributeError):
        return {}
