"""The words and tables of the page, from a folder of results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from pipelines.reporting.names import short_extractors
from pipelines.reporting.page import CellPart, MatrixPart, Table
from pipelines.reporting.plots.learning_curves import varied
from pipelines.reporting.tables.action_units import UNITS, unit_records, unit_words
from pipelines.reporting.tables.columns import (
    CLASSES,
    COMPARISON,
    FIRST,
    Column,
    Record,
    class_records,
    comparison_records,
    percent,
    quantity,
    split_records,
    versions,
    whole,
)
from pipelines.reporting.tables.matrix import SEEDS, Matrix, seed_records
from pipelines.reporting.tables.significance import TESTS, Family, in_short
from pipelines.results.load import Cell, Results, read_csv, short_params
from pipelines.results.rows import SEEN_VALIDATION
from pipelines.utils.figures import Figure
from pipelines.utils.kept_warnings import from_text

__all__ = ["versions"]

AUDIT = (
    Column("words", "finding"),
    Column("count", "count", whole),
    Column("other_label", "with another label", whole),
)


def title(results: Results) -> str:
    """Return the title: the recipe and the data."""
    return f"{results.name} on {results.dataset}"


def facts(results: Results, now: datetime) -> dict[str, str]:
    """Return machine, dates, seed and commit."""
    row, about = results.chosen.test, results.about
    return {
        "results": f"{len(results.cells)} runs in {results.folder.name}/rows.csv",
        "computed": str(about.get("written", "date not kept")),
        "machine": str(about.get("machine", "not kept")),
        "commit": row.git_sha or "not kept",
        "seed": str(row.seed),
        "data": f"{row.dataset}, SHA-256 {row.fingerprint}",
        "page made": f"{now:%Y-%m-%d %H:%M} UTC",
    }


def counts_table(results: Results) -> Table:
    """Return the counts per class and split."""
    return Table(*split_records(results))


def data_words(results: Results, audit: Table) -> list[str]:
    """Say what the data is, how it is divided, and what of the test split leaks."""
    row, data = results.chosen.test, results.about.get("data", {})
    said = [f"{results.dataset}: {row.n_train:,} samples to fit the final heads on, {row.n_test:,} to test."]
    if data.get("subjects"):
        said[0] += f" {data['subjects']:,} subjects, none of them in two parts of the data."
    if data.get("left_out"):
        said[0] += f" {data['left_out']:,} images could not be read and were left out."
    if held := str(data.get("held_out") or ""):
        said.append(f"The test is a share of the training samples: {held}.")
    said += [f"{note[:1].upper()}{note[1:]}." for note in data.get("notes", ())]
    if words := _majority(results):
        said.append(words)
    if clean := results.chosen.rows.get("test-clean"):
        gone = row.n_test - clean.n_test
        said.append(
            f"test-clean leaves out {gone:,} of the {row.n_test:,} test samples "
            f"({percent(gone / row.n_test)} %): "
            "copies of training samples, repeats within the test, blank images. On what stays the chosen "
            "run's "
            f"accuracy is {percent(clean.accuracy)} %, {100 * (clean.accuracy - row.accuracy):+.2f} points "
            "against "
            "the whole test split."
        )
    if not audit.records:
        said.append("No audit lies in the folder (mueca data audit NAME --out FOLDER/audit puts one there).")
    return said


def _majority(results: Results) -> str:
    p = results.chosen.predictions
    if p is None:
        return ""
    counts = np.bincount(p.true, minlength=len(p.classes))
    most = int(np.argmax(counts))
    share = percent(counts[most] / len(p.true))
    return f"Always saying {p.classes[most]} would be right on {share} % of the test samples."


def audit_table(results: Results) -> Table:
    """Return the summary of an audit of this data set that lies in ``audit/``; empty where there is none."""
    records: list[Record] = []
    for line in read_csv(results.folder / "audit" / "summary.csv"):
        if line.get("dataset") == results.dataset:
            counts = {k: int(line[k]) for k in ("count", "other_label") if line.get(k)}
            records.append({"words": line.get("words", ""), **counts})
    return Table(AUDIT, records)


def comparison_table(results: Results) -> Table:
    """Return the table of every run, with a column for each named part of the test split."""
    records = comparison_records(results)
    parts = [key for key in dict.fromkeys(k for r in records for k in r) if key.startswith("accuracy_")]
    extra = [
        Column(key, f"{key.removeprefix('accuracy_')} %", percent, "accuracy on that part of the test split")
        for key in parts
    ]
    columns = list(COMPARISON)
    at = next(i for i, column in enumerate(columns) if column.key == "uar")
    names = short_extractors(str(record["extractor"]) for record in records)
    shown = [{**r, "whole": r["extractor"], "extractor": names[str(r["extractor"])]} for r in records]
    return Table([*columns[:at], *extra, *columns[at:]], shown, FIRST)


def matrix_part(matrix: Matrix, figure: Figure, results: Results) -> MatrixPart:
    """Return the matrix for the page, each number with its run."""
    low, high = float(np.nanmin(matrix.mean)), float(np.nanmax(matrix.mean))
    shades = np.nan_to_num((matrix.mean - low) / ((high - low) or 1.0))
    rows = [
        (name, [(c.run if c else "", t or "-", float(s)) for c, t, s in zip(*row, strict=True)])
        for name, *row in zip(matrix.extractors, matrix.cells, matrix.texts, shades, strict=True)
    ]
    return MatrixPart(figure, matrix.heads, rows, Table(SEEDS, seed_records(results)))


def family_tables(families: Sequence[Family], results: Results) -> list[tuple[Family, Table]]:
    """Return each family of tests with its table."""
    found = [in_short(family, results) for family in families]
    return [(family, Table(TESTS, family.records)) for family in found]


def failed_records(results: Results) -> list[Record]:
    """Return the runs that failed, with the error."""
    return [{"title": f"{row.extractor} + {row.head}", "error": row.error} for row in results.failed]


def cell_part(cell: Cell, results: Results, figures: Sequence[Figure]) -> CellPart:
    """Return what the page says of a run that has predictions."""
    confusion = cell.confusion
    assert confusion is not None  # noqa: S101
    support = confusion.sum(axis=1, keepdims=True)
    share = np.divide(confusion, support, out=np.zeros(confusion.shape), where=support > 0)
    cells = [list(zip(n, s, strict=True)) for n, s in zip(confusion.tolist(), share.tolist(), strict=True)]
    table = Table(CLASSES, class_records(confusion, results.classes))
    return CellPart(
        cell.run, cell.title, _cell_words(cell), results.classes, cells, table, grid_table(cell), figures
    )


def _cell_words(cell: Cell) -> str:
    test = cell.test
    return (
        f"{short_params(test) or 'Parameters as they come'}. Right on {percent(test.accuracy)} % of "
        f"{test.n_test:,} test samples "
        f"({percent(test.ci_low)} to {percent(test.ci_high)} %), UAR {percent(test.balanced_accuracy)} %, "
        f"UF1 {percent(test.f1_macro)} %; fitted in {quantity(test.fit_s)} s. Run {cell.run}."
        + "".join(f" Warning: {one}." for one in from_text(test.warnings))
    )


def grid_table(cell: Cell) -> Table:
    """Return every candidate that validation chose from, by what varied."""
    tried = [(json.loads(c.params), c) for c in cell.grid]
    free = sorted(varied([params for params, _ in tried]))
    columns = [
        *(Column(name, name) for name in free),
        Column("validation", "validation %", percent),
        Column("fit_s", "fit s", quantity),
    ]
    records = [
        {**{name: str(params.get(name)) for name in free}, "validation": c.validation, "fit_s": c.fit_s}
        for params, c in tried
    ]
    return Table(columns, records)


def units_table(results: Results) -> tuple[Table | None, str]:
    """Return the chosen run's confusions beside shared action units, and what to say of them."""
    confusion = results.chosen.confusion
    records = [] if confusion is None else unit_records(confusion, results.classes)
    return (Table(UNITS, records), unit_words(records)) if records else (None, "")


def standing_notes(results: Results) -> list[str]:
    """Say what any reader of the page should know of its figures."""
    said = [
        "Intervals of an accuracy are bootstrap intervals of the fitted head over test samples: they say "
        "nothing "
        "of another training set or another seed.",
        "Embedding times are those of the day the vectors were computed; later runs take them from a cache.",
    ]
    if results.marked:
        said.append(
            f"Runs marked {SEEN_VALIDATION} have a network that learned from validation samples. Their "
            "figure on validation says nothing, and it does not choose them. What a grid chose by it is "
            "optimistic. The test samples are new to the network."
        )
    if results.left_out:
        said.append(f"{results.left_out} runs of the folder belong to another comparison and are not shown.")
    if results.timed:
        said.append(f"{results.timed} runs have random weights, which are for timing, and are not shown.")
    return said
