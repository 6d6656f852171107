"""Who fits, who chooses, who tests: never the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.store import key_of
from pipelines.datasets.base import Dataset
from pipelines.datasets.splits import divided, split


class Blank:
    """Samples that nobody looks at."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        raise AssertionError("a split reads no image")


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
        (dataset([0, 1, 2] * 4, ["train"] * 12), "no samples in a split 'test'; it has: train$"),
        (dataset([0, 0, 1, 1, 2, 0], ["train"] * 5 + ["test"]), "one training sample only"),
        (
            dataset([0, 1, 2] * 3 + [0], ["train"] * 9 + ["test"], ["g"] * 10),
            "one subject only: .*; add",
        ),
        (
            dataset([0, 1, 2, 0], ["train"] * 3 + ["test"], ["f", "g", "h", "i"]),
            "one training sample of each class only: none can be held out for validation; add samples",
        ),
    ],
)
def test_what_cannot_be_divided(data, words):
    with pytest.raises(ValueError, match=words):
        split(data, 0.3)


def folder_like(counts, splits=None, groups=None):
    """Return a set with so many samples a class, all "train" unless said otherwise."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return dataset(labels, ["train"] * len(labels) if splits is None else splits, groups, len(counts))


def test_a_set_without_a_test_split_is_divided():
    data = divided(folder_like([40, 40, 10]))
    tested = data.where("test")
    assert np.bincount(data.labels[tested]).tolist() == [8, 8, 2]
    assert divided(data) is data
    found = split(data)
    assert not set(found.test) & {*found.train, *found.validation}
    assert len(found.train) + len(found.validation) + len(found.test) == 90
    held = "20% of the training samples held out first by class, seed 0; the set brings no test split"
    assert data.held_out == held
    assert found.words.endswith(f"tested once on the 18 of 'test' ({held})")


@given(st.permutations(range(30)), st.integers(0, 5))
def test_the_same_seed_holds_out_the_same_samples_in_whatever_order(order, seed):
    data = folder_like([12, 10, 8])
    mixed = dataset(data.labels[list(order)], data.split, None, 3)
    mixed = Dataset(**{**vars(mixed), "ids": data.ids[list(order)]})
    tested = [set(d.ids[d.where("test")]) for d in (divided(data, seed=seed), divided(mixed, seed=seed))]
    assert tested[0] == tested[1]


def test_another_seed_holds_out_others():
    data = folder_like([40, 40])
    assert set(divided(data, seed=1).where("test")) != set(divided(data, seed=2).where("test"))


@settings(max_examples=50)
@given(st.lists(st.integers(2, 9), min_size=2, max_size=5), st.floats(0.2, 0.8), st.integers(0, 9))
def test_each_class_trains_and_tests(counts, share, seed):
    data = divided(folder_like(counts), share, seed)
    for part in ("train", "test"):
        assert set(data.labels[data.where(part)]) == set(range(len(counts)))


@settings(max_examples=30)
@given(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]), st.integers(0, 20))
def test_whole_subjects_are_held_out_to_test(share, seed):
    groups = [f"p{i % 20}" for i in range(240)]
    data = divided(dataset([(i // 20) % 3 for i in range(240)], ["train"] * 240, groups), share, seed)
    tested = data.where("test")
    assert not set(data.groups[tested]) & set(data.groups[data.where("train")])
    assert abs(len(tested) / 240 - share) <= 0.05
    assert "by class and subject" in data.held_out


def test_subjects_of_another_split_do_not_test():
    groups = [f"p{i % 10}" for i in range(60)] + ["p0", "p1", "p2"]
    labels = [(i // 10) % 3 for i in range(60)] + [0, 1, 2]
    data = divided(dataset(labels, ["train"] * 60 + ["validation"] * 3, groups))
    assert not {"p0", "p1", "p2"} & set(data.groups[data.where("test")])
    with pytest.raises(ValueError, match="every subject of train is in another split too"):
        divided(dataset([0, 1, 2, 0], ["train"] * 3 + ["validation"], ["a", "a", "a", "a"]))


def test_train_and_validation_alone():
    data = folder_like([20, 20], ["train"] * 15 + ["validation"] * 5 + ["train"] * 15 + ["validation"] * 5)
    found = split(divided(data))
    assert (len(found.train), len(found.validation), len(found.test)) == (24, 10, 6)
    assert set(data.split[found.test]) == {"train"}
    assert "the set's own validation split)" in found.words
    assert "own validation split; no 30% of train" in split(divided(data), 0.3).words


def test_a_set_s_validation_split_can_test():
    data = folder_like([20, 20], ["train"] * 15 + ["validation"] * 5 + ["train"] * 15 + ["validation"] * 5)
    found = split(divided(data, "validation"), 0.1, "validation")
    assert (len(found.train), len(found.validation), len(found.test)) == (27, 3, 10)
    assert set(data.split[found.validation]) == {"train"}


def test_a_share_stands_in_for_the_set_s_own_test_split():
    data = divided(plain(60, 15), 0.2)
    assert np.flatnonzero(data.split == "left-out").tolist() == list(range(60, 75))
    found = split(data, 0.1, 0.2)
    assert max(map(max, (found.train, found.validation, found.test))) < 60
    assert len(found.test) == 12
    assert "the set's own test split of 15 does not test" in found.words


def test_a_share_of_a_set_with_named_tests():
    unions = {"test": ("public", "private"), "public": ("public",), "private": ("private",)}
    data = dataset(np.arange(40) % 3, ["train"] * 30 + ["public"] * 5 + ["private"] * 5, test_splits=unions)
    found = split(divided(data, 0.2), "public", 0.2)
    assert set(data.split[found.test]) == {"train"}
    assert set(data.split[found.validation]) == {"public"}
    assert divided(data) is data
    assert divided(data, "private") is data


@pytest.mark.parametrize("share", [0, 1, 1.5, -1, float("nan"), float("inf")])
def test_test_share_outside_its_range(share):
    with pytest.raises(ValueError, match=r"test=.*give a share between 0 and 1, or the name of a split"):
        divided(folder_like([10, 10]), share)


@pytest.mark.parametrize(
    ("counts", "share", "words"),
    [
        ([10, 1, 10], 0.2, "class 'b' has one training sample only: none can be held out for test; add"),
        ([1, 10, 1], 0.2, "class 'a', 'c' has one training sample"),
        ([10, 10], 0.001, "test=0.001 of 20 training samples: none to take; give a larger share"),
        ([10, 10], 0.999, "test=0.999 of 20 training samples: none left to train on; give a smaller share"),
    ],
)
def test_what_no_test_can_be_held_out_of(counts, share, words):
    with pytest.raises(ValueError, match=words):
        divided(folder_like(counts), share)


def test_a_class_of_two_can_test_but_not_choose_as_well():
    data = divided(folder_like([9, 2]))
    with pytest.raises(
        ValueError, match="class 'b' has one training sample only beside one held out to test"
    ):
        split(data)


def test_very_small_classes_are_divided_all_the_same():
    found = split(divided(folder_like([3, 3, 3])))
    for part in (found.train, found.validation, found.test):
        assert (np.sort(part) // 3).tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("error")
def test_a_class_that_no_held_out_subject_shows_is_said(caplog):
    groups = [f"p{i % 8}" for i in range(48)] + ["p1"] * 6
    data = dataset([(i // 8) % 2 for i in range(48)] + [2] * 6, ["train"] * 54, groups)
    assert 2 not in data.labels[split(divided(data)).test]
    assert "no subject held out to test shows class c; take another seed" in caplog.text


def test_a_message_lists_only_splits_that_hold_something():
    with pytest.raises(ValueError, match=r"no samples in a split 'tset'; it has: train$"):
        split(divided(folder_like([5, 5]), "tset"), 0.1, "tset")
    data = dataset([0, 1] * 4, ["train"] * 6 + ["public"] * 2, test_splits={"test": ("public", "private")})
    with pytest.raises(ValueError, match=r"it has: public, test, train$"):
        split(data, 0.1, "private")


def test_divisions_of_before_stay(tiny):
    """Names of runs hold which samples are in which part: a changed division is another run."""
    found = split(divided(tiny), 0.1, "test", 0)
    names = [key_of({"ids": tiny.ids[p].tolist()})[:16] for p in (found.train, found.validation, found.test)]
    assert names == ["673600629cd82a16", "d1e84684adcb9157", "b4d1854607f92543"]
    assert divided(tiny) is tiny
