"""What a thesis takes from a report: tables that fit, names of files, tests, seeds, literature."""

import re
from itertools import combinations

import numpy as np
import pytest
from fabricate import fabricate

from classifiers import list_heads
from featurize.registry import EXTRACTORS
from pipelines.datasets.registry import DATASETS
from pipelines.reporting.names import file_names, short_extractors, slug
from pipelines.reporting.plots.labels import place_labels
from pipelines.reporting.plots.overview import draw_costs
from pipelines.reporting.references import ALWAYS, CITED, bibtex, entry_of
from pipelines.reporting.report import write_report
from pipelines.reporting.tables.columns import COMPARISON, Column, comparison_records
from pipelines.reporting.tables.latex import TEXT_WIDTH, latex, layout, text_width
from pipelines.reporting.tables.matrix import matrix_of, seed_records
from pipelines.reporting.tables.network_cost import size_mb
from pipelines.reporting.tables.significance import families
from pipelines.reporting.tables.write import write_tables
from pipelines.results.load import load_results
from pipelines.utils.figures import MARKERS, FigureWriter
from pipelines.utils.palette import EMOTION_PLACES, HEAD_PLACES, LINES, places
from tests.helpers.fixtures import svg_alone

TABULAR = re.compile(
    r"\\begin\{(?:tabular|longtable)\}\{@\{\}(.*?)@\{\}\}\n(.*?)\n *\\end\{(?:longtable|tabular)\}", re.DOTALL
)
LONG = "own-small(layer='embedding', weights='models/a-long-name/weights.npz')"


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Return a folder with hand-crafted and learned vectors, long names among them."""
    folder = tmp_path_factory.mktemp("networks")
    extractors = ("hog", f"hog+lbp+{LONG} [mirror]", "ucm-f(layer='fc2')")
    heads = ("svm", "softmax", "network-softmax")
    return fabricate(folder, extractors=extractors, heads=heads, dataset="fer2013", synthetic=False, n=120)


@pytest.fixture(scope="module")
def made(networks):
    """Return its report; that each chart is SVG, PDF and PNG is tested in test_page.py."""
    with svg_alone():
        return write_report(networks)


def rows_of(table):
    """Return the columns' specification of each tabular, and its rows of cells."""
    return [
        (spec, [line.strip() for line in body.splitlines() if line.rstrip().endswith(r"\\") and "&" in line])
        for spec, body in TABULAR.findall(table)
    ]


def test_widths_are_those_of_the_letters():
    # Of Knuth's cmr10: a digit is 5 pt, an m 8.33 pt, an i 2.78 pt.
    assert text_width("0123") == pytest.approx(20, abs=0.1)
    assert text_width("m") == pytest.approx(8.33, abs=0.05)
    assert text_width("i") == pytest.approx(2.78, abs=0.05)
    assert text_width("hog", 7) > 0.7 * text_width("hog")
    assert text_width("hog", bold=True) > text_width("hog")


@pytest.mark.parametrize("name", ["comparison", "comparison-long", "matrix"])
def test_no_table_is_wider_than_the_text(made, name):
    tables = rows_of((made.page.parent / "tables" / f"{name}.tex").read_text("utf-8"))
    assert tables
    for spec, rows in tables:
        assert len(rows) >= 3
        assert len({row.count("&") for row in rows}) == 1
        fixed = sum(float(w) for w in re.findall(r"p\{([\d.]+)pt\}", spec))
        assert fixed < TEXT_WIDTH


def test_every_column_is_in_a_panel_that_fits(networks):
    records = comparison_records(load_results(networks))
    text = latex(records, COMPARISON, "c", "l", long=True)
    used = [c for c in COMPARISON if any(c.text(r) for r in records)]
    assert "part 2 of" in text
    assert text.count(r"\endfirsthead") == text.count(r"\begin{longtable}") > 1
    for column in used:
        assert column.title.split()[0].replace("%", r"\%") in text
    wide = [Column("extractor", "extractor"), *(Column(f"c{i}", "title %", lambda v: v) for i in range(30))]
    many = [{"extractor": "x" * 60, **{f"c{i}": "99.99" for i in range(30)}}]
    assert not layout(many, wide).fits
    assert latex(many, wide, "c", "l").count(r"\begin{table}") > 1


