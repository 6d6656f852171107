"""Write the tables of a report as CSV, with full numbers, and as LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from featurize.atomic import write_text
from pipelines.metrics.scores import detailed
from pipelines.prediction.outputs import class_columns
from pipelines.reporting.names import file_names, short_extractors
from pipelines.reporting.references import bibtex
from pipelines.reporting.tables.action_units import UNITS, unit_records
from pipelines.reporting.tables.changes import Change
from pipelines.reporting.tables.columns import (
    CLASSES,
    COMPARISON,
    FIRST,
    Column,
    Record,
    class_records,
    comparison_records,
    confusion_records,
    split_records,
    whole,
)
from pipelines.reporting.tables.latex import TEXT_HEIGHT, height, latex
from pipelines.reporting.tables.matrix import SEEDS, matrix_of, seed_records
from pipelines.reporting.tables.significance import TESTS, Family, in_short
from pipelines.results.load import Cell, Results
from pipelines.utils.csv_files import write_csv

#: Rows that the shortest names leave room for on one page, in the smallest print.
_MOST_ROWS = 60
#: Of the first columns, those that a printed table has no room for.
_NOT_PRINTED = ("marks", "validation", "auc", "fit_s", "predict_ms")


def write_tables(
    folder: Path, results: Results, families: Sequence[Family], cells: Sequence[Cell], change: Change | None
) -> int:
    """Write every table into `folder`, and the references; return how many files that are.

    Confusion matrices are written of every run, the other tables of a run for `cells`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = " Synthetic data." if results.synthetic else ""
    _comparison(folder, results, drawn)
    _matrix(folder, results, drawn)
    what = f"Samples of {results.dataset} by class and split.{drawn}"
    _both(folder, "data", *split_records(results)[::-1], what)
    for family in families:
        columns = [column for column in TESTS if column.key != "verdict"]
        read = in_short(family, results)
        words = f"{family.title}. {read.words}{drawn}"
        write_csv(folder / f"tests-{family.name}.csv", family.records)
        text = latex(read.records, columns, words, f"tests-{family.name}")
        write_text(folder / f"tests-{family.name}.tex", text)
    names = file_names(results.cells)
    for cell in results.cells:
        _confusion(folder, cell, names[cell.run], results, drawn)
    for cell in cells:
        _cell(folder, cell, names[cell.run], results, drawn)
    if change is not None and change.records:
        write_csv(folder / "changes.csv", change.records)
    write_text(folder / "references.bib", bibtex(results))
    return len(list(folder.iterdir()))


def _comparison(folder: Path, results: Results, drawn: str) -> None:
    """Write ``comparison.csv``, ``comparison.tex`` of the first columns, ``comparison-long.tex`` of all."""
    records = comparison_records(results)
    bold = "; in bold what validation chooses" if results.validated else ""
    seen = " validation-seen: its network learned from validation samples." if results.marked else ""
    caption = f"Every extractor with every head on {results.dataset}{bold}."
    write_csv(folder / "comparison.csv", records)
    chosen = [bool(record["chosen"]) for record in records]
    text = latex(records, COMPARISON, f"{caption}{seen}{drawn}", "comparison-long", chosen, long=True)
    write_text(folder / "comparison-long.tex", text)
    write_text(folder / "comparison.tex", _short(results, records, caption, drawn))


def _short(results: Results, records: Sequence[Record], caption: str, drawn: str) -> str:
    """Return the table of the first columns, with as many of the best runs as one page holds."""
    columns = [c for c in COMPARISON if c.key in FIRST and c.key not in _NOT_PRINTED]
    for count in range(min(len(records), _MOST_ROWS), 0, -1):
        shown = _printed(results, records, count)
        less = f" The {len(shown)} best of {len(records)} on validation." if len(shown) < len(records) else ""
        dagger = " A dagger marks figures that are too good; the long table says by what."
        words = f"{caption}{less}{dagger if _marked(shown) else ''}{drawn}"
        chosen = [bool(record["chosen"]) for record in shown]
        if height(shown, columns, words, chosen) <= TEXT_HEIGHT:
            break
    return latex(shown, columns, words, "comparison", chosen)


def _printed(results: Results, records: Sequence[Record], count: int) -> list[Record]:
    """Return the records of the short table: short names, the best of them, in the recipe's order."""
    names = short_extractors(str(record["extractor"]) for record in records)
    first = {cell.run for cell in results.by_validation[:count]}
    return [
        {
            **r,
            "extractor": names[str(r["extractor"])],
            "head": f"{r['head']}{'†' if r['marks'] else ''}",
        }
        for r in records
        if r["run"] in first
    ]


def _marked(records: Sequence[Record]) -> bool:
    return any(record["marks"] for record in records)


def _matrix(folder: Path, results: Results, drawn: str) -> None:
    """Write ``matrix.csv`` and ``.tex``, extractors by heads, and where there are several seeds ``seeds``."""
    seeds = seed_records(results)
    over = " Mean and standard deviation over seeds." if seeds else ""
    if found := matrix_of(results):
        write_csv(folder / "matrix.csv", found.records)
        columns = [
            Column("extractor", "extractor"),
            *(Column(h, h, _as_it_is, empty="-") for h in found.heads),
        ]
        texts = [
            {"extractor": name, **dict(zip(found.heads, row, strict=True))}
            for name, row in zip(found.extractors, found.texts, strict=True)
        ]
        caption = f"Test accuracy in % by extractor and head on {results.dataset}.{over}{drawn}"
        write_text(folder / "matrix.tex", latex(texts, columns, caption, "matrix"))
    if seeds:
        _both(folder, "seeds", seeds, SEEDS, f"Runs with several seeds on {results.dataset}.{drawn}")


def _as_it_is(value: str) -> str:
    """Show a text as it is, in a column of numbers."""
    return value


def _confusion(folder: Path, cell: Cell, name: str, results: Results, drawn: str) -> None:
    if cell.confusion is None:
        return
    columns = [
        Column("true", "true"),
        *(Column(one, one, whole) for one in class_columns(["true"], results.classes)),
    ]
    records = confusion_records(cell.confusion, results.classes)
    of = f"{cell.title} on the test split of {results.dataset}.{drawn}"
    _both(folder, f"confusion-{name}", records, columns, f"Confusion matrix: {of}")


def _cell(folder: Path, cell: Cell, name: str, results: Results, drawn: str) -> None:
    if cell.confusion is None:
        return
    confusion, classes = cell.confusion, results.classes
    of = f"{cell.title} on the test split of {results.dataset}.{drawn}"
    _both(folder, f"classes-{name}", class_records(confusion, classes), CLASSES, f"Class by class: {of}")
    if p := cell.predictions:
        scores = detailed(p.true, p.scores, p.predicted)
        write_csv(folder / f"metrics-{name}.csv", [_by_name(scores, classes)])
    if units := unit_records(confusion, classes):
        _both(folder, f"units-{name}", units, UNITS, f"Confusions and shared action units: {of}")


def _by_name(scores: dict[str, float], classes: Sequence[str]) -> Record:
    """Return the scores with the classes' names in place of their numbers."""
    areas = {
        f"{kind}_auc_{i}": f"{kind}_auc_{name}" for kind in ("roc", "pr") for i, name in enumerate(classes)
    }
    return {areas.get(key, key): value for key, value in scores.items()}


def _both(
    folder: Path, name: str, records: Sequence[Record], columns: Sequence[Column], caption: str
) -> None:
    write_csv(folder / f"{name}.csv", records)
    write_text(folder / f"{name}.tex", latex(records, columns, caption, name))
