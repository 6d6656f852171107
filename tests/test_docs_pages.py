"""How pages are taken apart, and that what is wrong in one is seen."""

import pytest
from typer.exceptions import TyperException

from tests.helpers.options import check_plan, every_option, unknown_options
from tests.helpers.pages import Step, is_command, steps

PAGE = """# A page

One sentence with `mueca list`, `hog` and `mueca
doctor`; then `KERAS_BACKEND=jax`.

```sh
mueca predict photo.jpg   # or: mueca live
mueca serve --open
```

- a list

    mueca fit --data fer2013 \\
        --backbone hog

```python
print(1)  # mueca list
```

```
1
```
"""


def span(text):
    return Step("page", 1, "span", text)


def test_a_page_in_order():
    found = [(s.line, s.kind, s.text) for s in steps("page", PAGE)]
    assert found == [
        (3, "span", "mueca list"),
        (3, "span", "hog"),
        (3, "span", "mueca doctor"),
        (4, "span", "KERAS_BACKEND=jax"),
        (7, "command", "mueca predict photo.jpg   # or: mueca live"),
        (7, "span", "mueca live"),
        (8, "command", "mueca serve --open"),
        (13, "command", "mueca fit --data fer2013 --backbone hog"),
        (17, "python", "print(1)  # mueca list\n"),
        (21, "output", "1\n"),
    ]


def test_commands_without_their_comments():
    step = Step("page", 1, "command", "mueca predict photo.jpg   # or: mueca live")
    assert (step.code, step.words) == ("mueca predict photo.jpg", ["mueca", "predict", "photo.jpg"])
    assert [text for text in ("mueca list", "hog", "mueca", "it's", "x.py A") if is_command(span(text))] == [
        "mueca list",
        "x.py A",
    ]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("mueca export MODEL --out x", True),
        ("mueca featurize ... --out x.npz", True),
        ("python predict.py FACE.jpg", True),
        ("mueca fit --backbone hog --C 10", False),
        ("mueca serve --host 0.0.0.0", False),
    ],
)
def test_forms(text, form):
    assert span(text).is_form == form


def test_an_option_that_no_help_has_is_seen():
    assert not unknown_options(span("mueca fit --data x --mirror --n_neighbors 5 --folds 3"))
    assert unknown_options(span("mueca fit --data x --mirrored --n_neighbor 5")) == {
        "--mirrored",
        "--n_neighbor",
    }
    assert unknown_options(span("mueca predict a.jpg --C 1 --out x")) == {"--C"}
    assert unknown_options(span("mueca export MODEL [--format onnx] [--forms x]")) == {"--forms"}
    assert {"--no-time", "--C", "--epochs"} <= every_option()
    assert "--mirrored" not in every_option()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("mueca trian --data x", ValueError),
        ("mueca train --data x --backbone ucm-f --epochs many", TyperException),
        ("mueca train --data x", ValueError),
        ("mueca train --recipe no-such.yaml", FileNotFoundError),
        ("mueca compare no-such.yaml", FileNotFoundError),
        ("mueca cross-validate --data x --backbone ststnet --shared", ValueError),
    ],
)
def test_a_plan_that_cannot_be_is_seen(text, error):
    with pytest.raises(error):
        check_plan(text.split())
