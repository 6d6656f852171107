"""The head's parameters from the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.commands.options import head_params, share_or_name, with_network


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


def test_a_networks_options_go_into_the_backbone():
    assert with_network("hog(cell=6)", {"layer": None, "engine": None}) == "hog(cell=6)"
    assert with_network("ucm-f", {"layer": "fc2", "engine": None}) == "ucm-f(layer='fc2')"


def test_weights_beside_a_head_are_the_heads_if_it_has_such_a_parameter():
    params = {"weights": "distance"}
    assert with_network("ucm-f", {"layer": "fc2"}, "knn", params) == "ucm-f(layer='fc2')"
    assert params == {"weights": "distance"}
    params = {"weights": "random", "C": 1}
    assert with_network("ucm-f", {}, "svm", params) == "ucm-f(weights='random')"
    assert params == {"C": 1}


def test_share_or_name():
    assert share_or_name("0.1") == 0.1
    assert share_or_name("public") == "public"
