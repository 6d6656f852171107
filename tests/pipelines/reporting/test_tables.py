"""Tables: against scikit-learn, against the CSV, and as LaTeX."""

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, confusion_matrix, multilabel_confusion_matrix

from pipelines.reporting.names import file_names
from pipelines.reporting.tables import columns as columns_module
from pipelines.reporting.tables.columns import (
    COMPARISON,
    Column,
    class_records,
    comparison_records,
)
from pipelines.reporting.tables.latex import latex, latex_text
from pipelines.reporting.tables.published import published, published_of
from pipelines.results.load import load_results


@given(st.integers(2, 6), st.integers(1, 80), st.integers(0, 2**31))
def test_classes_against_scikit_learn(k, n, seed):
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(0, k, n), rng.integers(0, k, n)
    names = [f"c{i}" for i in range(k)]
    confusion = confusion_matrix(true, predicted, labels=range(k))
    theirs = classification_report(
        true, predicted, labels=range(k), target_names=names, output_dict=True, zero_division=0
    )
    for record, ((tn, fp), _) in zip(
        class_records(confusion, names),
        multilabel_confusion_matrix(true, predicted, labels=range(k)),
        strict=True,
    ):
        their = theirs[record["class"]]
        for ours, name in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("f1", "f1-score"),
            ("support", "support"),
        ):
            assert record[ours] == pytest.approx(their[name], abs=1e-12)
        assert record["specificity"] == pytest.approx(tn / (tn + fp) if tn + fp else 0)
        assert record["predicted"] == np.sum(predicted == names.index(record["class"]))


def test_confusion_of_a_cell_against_scikit_learn(folder):
    cell = load_results(folder).cells[7]
    p = cell.predictions
    np.testing.assert_array_equal(cell.confusion, confusion_matrix(p.true, p.predicted))


def test_every_number_of_the_written_tables_is_that_of_the_rows(folder, made):
    with (made.page.parent / "tables" / "comparison.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    results = load_results(folder)
    assert [w["run"] for w in written] == [c.run for c in results.cells]
    names = {"test": "accuracy", "uar": "balanced_accuracy", "uf1": "f1_macro", "f1_weighted": "f1_weighted",
             "auc": "auc_ovr", "log_loss": "log_loss", "ci_low": "ci_low", "ci_high": "ci_high",
             "fit_s": "fit_s", "extract_s": "extract_s", "predict_ms": "predict_ms_per_sample"}  # fmt: skip
    for record, cell in zip(written, results.cells, strict=True):
        for ours, theirs in names.items():
            value = getattr(cell.test, theirs)
            assert record[ours] == ("" if math.isnan(value) else repr(value))
        assert float(record["test_clean"]) == cell.rows["test-clean"].accuracy
        assert float(record["validation"]) == cell.validation


def test_every_score_of_a_drawn_cell_stands_in_a_table(folder, made):
    results = load_results(folder)
    cell = results.chosen
    path = made.page.parent / "tables" / f"metrics-{file_names(results.cells)[cell.run]}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        (record,) = csv.DictReader(file)
    p = cell.predictions
    assert float(record["zero_one_loss"]) == pytest.approx(np.mean(p.true != p.predicted))
    assert {f"roc_auc_{name}" for name in results.classes} < set(record)


def test_calibration_error_only_of_probabilities(folder):
    records = comparison_records(load_results(folder))
    assert {r["head"] for r in records if math.isnan(r["ece"])} == {"svm", "bagged-svm"}


def test_latex_of_the_comparison(made):
    text = (made.page.parent / "tables" / "comparison.tex").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 26
    assert len({line.count("&") for line in rows}) == 1
    assert r"\toprule" in text and r"\midrule" in text and r"\bottomrule" in text  # noqa: PT018
    assert sum(r"{\bfseries " in line for line in rows) == 1
    assert "Synthetic data" in text
    assert text.isascii()


@given(st.text(alphabet="&%$#_{}~^\\<>a–\n", max_size=20))
def test_latex_lets_nothing_through(text):
    safe = latex_text(text)
    for char in "&%$#_":
        assert safe.count(char) == safe.count("\\" + char)
    assert "\n" not in safe
    table = latex([{"a": text}], [Column("a", "x")], "caption", "label")
    assert table.count(r"\\") >= 1


def test_latex_leaves_empty_columns_out():
    columns = [Column("a", "first"), Column("b", "second", columns_module.percent)]
    assert "second" not in latex([{"a": "x", "b": math.nan}], columns, "c", "l")
    assert "50.00" in latex([{"a": "x", "b": 0.5}], columns, "c", "l")


def test_numbers_as_shown():
    assert columns_module.percent(0.62483) == "62.48"
    assert [columns_module.quantity(v) for v in (8962, 40, 1.93, 0.0123)] == ["8,962", "40.0", "1.9", "0.012"]
    assert [columns_module.p_value(v) for v in (0.0004, 0.25)] == ["< 0.001", "0.250"]
    assert COMPARISON[3].text({"validation": math.nan}) == ""


def test_published_figures_are_those_of_the_same_extractor_head_and_data(tmp_path):
    from fabricate import fabricate

    extractors = ("ucm-f(layer='fc2') [mirror]", "vggface2 [mirror]", "vggface2", "hog+ucm-f")
    fabricate(tmp_path, extractors=extractors,
              heads=("svm",), dataset="fer2013", synthetic=False, n=50)  # fmt: skip
    found = [published_of(cell) for cell in load_results(tmp_path).cells]
    assert [f and f.accuracy for f in found] == [0.62483, None, 0.68933, None]
    (record, *_) = comparison_records(load_results(tmp_path))
    assert (record["published"], record["system"]) == (0.62483, "R1")
    assert len([f for f in published() if "proposal" in f.note]) == 2
