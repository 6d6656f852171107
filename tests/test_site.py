"""The site: its pages of reference, its figures and words, and, where Sphinx is there, the whole of it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from site_pages import figures, links, reference, results, words  # noqa: E402

EXAMPLES = sorted((ROOT / "docs" / "gallery").glob("*.py"))
README, SPANISH = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.es.md"))


def test_every_figure_of_the_pages_is_in_the_results():
    assert figures.wrong_figures(ROOT) == []


def test_a_figure_of_no_result_is_seen():
    text = "# A\n\nIt is 69.94 % ([one](results/near-copies.txt)), not 69.93 %, `1.5` or [two](x/2.5.txt).\n"
    found = list(figures.figures_of("page.md", text))
    assert [f.text for f in found] == ["69.94", "69.93"]
    assert [figures.is_known(f, ROOT) for f in found] == [True, False]
    assert str(found[1]).startswith(
        "page.md:3: 69.93 is in no file of docs/results (the section names near-copies"
    )


def test_few_sentences_are_long():
    lengths = [
        words.length(one) for path in words.pages(ROOT) for one in words.sentences(path.read_text("utf-8"))
    ]
    assert len(lengths) > 500
    assert sum(n > words.LONGEST for n in lengths) < 0.05 * len(lengths)


def test_sentences_are_told_apart():
    text = "# No\n\nOne, with `mueca a. b`. Two!\n\n- three\n- four\n\n| five. |\n\n```sh\nx. y\n```\n"
    assert list(words.sentences(text)) == ["One, with code.", "Two!", "- three", "- four"]
    assert words.length("A head's two-part name of 12 words") == 6


@pytest.mark.parametrize("path", words.pages(ROOT), ids=lambda path: path.name)
def test_pages_use_the_words_of_the_field(path):
    assert words.wrong_words(path.read_text("utf-8")) == []


def test_the_help_uses_the_words_of_the_field():
    assert words.wrong_words(reference.command_page()) == []
    assert words.wrong_words("what it knows by heart, in mueca loso --views six") == [
        "by heart", "--views", "mueca loso",
    ]  # fmt: skip


def test_the_readme_is_one_page_with_images():
    assert len(README.splitlines()) <= 120
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(shown) >= 2
    for name in shown:
        assert (ROOT / name).stat().st_size < 300_000


def test_every_how_to_of_what_is_seen_shows_it():
    for name in ("predict", "reports", "serve"):
        page = ROOT / "docs" / f"{name}.md"
        found = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text("utf-8"))
        assert found, name
        assert all((page.parent / image).stat().st_size < 300_000 for image in found)


def without_comments(text: str) -> list[str]:
    return [re.split(r"\s+# ", line)[0].strip() for line in text.splitlines()]


def test_the_spanish_readme_has_the_same_commands_and_figures():
    def blocks(text: str) -> list[list[str]]:
        return [without_comments(block) for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)]

    assert blocks(SPANISH) == blocks(README)
    assert [f.text for f in figures.figures_of("a", SPANISH)] == [
        f.text for f in figures.figures_of("a", README)
    ]
    linked = [
        sorted(set(re.findall(r"\]\(([^)]+)\)", text)) - {"README.md", "README.es.md"})
        for text in (README, SPANISH)
    ]
    assert linked[0] == linked[1]


def test_the_readme_shows_what_predict_prints(tmp_path, monkeypatch, run_cli):
    import json

    from tests.helpers.standins import photo

    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "photo.jpg")
    found = json.loads(run_cli("predict", "photo.jpg").out.splitlines()[0])
    (shown,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    ((face,), (known,)) = found["faces"], json.loads(shown)["faces"]
    assert (face["box"], face["label"]) == (known["box"], known["label"])
    assert face["probabilities"] == pytest.approx(known["probabilities"], abs=0.01)


def test_pages_of_reference_hold_every_name():
    import mueca
    from classifiers.registry import HEADS
    from featurize.registry import EXTRACTORS
    from pipelines.datasets.registry import DATASETS

    assert set(re.findall(r"^### (\w+)$", reference.api_page(), re.MULTILINE)) == set(mueca.__all__)
    for page, names in (
        (reference.extractor_page(), EXTRACTORS),
        (reference.head_page(), HEADS),
        (reference.dataset_page(), DATASETS),
    ):
        assert set(names) <= set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert "`--test-pairs`" in reference.command_page()
    assert {"ensembles", "protocols"} <= set(
        re.findall(r"^\| `(\w+)`", reference.recipe_page(), re.MULTILINE)
    )
    assert "`balanced_accuracy`" in reference.column_page()


@pytest.mark.parametrize("name", ["command", "recipe", "extractor", "head", "dataset"])
def test_every_parameter_is_explained(name):
    page = getattr(reference, f"{name}_page")()
    rows = [line for line in page.splitlines() if re.match(r"\| `", line)]
    assert len(rows) > 10
    assert [line for line in rows if re.match(r"\| [^|]* \|  \|", line)] == []


def test_options_in_the_pages_of_reference_keep_their_hyphens():
    """Sphinx makes a dash of two hyphens that stand in no code."""
    page = re.sub(
        r"```.*?```|`[^`]*`|^\| ---.*$", "", reference.command_page(), flags=re.DOTALL | re.MULTILINE
    )
    assert re.findall(r"--\w+", page) == []
    assert "\nmueca report results/demo --open\n" in reference.command_page()


def test_every_study_says_what_it_asks():
    for path in sorted((ROOT / "docs" / "results").glob("*.txt")):
        study = results.read_study(path)
        assert re.fullmatch(r".{20,}[.?]", study.question), path.name
        assert not words.wrong_words(study.question), path.name


def test_every_file_of_results_becomes_a_page(tmp_path):
    made = results.write_results(ROOT / "docs" / "results", tmp_path)
    texts = sorted((ROOT / "docs" / "results").glob("*.txt"))
    assert len(made) == len(texts)
    for path in texts:
        page = (tmp_path / f"{path.stem}.md").read_text("utf-8")
        assert path.read_text("utf-8").strip().splitlines()[-1] in page
    index = (tmp_path / "index.md").read_text("utf-8")
    assert all(f"\n{path.stem}\n" in index for path in texts)


def test_links_that_lead_nowhere_are_seen(tmp_path):
    (tmp_path / "b.html").write_text('<p id="here">')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>'
        '<script src="https://example.org/x.js"></script><a href="https://example.org">4</a>'
    )
    assert links.broken_links(tmp_path) == [
        "a.html: b.html#gone is not there",
        "a.html: c.html is not there",
        "a.html: https://example.org/x.js is not in the site",
    ]


def test_there_are_twelve_examples_that_end_in_an_image():
    assert len(EXAMPLES) == 12
    for path in EXAMPLES:
        text = path.read_text("utf-8")
        module = ast.parse(text)
        title, rule, *_ = (ast.get_docstring(module) or "").splitlines()
        assert title
        assert set(rule) == {"="}
        assert "plt.show()" in text.splitlines()[-1]
        assert not re.search(r"https?://(?!doi)", text)


def test_every_page_of_the_site_is_in_a_section():
    listed = set()
    for index in (ROOT / "docs").rglob("index.md"):
        for block in re.findall(r":::\{toctree\}(.*?):::", index.read_text("utf-8"), re.DOTALL):
            for line in block.split("\n"):
                if line and not line.startswith(":"):
                    listed.add((index.parent / line.strip()).resolve())
    pages = [p for p in (ROOT / "docs").rglob("*.md") if p.name != "index.md" and p.parent.name != "results"]
    renamed = {"search": "grid-search"}
    for page in pages:
        assert page.with_name(renamed.get(page.stem, page.stem)).resolve() in listed, page


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    subprocess.run([sys.executable, path], check=True, cwd=tmp_path)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the built site, the examples as they stand."""
    pytest.importorskip("sphinx", reason="the group docs is not installed; ./run docs installs it")
    out = tmp_path_factory.mktemp("site") / "html"
    subprocess.run([sys.executable, "docs/build.py", "--no-gallery", "--out", out], check=True, cwd=ROOT)
    return out


@pytest.mark.slow
def test_the_site_builds_without_a_warning(site):
    assert (site / "index.html").is_file()
    assert len(list((site / "results").glob("*.html"))) > 40


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["index", "predict", "reference/command-line", "reference/api", "results/near-copies"]
)
def test_the_site_in_a_browser(site, chromium, page):
    """No complaint, no request off the machine, nothing sticks out of 390 pixels, dark where asked for."""
    import json

    browser = chromium()
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    feature = {"name": "prefers-color-scheme", "value": "dark"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get("about:blank")  # the browser's own first page may be loading still
    browser.get_log("browser"), browser.get_log("performance")
    browser.get((site / f"{page}.html").as_uri())
    # The theme says which colours it has taken: that is no complaint.
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    colour = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", colour)[:3])) < 200
