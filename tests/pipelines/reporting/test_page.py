"""The page: every number of it equals the CSV, no text of a user becomes markup, nothing is asked of a "
"network."""

import csv
import re
from html.parser import HTMLParser

import pytest
from fabricate import fabricate

from pipelines.reporting.report import Options, write_report
from pipelines.results.load import load_results
from tests.helpers.fixtures import svg_alone

EVIL = "<script>alert(1)</script>"


class Reader(HTMLParser):
    """Reads tags, and the results table with the data-v of its runs."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.ids, self.inside = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        if tag == "table":
            self.inside = found.get("id") == "results"
        if self.inside and tag == "tr" and "data-run" in found:
            self.rows.append((found["data-run"], []))
        if self.inside and tag == "td":
            self.rows[-1][1].append([found.get("data-v"), ""])

    def handle_data(self, data):
        if self.inside and self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1][1] += data.strip()


@pytest.fixture(scope="module")
def text(made):
    return made.page.read_text("utf-8")


def test_every_number_of_the_table_equals_the_rows(folder, text):
    with (folder / "rows.csv").open(newline="", encoding="utf-8") as file:
        rows = {(r["run"], r["split"]): r for r in csv.DictReader(file)}
    table = Reader(text).rows
    assert len(table) == 25
    words = (
        "validation:accuracy test:accuracy - test-clean:accuracy - test:balanced_accuracy test:f1_macro "
        "test:f1_weighted test:auc_ovr test:log_loss - test:extract_s test:fit_s test:predict_ms_per_sample"
    )
    columns = words.split()
    checked = 0
    for run, cells in table:
        for where, (value, shown) in zip(columns, cells[2:], strict=False):
            if where == "-":
                continue
            split, name = where.split(":")
            expected = rows[run, split][name]
            assert (value or "") == expected
            if expected:
                scale = 1 if name.endswith(("_s", "_ms_per_sample", "auc_ovr", "log_loss")) else 100
                digits = len(shown.partition(".")[2])
                value = float(shown.replace(",", ""))
                assert value == pytest.approx(float(expected) * scale, abs=0.51 * 10**-digits)
                checked += 1
        interval = [float(v) / 100 for v in cells[4][1].split("–")]
        test = rows[run, "test"]
        assert interval == pytest.approx([float(test["ci_low"]), float(test["ci_high"])], abs=6e-5)
    assert checked > 25 * 9


def test_confusion_on_the_page_adds_up(folder, text):
    cell = load_results(folder).chosen
    part = text[text.index(f'id="cell-{cell.run}"') :]
    table = part[part.index('class="confusion"') : part.index("</table>")]
    shown = [int(n) for n in re.findall(r"<td[^>]*>(\d+)</td>", table)]
    assert shown == cell.confusion.ravel().tolist()


def test_it_stands_alone_and_asks_for_nothing(text):
    assert not re.search(r"https?://|//\w+\.\w", text)
    found = Reader(text)
    for tag, attributes in found.tags:
        for name in ("src", "href", "xlink:href"):
            if attributes.get(name):
                assert attributes[name].startswith(("#", "data:")), (tag, attributes)
    assert "default-src 'none'" in text
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    assert len(found.ids) == len(set(found.ids))


def test_every_reference_inside_a_chart_is_there(text):
    ids = set(Reader(text).ids)
    used = re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', text)
    assert len(used) > 50
    assert set(used) <= ids


def test_every_chart_says_what_it_shows(text):
    captions = re.findall(r"<figcaption><b>(.*?)</b> (.*?)</figcaption>", text)
    charts = [attributes for tag, attributes in Reader(text).tags if tag == "svg"]
    assert len(captions) == len(charts) > 15
    assert all(re.search(r"\d", sentence) or "Nothing" in sentence for _, sentence in captions)
    assert all(attributes["aria-label"] and attributes["role"] == "img" for attributes in charts)


def test_synthetic_is_said_on_the_page_and_on_every_chart(made, text):
    assert text.count("synthetic data") > 2 + 15
    for path in (made.page.parent / "figures").glob("*.svg"):
        assert "synthetic data" in path.read_text("utf-8")


@pytest.mark.usefixtures("svg_charts")
def test_real_data_is_not_called_synthetic(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm", "knn"), dataset="fer2013", synthetic=False, n=80)
    text = write_report(tmp_path).page.read_text("utf-8")
    assert "ynthetic" not in text
    assert "R1&#39;s two proposals" in text  # its two proposals are drawn beside


@pytest.mark.usefixtures("svg_charts")
def test_markup_in_names_is_text(tmp_path):
    classes = (EVIL, "a & b", "$x_1$", '"quoted"')
    fabricate(tmp_path, extractors=(f"hog {EVIL}", "lbp"), heads=("svm", "softmax"), classes=classes, n=80,
              dataset=f"synthetic {EVIL}", question=f"Which {EVIL}?")  # fmt: skip
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "summary.csv").write_text(
        f"dataset,key,words,count,other_label\nsynthetic {EVIL},k,{EVIL},3,1\nanother,k,unseen,3,\n"
    )
    (tmp_path / "history").mkdir()
    history = tmp_path / "history" / f"{EVIL.replace('/', '')}.csv"
    history.write_text("epoch,loss,accuracy\n1,2,0.3\n2,1,0.5\n")
    made = write_report(tmp_path, options=Options(against=tmp_path))
    text = made.page.read_text("utf-8")
    found = Reader(text)
    assert sum(tag == "script" for tag, _ in found.tags) == 1
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "unseen" not in text
    for path in (made.page.parent / "figures").glob("*.svg"):
        assert "<script" not in path.read_text("utf-8")
    assert r"\$x\_1\$" in next((made.page.parent / "tables").glob("confusion-*.tex")).read_text("utf-8")


def test_no_face_unless_asked_for(tmp_path, made):
    assert "<img" not in made.page.read_text("utf-8")


def assert_every_chart_is_svg_pdf_and_png(made):
    from PIL import Image

    folder = made.page.parent / "figures"
    assert {p.stem for p in folder.glob("*.svg")} == {p.stem for p in folder.glob("*.png")}
    assert {p.stem for p in folder.glob("*.svg")} == {p.stem for p in folder.glob("*.pdf")}
    assert all(p.read_bytes().startswith(b"%PDF") for p in folder.glob("*.pdf"))
    assert len(list(folder.glob("*.svg"))) == made.figures
    assert made.page_bytes == made.page.stat().st_size < 8_000_000
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            drawn = path.with_suffix(".svg").read_text("utf-8")
            points = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', drawn)
            dots = [float(side) * 200 / 72 for side in points.groups()]
            assert image.size == pytest.approx(dots, abs=1)  # 200 dots an inch
            assert len(image.convert("L").getcolors(256)) > 20


def test_a_second_report_replaces_the_first_and_no_others_file(tmp_path):
    fabricate(tmp_path, extractors=("hog", "lbp"), heads=("svm", "knn"), n=60)
    with svg_alone():
        first = write_report(tmp_path, tmp_path / "out", Options(cells=("hog + svm",)))
    (tmp_path / "out" / "figures" / "old.svg").write_text("")
    second = write_report(tmp_path, tmp_path / "out", Options(cells=("lbp + knn",)))
    assert first.page == second.page
    assert_every_chart_is_svg_pdf_and_png(second)
    assert not list((tmp_path / "out").rglob("roc-hog-svm*"))
    assert len(list((tmp_path / "out").rglob("roc-lbp-knn.*"))) == 3
    assert not (tmp_path / "out" / "figures" / "old.svg").exists()
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["figures", "report.html", "tables"]
    mine = tmp_path / "mine"
    (mine / "figures").mkdir(parents=True)
    (mine / "figures" / "mine.png").write_text("mine")
    with pytest.raises(ValueError, match="of no report"):
        write_report(tmp_path, mine)
    assert (mine / "figures" / "mine.png").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file"):
        write_report(tmp_path, tmp_path / "file")


@pytest.mark.usefixtures("svg_charts")
def test_without_predictions_the_tables_stay(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm", "knn"), n=60)
    for path in (tmp_path / "predictions").iterdir():
        path.unlink()
    made = write_report(tmp_path)
    assert made.figures >= 3
    assert len(Reader(made.page.read_text("utf-8")).rows) == 2


@pytest.mark.usefixtures("svg_charts")
def test_damaged_predictions_are_named(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm",), n=60)
    (broken,) = (tmp_path / "predictions").iterdir()
    broken.write_bytes(b"PK no")
    with pytest.raises(ValueError, match=broken.name):
        write_report(tmp_path)


@pytest.mark.usefixtures("svg_charts")
def test_one_cell_two_classes(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm",), classes=("no", "yes"), n=30)
    made = write_report(tmp_path)
    assert "Right on" in made.page.read_text("utf-8")
