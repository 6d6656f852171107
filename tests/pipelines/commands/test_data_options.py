"""Options of tables and folders go into the data set that they belong to."""

import pytest

from pipelines.commands.data_options import folded


@pytest.mark.parametrize(("words", "expected"), [
    ("fit --data a --C 1", "fit --data a --C 1"),
    ("fit --data a --columns label=e --C 1", "fit --data a(columns='label=e') --C 1"),
    ("fit --columns=label=e --data=a", "fit --data=a(columns='label=e')"),
    ("fit --data a --root r --allow-leaks", "fit --data a(root='r', allow_leaks=True)"),
    ("data audit a --out o --labels 1=b", "data audit a(labels='1=b') --out o"),
    ("fit --data synthetic(seed=2) --labels a=b", "fit --data synthetic(seed=2, labels='a=b')"),
    ("list --root x", "list --root x"),
])  # fmt: skip
def test_they_are_written_into_the_data(words, expected):
    assert " ".join(folded(words.split())) == expected


@pytest.mark.parametrize(("words", "why"), [
    ("fit --data a --root", "needs a value"),
    ("fit --data a --root b --root c", "given twice"),
    ("fit --data synthetic(seed=1) --allow-leaks --allow-leaks", "given twice"),
])  # fmt: skip
def test_what_cannot_be(words, why):
    with pytest.raises(ValueError, match=why):
        folded(words.split())
