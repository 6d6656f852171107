"""Models whose head is code from outside: refused in one line, loaded where the user names the class."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.naive_bayes import GaussianNB

import mueca
from cli import main
from pipelines.datasets.synthetic.faces import load as draw

MODULE = "outside_of_mueca"


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """Return a folder with a photo and a model whose head is of a module of its own, and the class's name."""
    here = tmp_path_factory.mktemp("outside")
    (here / f"{MODULE}.py").write_text(
        "from sklearn.naive_bayes import GaussianNB\n\n\nclass Mine(GaussianNB):\n    pass\n"
    )
    faces = draw(n_per_class=6, seed=1)
    images = np.stack([faces.samples[i] for i in range(len(faces))])
    Image.fromarray(images[0]).save(here / "face.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(here)
        head = __import__(MODULE).Mine()
        assert isinstance(head, GaussianNB)
        mueca.fit(
            images, np.array(faces.classes)[faces.labels], backbone="hog", head=head, out=here / "m",
            trusted=[f"{MODULE}.Mine"], store=here / "cache",
        )  # fmt: skip
        yield here, f"{MODULE}.Mine"
    sys.modules.pop(MODULE, None)


def run(words):
    """Return the exit code of a command."""
    with pytest.raises(SystemExit) as left:
        main(words)
    return left.value.code


def test_the_command_line_names_what_it_trusts(outside, capsys):
    here, name = outside
    words = ["predict", str(here / "face.png"), "--detector", "none", "--model", str(here / "m")]
    assert run(words) == 1
    assert f"--trust {name}" in capsys.readouterr().err
    assert run([*words, "--trust", name]) == 0
    assert '"faces": [{"box"' in capsys.readouterr().out


def test_python_names_what_it_trusts(outside):
    here, name = outside
    with pytest.raises(ValueError, match="not trusted"):
        mueca.Predictor.load(here / "m", "none")
    found = mueca.Predictor.load(here / "m", "none", trusted=[name])
    assert found.model.predict(here / "face.png") == mueca.load_model(here / "m", [name]).predict(
        here / "face.png"
    )


def test_export_and_serve_ask_for_it_too(outside, capsys):
    here, name = outside
    assert run(["export", str(here / "m"), "--out", str(here / "x")]) == 1
    assert "not trusted" in capsys.readouterr().err
    assert run(["serve", "--model", str(here / "m"), "--port", "0"]) == 1
    assert name in capsys.readouterr().err
