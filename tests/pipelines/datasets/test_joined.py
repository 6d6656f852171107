"""Several data sets as one: classes joined by name or by a map, and each sample knows its set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import mueca
from pipelines.datasets.base import COPIES
from pipelines.datasets.joined import joined
from pipelines.datasets.registry import list_datasets, load


def small(name, classes, seed=0, n=4, groups=True, **more):
    """Return `n` noisy images of each class, of two persons."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(classes, n).tolist()
    images = rng.integers(0, 256, (len(labels), 16, 16), np.uint8)
    who = [f"p{i % 2}" for i in range(len(labels))] if groups else None
    return mueca.Dataset.from_arrays(images, labels, groups=who, name=name, **more)


def test_words_of_one_emotion_are_one_class_and_each_sample_knows_its_set():
    a, b = small("a", ["anger", "Happy"], 1), small("b", ["angry", "happiness"], 2)
    both = joined([a, b])
    assert both.classes == ("Happy", "anger")  # as the first set writes them, in its order
    assert both.name == "a+b"
    assert both.split.tolist() == ["a"] * 8 + ["b"] * 8
    assert [both.classes[y] for y in both.labels] == ["anger"] * 4 + ["Happy"] * 4 + ["anger"] * 4 + [
        "Happy"
    ] * 4
    assert both.ids[0] == f"a/{a.ids[0]}"
    assert sorted(set(both.groups.tolist())) == ["a/p0", "a/p1", "b/p0", "b/p1"]
    assert np.array_equal(both.samples[0], a.samples[0])
    assert np.array_equal(both.samples[15], b.samples[7])
    assert np.array_equal(both.samples[np.int64(8)], b.samples[0])
    assert both.digests[8] == b.digests[0]
    assert [record["name"] for record in both.joined_from] == ["a", "b"]
    assert both.joined_from[1]["fingerprint"] == b.fingerprint
    assert both.joined_from[1]["classes"] == {"angry": "anger", "happiness": "Happy"}
    assert any("b: 8 samples, 2 subjects; angry as anger" in note for note in both.notes)


def test_a_class_of_one_set_alone_needs_a_word():
    a, b = small("a", ["anger", "happy", "contempt"], 1), small("b", ["angry", "happy"], 2)
    with pytest.raises(
        ValueError, match=r"class 'contempt' \(4 of a\) is not in b; .*contempt= to leave it out"
    ):
        joined([a, b])
    out = joined([a, b], "contempt=")
    assert len(out) == 16
    assert "contempt" not in out.classes
    assert np.array_equal(out.samples[8], b.samples[0])
    assert out.joined_from[0]["left_out"] == 4
    kept = joined([a, b], {"contempt": "contempt"})
    assert (len(kept), "contempt" in kept.classes) == (20, True)
    renamed = joined([a, b], "contempt=anger")
    assert renamed.classes == ("anger", "happy")
    assert np.bincount(renamed.labels).tolist() == [12, 8]
    with pytest.raises(ValueError, match="no set has a class 'contemt'; did you mean 'contempt'"):
        joined([a, b], "contemt=")
    with pytest.raises(ValueError, match="one class only"):
        joined([a, b], "contempt=anger,happy=anger")


def test_what_cannot_be_joined():
    a, b = small("a", ["anger", "happy"], 1), small("b", ["anger", "happy"], 2)
    with pytest.raises(ValueError, match="1 data set to join; give two or more"):
        joined([a])
    with pytest.raises(ValueError, match="a: the same samples are given twice"):
        joined([a, b, a])
    with pytest.raises(ValueError, match="a: images, b: flows"):
        joined([a, replace(b, kind="flow")])
    with pytest.raises(ValueError, match="give a list of data sets"):
        load("joined", sets="a")
    with pytest.raises(ValueError, match="no data set or folder 'nowhere'"):
        load(["synthetic", "nowhere"])


def test_copies_in_two_sets_are_refused_or_marked(caplog):
    a, b = small("a", ["anger", "happy"], 1), small("b", ["anger", "happy"], 2)
    images = [b.samples[i] for i in range(7)] + [a.samples[0]]
    c = mueca.Dataset.from_arrays(images, ["anger"] * 4 + ["happy"] * 4, name="c")
    with pytest.raises(ValueError, match="1 samples of c are exact copies of ones of a: .*--allow-leaks"):
        joined([a, c])
    marked = joined([a, c], allow_leaks=True)
    assert marked.marks == (COPIES,)
    assert COPIES in caplog.text


def test_subjects_and_votes_are_there_where_every_set_has_them():
    a, b = small("a", ["anger", "happy"], 1), small("b", ["anger", "happy"], 2, groups=False)
    both = joined([a, b])
    assert both.groups is None
    assert any("not every set names its subjects" in note for note in both.notes)
    votes = np.ones((8, 2))
    c, d = (small(n, ["anger", "happy"], s, votes=votes * s) for n, s in (("c", 3), ("d", 4)))
    assert joined([c, d]).votes.tolist() == [[3, 3]] * 8 + [[4, 4]] * 8
    assert joined([a, d]).votes is None


def test_sets_of_one_name_are_numbered_and_one_called_like_a_split_is_renamed():
    names = [small("faces", ["anger", "happy"], s) for s in (1, 2)] + [small("test", ["anger", "happy"], 3)]
    assert list(dict.fromkeys(joined(names).split.tolist())) == ["faces", "faces#2", "test-data"]


def test_a_holdout_of_joined_sets_holds_out_whole_subjects(tmp_path):
    sets = [f"synthetic(n_per_class=6, n_identities=5, seed={s})" for s in (1, 2)]
    _, outcome = mueca.fit(load(sets), "hog", "knn", n_neighbors=1, store=tmp_path)
    assert "20% of the training samples held out first by class and subject" in outcome.rows[0].protocol
    assert outcome.rows[0].marks == ""
    assert "several sets" in list_datasets()["joined"]
