"""From a data set to vectors: every part cached by itself, the same whatever computes them."""

import dataclasses

import numpy as np
import pytest

from featurize.base import Extractor
from featurize.images import Preprocess
from featurize.registry import EXTRACTORS, extractor
from featurize.store import Store
from pipelines.embedding.embed import embed, embedding_keys


def direct(dataset, name, prepare=lambda image: image):
    return extractor(name).transform(prepare(dataset.samples[i]) for i in range(len(dataset)))


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", ["hog", "landmarks"])
def test_workers_change_nothing(tmp_path, tiny, name, jobs, monkeypatch):
    monkeypatch.setattr("featurize.shards.SHARD_ROWS", 30)
    found = embed(tiny, name, store=Store(tmp_path), n_jobs=jobs)
    np.testing.assert_allclose(found.X, direct(tiny, name), atol=1e-6)


def test_each_part_is_cached_by_itself(tmp_path, tiny):
    store = Store(tmp_path)
    both = embed(tiny, "hog+pixels", store=store)
    assert not both.reused
    assert {e.extractor for e in store.entries()} == {"hog", "pixels"}
    assert embed(tiny, "pixels", store=store).reused
    reversed_ = embed(tiny, "pixels+hog", store=store)
    assert reversed_.reused
    k = extractor("pixels").dim
    np.testing.assert_array_equal(reversed_.X[:, :k], both.X[:, -k:])


def test_keys_are_known_without_computing(tmp_path, tiny, monkeypatch):
    keys = embedding_keys(tiny, "hog+pixels")
    assert keys == embed(tiny, "hog+pixels", store=Store(tmp_path)).keys
    other = dataclasses.replace(tiny, labels=(tiny.labels + 1) % 7)
    assert not set(embedding_keys(other, "hog+pixels")) & set(keys)


def test_preprocessing_is_part_of_the_key_where_it_has_an_effect(tiny):
    def key(**settings):
        return embedding_keys(tiny, "hog", Preprocess(**settings))

    assert len({key(), key(equalize="hist"), key(equalize="clahe"), key(mirror=True)}) == 4
    assert key(equalize="clahe", tile=8) != key(equalize="clahe")
    assert key(tile=8) == key()  # tiles without CLAHE change nothing


def test_mirrored_copies_are_mirrored(tmp_path, tiny):
    some = np.array([3, 1, 4])
    found = embed(tiny, "pixels", preprocess=Preprocess(mirror=True), indices=some, store=Store(tmp_path))
    flipped = extractor("pixels").transform(tiny.samples[int(i)][:, ::-1] for i in some)
    np.testing.assert_array_equal(found.X, flipped)


def test_some_samples_come_from_the_entry_of_all(tmp_path, tiny, monkeypatch):
    store, some = Store(tmp_path), np.array([3, 1, 4])
    every = embed(tiny, "hog", store=store)
    monkeypatch.setattr("featurize.base.Extractor.transform", lambda *_: pytest.fail("computed again"))
    found = embed(tiny, "hog", indices=some, store=store, n_jobs=1)
    np.testing.assert_array_equal(found.X, every.X[some])
    assert found.reused and found.keys == embedding_keys(tiny, "hog", indices=some) != every.keys
    assert found.seconds == pytest.approx(every.seconds * 3 / len(tiny))


def test_a_damaged_entry_of_all_gives_no_rows(tmp_path, tiny):
    store, some = Store(tmp_path), np.array([3, 1, 4])
    every = embed(tiny, "hog", store=store)
    known = np.array(every.X[some])
    with (store.folder / every.keys[0] / "X.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\xff\xff\xff\xff")
    found = embed(tiny, "hog", indices=some, store=store)
    assert not found.reused
    np.testing.assert_allclose(found.X, known, atol=1e-6)


def test_wrong_kind_of_data(tmp_path, tiny):
    clips = dataclasses.replace(tiny, kind="clip")
    with pytest.raises(ValueError, match="takes images; synthetic holds clips"):
        embed(clips, "hog", store=Store(tmp_path))


class Broken(Extractor):
    """Gives NaN for one face."""

    name = "broken"

    @property
    def dim(self):
        return 2

    def _transform(self, batch):
        X = np.zeros((len(batch), 2))
        X[-1, 1] = np.nan
        return X


def test_a_vector_that_is_not_finite_is_never_cached(tmp_path, tiny, monkeypatch):
    monkeypatch.setitem(EXTRACTORS, "broken", f"{__name__}:Broken")
    monkeypatch.setattr(
        "featurize.registry.import_module", lambda name: __import__("types").SimpleNamespace(Broken=Broken)
    )
    with pytest.raises(ValueError, match="broken: a vector holds NaN"):
        embed(tiny, "broken", store=Store(tmp_path))
    assert [e.state for e in Store(tmp_path).entries()] == ["partial"]
