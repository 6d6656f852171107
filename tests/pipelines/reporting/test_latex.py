"""Tables of LaTeX that stay within an A4 page: measured here, and set by pdflatex where it is installed."""

import re
import shutil
import subprocess

import pytest
from fabricate import fabricate

from pipelines.reporting.tables.columns import COMPARISON, FIRST, Column, comparison_records
from pipelines.reporting.tables.latex import TEXT_HEIGHT, TEXT_WIDTH, height, latex, layout
from pipelines.reporting.tables.significance import families
from pipelines.reporting.tables.write import write_tables
from pipelines.results.load import load_results

WEIGHTS = "vggface2-mobilenet-fer2013-37-int8"
EXTRACTORS = (
    "hog",
    "fisher",
    "hog+lbp+own-small(layer='embedding', weights='models/a-long-name/weights.npz') [mirror]",
    f"vggface2-mobilenet(weights='{WEIGHTS}', tta='six', layer='pyramid')",
    *(f"lbp(points={n}, radius={n // 8})" for n in range(8, 80, 8)),
)
HEADS = ("svm", "softmax", "network-softmax", "local-svm", "forest", "nystroem-svm", "knn", "bagged-svm")
#: What a thesis has: no margin of its own, no package but these two.
PAGE = r"""\documentclass[a4paper]{article}
\usepackage{booktabs,longtable}
\begin{document}
%s
\end{document}
"""


def tables_of(folder, results):
    """Write the tables of results, without a chart."""
    write_tables(folder, results, families(results), results.by_validation[:3], None)
    return folder


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Return results with more runs, longer names and more columns than a page holds."""
    folder = tmp_path_factory.mktemp("wide")
    fabricate(folder, extractors=EXTRACTORS, heads=HEADS, dataset="fer2013", synthetic=False, n=80)
    return load_results(folder)


@pytest.fixture(scope="module")
def tables(wide, tmp_path_factory):
    """Return a folder with the tables of them."""
    return tables_of(tmp_path_factory.mktemp("tables"), wide)


def record_of(columns, text):
    return {column.key: text for column in columns}


def test_a_table_that_is_taller_than_a_page_is_a_long_one():
    columns = [Column("a", "a"), Column("b", "b")]
    for count, kind in ((20, "table"), (80, "longtable")):
        records = [record_of(columns, "x")] * count
        assert (height(records, columns, "c") > TEXT_HEIGHT) == (kind == "longtable")
        assert rf"\begin{{{kind}}}" in latex(records, columns, "c", "l")
    broken = [record_of(columns, "some words that are said again and again " * 5)] * 20
    assert height(broken, columns, "c") > TEXT_HEIGHT
    assert height(broken[:1], columns, "c " * 900) > height(broken[:1], columns, "c") + 100


def test_the_short_table_is_one_page_of_the_best_runs(wide, tables):
    text = (tables / "comparison.tex").read_text("utf-8")
    shown = sum(line.endswith(r"\\") for line in text.splitlines()) - 1
    assert 40 <= shown < len(wide.cells)
    assert f"The {shown} best of {len(wide.cells)} on validation." in text
    assert text.count(r"\begin{table}") == 1  # no second part for a last column


def test_no_column_is_wider_than_its_room(wide):
    """The width of every panel, without LaTeX."""
    records = comparison_records(wide)
    for columns in (COMPARISON[:6], [c for c in COMPARISON if c.key in FIRST][:7]):
        assert layout(records, columns).total <= TEXT_WIDTH


def test_a_broken_cell_ends_no_row():
    columns = [Column("a", "a"), Column("b", "b")]
    records = [record_of(columns, "a name + another name, of many words " * 6)] * 2
    text = latex(records, columns, "c", "l", [True, False])
    rows = [line for line in text.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 3
    assert all(r"\raggedright\let\\\tabularnewline" in row for row in rows[1:])
    assert r"\par" not in text  # it would add an empty line to every row


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is missing (texlive-latex-recommended)")
@pytest.mark.parametrize("which", ["made-up", "wide"])
def test_latex_sets_every_table_within_the_page(which, folder, tables, tmp_path):
    made = tables if which == "wide" else tables_of(tmp_path / "tables", load_results(folder))
    names = sorted(made.glob("*.tex"))
    assert {"comparison", "comparison-long", "matrix", "tests-best"} <= {path.stem for path in names}
    body = "".join(f"\\typeout{{FILE {p.stem}}}\\input{{{p}}}\\clearpage\n" for p in names)
    (tmp_path / "thesis.tex").write_text(PAGE % body, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "thesis.tex"]
    for _ in range(2):  # long tables know the widths of their columns in the second run
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert ended.returncode == 0, ended.stdout[-2000:]
    said = re.findall(r"^.*(?:FILE|Overfull|too large).*$", ended.stdout, re.MULTILINE)
    assert [line for line in said if "FILE" not in line] == [], said
