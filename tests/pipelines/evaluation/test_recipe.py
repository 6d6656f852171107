"""Recipes: read strictly, wrong in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.evaluation.recipe import Recipe, load_recipe, recipe_from

GOOD = {"name": "r", "data": "synthetic", "extractors": ["hog"], "heads": ["svm"]}


def test_short_and_long_forms_are_the_same():
    long = {
        "name": "r",
        "data": {"name": "synthetic"},
        "extractors": [{"extractor": "hog"}],
        "heads": [{"head": "svm"}],
    }
    assert Recipe(**GOOD) == Recipe(**long)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"extractor": ["hog"]}, "did you mean 'extractors'"),
        ({"heads": [{"head": "svm", "gird": {}}]}, "did you mean 'grid'"),
        ({"extractors": ["hogg"]}, "did you mean 'hog'"),
        ({"extractors": ["hog(cel=8)"]}, "no parameter 'cel'"),
        ({"extractors": ["hog+"]}, "cannot read"),
        ({"heads": ["smv"]}, "did you mean 'svm'"),
        ({"heads": [{"head": "svm", "params": {"C": 0}}]}, "head svm: C=0"),
        ({"heads": [{"head": "svm", "grid": {"C": [1, -1]}}]}, "C=-1"),
        ({"heads": [{"head": "svm", "grid": {"C": []}}]}, "no value for 'C'"),
        ({"heads": [{"head": "knn", "params": {"n_neighbors": 0}}]}, "n_neighbors=0"),
        ({"heads": []}, "there are no heads"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"protocols": ["holduot"]}, "unknown 'holduot'; did you mean 'holdout'?"),
        ({"protocols": []}, "at least 1"),
        (
            {"protocols": ["holdout"], "refit": False},
            "refit: unknown; it goes into a protocol: protocols: [{protocol: holdout, refit: ...}]",
        ),
        ({"protocols": [{"protocol": "holdout", "scoring": "acuracy"}]}, "accuracy"),
        ({"protocols": [{"protocol": "holdout", "tset": 0.2}]}, "did you mean 'test'"),
        ({"protocols": [{"protocol": "loso", "test": 0.2}]}, "loso takes no test; it takes: folds"),
        ({"protocols": [{"protocol": "holdout", "folds": 3}]}, "holdout takes no folds"),
        ({"protocols": ["loso", {"protocol": "loso", "shared": True}]}, "loso is there twice"),
        (
            {"protocols": [{"protocol": "holdout", "selection": "on-test", "halving": 3}]},
            "takes no inner_folds and no halving",
        ),
        ({"protocols": ["loso"], "ensembles": ["vote"]}, "name the protocol holdout, too"),
        ({"extractors": [], "heads": []}, "nothing to test"),
    ],
)
def test_a_typo_is_one_line(change, words):
    with pytest.raises(ValueError, match="recipe: ") as caught:
        recipe_from(GOOD | change)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_part():
    with pytest.raises(ValueError, match="heads"):
        recipe_from({k: v for k, v in GOOD.items() if k != "heads"})


def test_default_grid_and_fixed_parameters():
    (head,) = recipe_from(GOOD | {"heads": [{"head": "svm", "grid": "default", "params": {"C": 3}}]}).heads
    assert {c["C"] for c in head.candidates()} == {3}


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "\x00", ""])
def test_no_recipe(tmp_path, text):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="r.yaml is no"):
        load_recipe(path)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no recipe"):
        load_recipe(tmp_path / "r.yaml")


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_any_mapping_is_a_recipe_or_one_line(content):
    try:
        recipe_from(content)
    except ValueError as error:
        assert "\n" not in str(error).replace("\\n", "")


@pytest.mark.parametrize("name", ["vggface2-mobilenet", "ucm-vggface2"])
def test_the_second_itinerary_of_r1(name):
    found = load_recipe(Path(__file__).parents[3] / "configs" / f"{name}.yaml")
    holdout = found.holdout
    assert (found.name, holdout.validation, holdout.test, holdout.refit) == (name, 0.1, "test", True)
    assert found.extractors[0].title == name.removeprefix("ucm-")
    theirs = [h for h in found.heads if "gamma" not in h.grid]
    grids = {h.head: [] for h in theirs}
    for head in theirs:
        grids[head.head] += head.candidates()
    assert [g["C"] for g in grids["svm"]] == [1, 10, 100]
    bags = [(g["n_estimators"], g["max_samples"], g["C"]) for g in grids["bagged-svm"]]
    assert bags == [(100, 0.1, 1), (10, 0.2, 1), (10, 0.2, 10), (5, 0.5, 1), (5, 0.5, 10), (5, 0.5, 100)]
    assert [g["max_depth"] for g in grids["forest"]] == [25]
    assert name == "ucm-vggface2" or {1, 45, 100} <= {g["n_neighbors"] for g in grids["knn"]}
