"""What the pages show works as shown."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from classifiers import head
from classifiers import registry as heads
from featurize import parse
from featurize import registry as extractors
from pipelines.api import fit, load_dataset, load_model
from pipelines.evaluation.compare import compare
from pipelines.evaluation.recipe import load_recipe
from tests.helpers.standins import photo

ROOT = Path(__file__).resolve().parents[1]


def blocks(path, language="python"):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text("utf-8"), re.DOTALL)


def module(tmp_path, monkeypatch, name, code):
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_adding_an_extractor_and_a_head(tmp_path, monkeypatch):
    gabor, gabor_line, lda, lda_line, outside = blocks("docs/extending.md")
    module(tmp_path, monkeypatch, "gabor_page", gabor)
    module(tmp_path, monkeypatch, "lda_page", lda)
    assert re.fullmatch(r'\s*"gabor": "featurize.handcrafted.gabor:Gabor",\s*', gabor_line)
    assert re.fullmatch(r'\s*"lda": "classifiers.lda",\s*', lda_line)
    monkeypatch.setitem(extractors.EXTRACTORS, "gabor", "gabor_page:Gabor")
    monkeypatch.setitem(heads.HEADS, "lda", "lda_page")
    (made,) = parse("gabor(orientations=6)")
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
    np.testing.assert_array_equal(made.transform(faces)[3:], made.transform(faces[3:]))
    with pytest.raises(ValueError, match="shrinkage=2"):
        head("lda", shrinkage=2)
    _, outcome = fit("synthetic", "gabor", "lda", shrinkage=0.1)
    assert outcome.rows[1].accuracy > 0.3
    folder = tmp_path / "model"
    exec(compile(outside, "docs/extending.md", "exec"), {})
    model, _ = fit("synthetic", "gabor", "lda", shrinkage=[0.1, 0.5], out=folder)
    faces = [load_dataset("synthetic").samples[i] for i in range(8)]
    assert load_model(folder).predict(faces) == model.predict(faces)


def test_the_readme_in_python(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "photo.jpg")
    (example,) = blocks("README.md")
    exec(compile(example, "README.md", "exec"), {})
    assert f"```\n{capsys.readouterr().out}```" in (ROOT / "README.md").read_text("utf-8")
    assert (tmp_path / "models" / "hog-svm" / "card.json").is_file()


def test_the_page_on_python_runs_a_recipe(tmp_path, monkeypatch):
    import mueca

    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    text = (ROOT / "docs" / "python.md").read_text("utf-8")
    (shown,) = re.findall(r"`(mueca\.compare\(mueca\.load_recipe\(.*?\), .*?\))`", text)
    small = (ROOT / "configs" / "demo.yaml").read_text("utf-8")
    small = re.sub(r"extractors:.*", "extractors: [hog]\nheads: [knn]\n", small, flags=re.DOTALL)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "demo.yaml").write_text(small)
    monkeypatch.chdir(tmp_path)
    found = eval(shown, {"mueca": mueca})
    assert (found.computed, found.failed) == (1, 0)
    assert (tmp_path / "results" / "demo" / "rows.csv").is_file()


def test_leaving_subjects_out_in_python(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    (example,) = blocks("docs/clips.md")
    small = example.replace('"synthetic-clips"', '"synthetic-clips(n_subjects=4, clips_per_subject=6)"')
    assert small != example
    exec(compile(small, "docs/clips.md", "exec"), {})
    assert "lbp-top + knn loso+select-on-test" in capsys.readouterr().out


def commands(path):
    """Return the commands of a page's sh blocks, each as a list of words without the first."""
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mueca ")]


def test_the_search_page(capsys):
    for example in blocks("docs/search.md"):
        exec(compile(example, "docs/search.md", "exec"), {})
        assert "C': " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("page", "least"), [("README.md", 6), ("docs/clips.md", 7), ("docs/how-to/fer2013.md", 12)]
)
def test_every_command_of_a_page_parses(page, least):
    import typer

    import cli

    assert len(commands(page)) >= least
    group = typer.main.get_command(cli.application())
    for words in commands(page):
        with group.make_context("mueca", words, resilient_parsing=True) as context:
            name, command, rest = group.resolve_command(context, words)
            assert name
            command.make_context(name, rest, parent=context)  # every option is known


def test_the_commands_on_drawn_clips_run(tmp_path, monkeypatch, capsys):
    """As the page has them, on a smaller set."""
    import cli

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    shown = [words for words in commands("docs/clips.md") if "synthetic-clips" in words]
    assert len(shown) == 3
    for words in shown:
        small = [
            "synthetic-clips(n_subjects=4, clips_per_subject=3)" if w == "synthetic-clips" else w
            for w in words
        ]
        with pytest.raises(SystemExit) as ended:
            cli.main(small)
        assert not ended.value.code
    said = capsys.readouterr().out
    assert "select-on-test" in said
    assert "random-leaky" in said
    rows = (tmp_path / "results" / "cross-validation" / "rows.csv").read_text().splitlines()
    assert len(rows) == 4


def test_heads_together_as_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "cache"))
    (recipe,) = blocks("docs/ensembles.md", "yaml")
    (tmp_path / "together.yaml").write_text(recipe)
    found = compare(load_recipe(tmp_path / "together.yaml"), tmp_path)
    assert found.failed == 0
    names = [(r.extractor, r.head) for r in found.rows if r.split == "test"][6:]
    assert names == [("all", "vote"), ("all", "stack"), ("svms", "vote"), ("hog alone", "stack")]