def test_short_names_tell_apart():
    short = short_extractors(["hog", f"{LONG} [mirror]", "lbp(points=8)", "lbp(points=16)"])
    assert short == {
        "hog": "hog", f"{LONG} [mirror]": "own-small [mirror]",
        "lbp(points=8)": "lbp(points=8)", "lbp(points=16)": "lbp(points=16)",
    }  # fmt: skip
    assert short_extractors(["a(b='(')+c"]) == {"a(b='(')+c": "a+c"}
    assert slug("hög + SVM [mirror] <x>") == "hog-svm-mirror-x"
    assert slug("§§") == "run"


def test_files_say_what_they_show(networks, made):
    results = load_results(networks)
    names = {p.name for p in (made.page.parent / "figures").iterdir()}
    assert {"accuracy-by-extractor-and-head.svg", "accuracy-against-size.svg"} <= names
    for name in file_names(results.cells).values():
        assert f"confusion-{name}.svg" in names
        assert (made.page.parent / "tables" / f"confusion-{name}.tex").is_file()
    assert not [name for name in names if re.search(r"[0-9a-f]{12}", name)]


def test_the_matrix_stands_first_and_the_audit_last(networks, made):
    text = made.page.read_text("utf-8")
    order = [
        text.index(f'id="{name}"') for name in ("matrix", "comparison", "tests", "runs", "protocol", "data")
    ]
    assert order == sorted(order)
    found = matrix_of(load_results(networks))
    assert found.mean.shape == (3, 3)
    assert found.texts[0][0] in text


def test_several_seeds(tmp_path):
    for seed in (0, 1, 2):
        fabricate(tmp_path, extractors=("hog", "lbp"), heads=("svm", "knn"), n=200, seed=seed)
    results = load_results(tmp_path)
    assert len(results.cells) == 4  # all rows say seed 0: they are runs of other recipes
    rows = tmp_path / "rows.csv"
    lines = rows.read_text("utf-8").splitlines()
    at = lines[0].split(",").index("seed")
    for i, line in enumerate(lines[1:], 1):
        run = int(line[:8], 16)
        before, _, rest = re.match(rf'((?:(?:"(?:[^"]|"")*"|[^,]*),){{{at}}})(\d+)(.*)', line).groups()
        lines[i] = f"{before}{run}{rest}"
    rows.write_text("\n".join(lines) + "\n", "utf-8")
    results = load_results(tmp_path)
    assert len(results.cells) == 12
    assert {c.title for c in results.cells} >= {"hog + svm (seed 0)", "hog + svm (seed 2)"}
    (record, *_) = seed_records(results)
    tests = [c.test.accuracy for c in results.cells if (c.test.extractor, c.test.head) == ("hog", "svm")]
    assert record["test"] == pytest.approx(np.mean(tests))
    assert record["deviation"] == pytest.approx(np.std(tests, ddof=1))
    write_tables(tmp_path / "tables", results, [], [], None)
    assert "±" in matrix_of(results).texts[0][0]
    assert r"$\pm$" in (tmp_path / "tables" / "matrix.tex").read_text("utf-8")
    assert (tmp_path / "tables" / "seeds.csv").is_file()


def test_pairs_asked_for_and_the_best_of_either_kind(networks):
    results = load_results(networks)
    found = {f.name: f for f in families(results, [("hog + svm", "hog + softmax")])}
    (asked,) = found["asked"].records
    assert (asked["a"], asked["b"]) == ("hog + svm", "hog + softmax")
    (kinds,) = found["hand-crafted-or-learned"].records
    assert kinds["a"].startswith("hog + ")
    assert "own-small" in kinds["b"] or "ucm-f" in kinds["b"]
    assert "asked" not in {f.name for f in families(results)}
    with pytest.raises(ValueError, match="against itself"):
        families(results, [("hog + svm", "hog + svm")])
    with pytest.raises(ValueError, match="--test-pairs: no run is 'nothing'"):
        families(results, [("hog + svm", "nothing")])


def test_the_tests_that_are_read_name_runs_in_short(networks, made):
    folder = made.page.parent / "tables"
    kinds = {f.name: f for f in families(load_results(networks))}["hand-crafted-or-learned"]
    assert "(" in kinds.records[0]["b"]
    assert "weights" in (folder / "tests-best.csv").read_text("utf-8")
    table = (folder / "tests-best.tex").read_text("utf-8")
    assert "ucm-f" in table
    assert "weights" not in table
    assert not kinds.words.startswith("1 of 1")
    page = made.page.read_text("utf-8")
    tests = page[page.index('id="tests"') : page.index('id="runs"')]
    assert re.search(r"<td[^>]*>ucm-f \+ \w+</td>", tests)
    assert "weights" not in tests


