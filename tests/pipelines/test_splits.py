"""Who fits, who chooses, who tests: never the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.datasets.base import Dataset
from pipelines.splits import split


class Blank:
    """Samples that nobody looks at."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        raise AssertionError("a split reads no picture")


def dataset(labels, splits, groups=None, classes=3, **more):
    n = len(labels)
    return Dataset(
        name="d",
        classes=tuple("abcdefg"[:classes]),
        ids=np.array([f"s{i}" for i in range(n)]),
        labels=np.array(labels),
        split=np.array(splits),
        samples=Blank(n),
        digests=np.array([f"{i:064x}" for i in range(n)]),
        groups=None if groups is None else np.array(groups),
        **more,
    )


def plain(n_train=60, n_test=15):
    labels = np.arange(n_train + n_test) % 3
    return dataset(labels, ["train"] * n_train + ["test"] * n_test)


def test_holdout_is_disjoint_stratified_and_seeded():
    found = split(plain(), 0.1, seed=3)
    assert len(found.train) == 54
    assert len(found.validation) == 6
    assert np.bincount(plain().labels[found.validation]).tolist() == [2, 2, 2]
    assert not set(found.train) & set(found.validation)
    np.testing.assert_array_equal(found.validation, split(plain(), 0.1, seed=3).validation)
    assert set(found.validation) != set(split(plain(), 0.1, seed=4).validation)
    assert "54" in found.words
    assert "6 (10%" in found.words


@settings(deadline=None, max_examples=30)
@given(st.integers(4, 12), st.integers(0, 100))
def test_subjects_are_never_divided(n_groups, seed):
    n = n_groups * 6
    groups = [f"g{i % n_groups}" for i in range(n)]
    labels = [(i // n_groups) % 3 for i in range(n)]
    data = dataset([*labels, 0], ["train"] * n + ["test"], [*groups, "t"])
    found = split(data, 0.25, seed=seed)
    assert not set(data.groups[found.train]) & set(data.groups[found.validation])
    assert len(found.train) + len(found.validation) == n


def test_a_split_of_the_set_can_choose():
    data = dataset(
        np.arange(30) % 3,
        ["train"] * 20 + ["public"] * 5 + ["private"] * 5,
        test_splits={"test": ("public", "private"), "public": ("public",), "private": ("private",)},
    )
    found = split(data, "public", "private")
    assert (len(found.train), len(found.validation), len(found.test)) == (20, 5, 5)
    with pytest.raises(ValueError, match="both chooses and tests"):
        split(data, "public", "test")


def test_own_validation_split_is_kept():
    data = dataset(np.arange(12) % 3, ["train"] * 6 + ["validation"] * 3 + ["test"] * 3)
    np.testing.assert_array_equal(split(data, 0.5).validation, [6, 7, 8])


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_share_outside_its_range(share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split(plain(), share)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (dataset([0, 0, 0, 0], ["train"] * 3 + ["test"]), "one class only"),
        (dataset([0, 1] * 5 + [2], ["train"] * 10 + ["test"]), "no training sample of class c"),
        (dataset([0, 1, 2] * 4, ["train"] * 12), "no samples in a split 'test'"),
        (dataset([0, 0, 1, 1, 2, 0], ["train"] * 5 + ["test"]), "one training sample only"),
        (dataset([0, 1, 2] * 3 + [0], ["train"] * 9 + ["test"], ["g"] * 10), "one subject only"),
    ],
)
def test_what_cannot_be_divided(data, words):
    with pytest.raises(ValueError, match=words):
        split(data, 0.3)
