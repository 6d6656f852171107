"""The head's parameters from the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.words import head_params, share_or_name


def test_values_and_grids():
    params, grid = head_params(["--C", "10", "--gamma=scale", "--max_depth", "none", "--k", "1,5,10"])
    assert params == {"C": 10, "gamma": "scale", "max_depth": None}
    assert grid == {"k": [1, 5, 10]}


def test_negative_and_scientific_numbers():
    assert head_params(["--C", "-1"])[0] == {"C": -1}
    assert head_params(["--tol", "1e-3"])[0] == {"tol": 0.001}


def test_dashes_in_a_name_are_underscores():
    assert head_params(["--max-depth", "3"])[0] == {"max_depth": 3}


@pytest.mark.parametrize(
    "words", [["C", "10"], ["--C"], ["--C", "--gamma", "1"], ["--"], ["-C", "3"], ["--C", "1", "--C", "2"]]
)
def test_what_cannot_be_read(words):
    with pytest.raises(ValueError, match="--"):
        head_params(words)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_numbers_come_back(value):
    assert head_params([f"--C={value}"])[0]["C"] == value


def test_share_or_name():
    assert share_or_name("0.1") == 0.1
    assert share_or_name("public") == "public"
