"""Write the tables of a report as CSV, with full numbers, and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featurize.atomic import write_text
from pipelines.metrics.scores import detailed
from pipelines.prediction.outputs import class_columns
from pipelines.reporting.tables.action_units import UNITS, unit_records
from pipelines.reporting.tables.changes import Change
from pipelines.reporting.tables.columns import (
    CLASSES,
    COMPARISON,
    LATEX,
    Column,
    Record,
    class_records,
    comparison_records,
    confusion_records,
    latex,
    split_records,
    whole,
)
from pipelines.reporting.tables.significance import TESTS, Family
from pipelines.results.load import Cell, Results
from pipelines.utils.csv_files import write_csv


def write_tables(
    folder: Path, results: Results, families: Sequence[Family], cells: Sequence[Cell], change: Change | None
) -> int:
    """Write every table into `folder`; return how many files that are."""
    drawn = " Synthetic data." if results.synthetic else ""
    records = comparison_records(results)
    chosen = [bool(record["chosen"]) for record in records]
    columns = [column for column in COMPARISON if column.key in LATEX]
    bold = "; in bold what validation chooses" if results.validated else ""
    seen = " validation-seen: its network learned from validation samples." if results.marked else ""
    caption = f"Every extractor with every head on {results.dataset}{bold}.{seen}{drawn}"
    _both(folder, "comparison", records, columns, caption, chosen)
    _both(
        folder,
        "data",
        *split_records(results)[::-1],
        f"Samples of {results.dataset} by class and split.{drawn}",
    )
    for family in families:
        columns = [column for column in TESTS if column.key != "verdict"]
        _both(
            folder, f"tests-{family.name}", family.records, columns, f"{family.title}. {family.words}{drawn}"
        )
    for cell in cells:
        _cell(folder, cell, results, drawn)
    if change is not None and change.records:
        write_csv(folder / "changes.csv", change.records)
    return len(list(folder.iterdir()))


def _cell(folder: Path, cell: Cell, results: Results, drawn: str) -> None:
    if cell.confusion is None:
        return
    confusion, classes = cell.confusion, results.classes
    of = f"{cell.title} on the test split of {results.dataset}.{drawn}"
    _both(folder, f"classes-{cell.run}", class_records(confusion, classes), CLASSES, f"Class by class: {of}")
    if p := cell.predictions:
        scores = detailed(p.true, p.scores, p.predicted)
        write_csv(folder / f"metrics-{cell.run}.csv", [_by_name(scores, classes)])
    columns = [
        Column("true", "true"),
        *(Column(name, name, whole) for name in class_columns(["true"], classes)),
    ]
    records = confusion_records(confusion, classes)
    _both(folder, f"confusion-{cell.run}", records, columns, f"Confusion matrix: {of}")
    if units := unit_records(confusion, classes):
        _both(folder, f"units-{cell.run}", units, UNITS, f"Confusions and shared action units: {of}")


def _by_name(scores: dict[str, float], classes: Sequence[str]) -> Record:
    """Return the scores with the classes' names in place of their numbers."""
    areas = {
        f"{kind}_auc_{i}": f"{kind}_auc_{name}" for kind in ("roc", "pr") for i, name in enumerate(classes)
    }
    return {areas.get(key, key): value for key, value in scores.items()}


def _both(
    folder: Path,
    name: str,
    records: Sequence[Record],
    columns: Sequence[Column],
    caption: str,
    bold: Sequence[bool] = (),
) -> None:
    write_csv(folder / f"{name}.csv", records)
    write_text(folder / f"{name}.tex", latex(records, columns, caption, name, bold))