def test_several_pairs_are_corrected_together(networks):
    results = load_results(networks)
    pairs = [("hog + svm", "hog + softmax"), ("hog + network-softmax", "hog + svm")]
    found = families(results, [*pairs, pairs[0][::-1], pairs[1]])
    (asked,) = [f for f in found if f.name == "asked"]
    assert [(r["a"], r["b"]) for r in asked.records] == pairs  # each once: a repeat would cost power
    low, high = sorted(asked.records, key=lambda r: r["p"])
    assert low["p_holm"] == pytest.approx(min(1, 2 * low["p"]))
    assert high["p_holm"] == pytest.approx(max(low["p_holm"], high["p"]))
    assert found[0] is asked  # first on the page


@pytest.mark.usefixtures("svg_charts")
def test_pairs_on_the_command_line(run_cli, tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm", "knn"), n=60)
    assert run_cli("report", tmp_path, "--test-pairs", "hog + svm vs hog + knn").code == 0
    assert (tmp_path / "report" / "tables" / "tests-asked.csv").is_file()
    found = run_cli("report", tmp_path, "--test-pairs", "hog + svm")
    assert found.code == 1
    assert "write two runs with vs between them" in found.err


def test_a_networks_own_softmax_counts_its_network(networks):
    results = load_results(networks)
    own, svm = results.find("ucm-f(layer='fc2') + network-softmax"), results.find("hog + svm")
    assert size_mb(own) - own.test.model_bytes / 1e6 == pytest.approx(4 * 779_328 / 1e6, rel=0.01)
    assert size_mb(svm) == svm.test.model_bytes / 1e6


def test_labels_cover_nothing(tmp_path, networks):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(4, 3))
    FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    points = [(0.5 + i / 60, 0.5 + i / 90) for i in range(8)]
    axes.set(xlim=(0, 1), ylim=(0, 1))
    place_labels(axes, points, [f"run {i}" for i in range(6)], 2)
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    dots = axes.transData.transform(points)
    assert not any(box.contains(*dot) for box in boxes for dot in dots)
    draw_costs(album := FigureWriter(tmp_path), load_results(networks))
    assert "numbered runs" in album["accuracy-against-size"].svg


def test_one_colour_for_a_head_and_an_emotion():
    assert len(set(HEAD_PLACES.values())) == len(HEAD_PLACES)
    assert set(list_heads()) <= set(HEAD_PLACES)
    assert max(HEAD_PLACES.values()) < min(len(LINES), len(MARKERS))  # none comes round again
    assert len(set(LINES)) == len(LINES)
    assert places(["knn", "mine", "svm"], HEAD_PLACES) == {"knn": 3, "mine": 0, "svm": 1}
    assert places(["Happiness", "calm"], EMOTION_PLACES)["Happiness"] == EMOTION_PLACES["happy"]
    fer = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert list(places(fer, EMOTION_PLACES).values()) == list(range(7))


def test_the_literature_of_what_was_used(networks, folder):
    text = bibtex(load_results(networks))
    for key in ("goodfellow2013", "dalal2005", "ojala2002", "he2016identity", "cortes1995", *ALWAYS):
        assert text.count(f"{{{key},") == 1
    assert "@misc{mueca-ucm-f," in text  # its source is no paper that has an entry
    assert "cover1967" not in text
    assert "cover1967" in bibtex(load_results(folder))


def test_every_citation_has_an_entry():
    for key in {key for keys in CITED.values() for key in keys} | set(ALWAYS):
        entry = entry_of(key)
        assert entry.count("{") == entry.count("}")
        assert re.search(r"year = \{(19|20)\d\d\}", entry)
    assert set(CITED) & set(EXTRACTORS)
    assert set(list_heads()) <= set(CITED)
    # What no paper is behind: what mueca draws, and folders of one's own.
    own = {"joined", "synthetic", "synthetic-clips", "clips", "videos"}
    assert set(DATASETS) - own <= set(CITED)


def test_a_data_set_with_a_bracket_in_its_name_is_cited(tmp_path):
    fabricate(tmp_path, extractors=("hog",), heads=("svm",), n=40, dataset='cas(me)2(labels="megc2019")')
    assert "{qu2018," in bibtex(load_results(tmp_path))
