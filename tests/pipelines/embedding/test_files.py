"""Vectors as files: what other tools read is what was computed."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.embedding.files import write_vectors


@pytest.fixture
def X(tiny):
    return np.random.default_rng(0).normal(size=(len(tiny), 5)).astype(np.float32)


def names(dataset):
    return [dataset.classes[k] for k in dataset.labels]


def test_npz(tmp_path, tiny, X):
    assert write_vectors(tmp_path / "v.npz", tiny, X) == [tmp_path / "v.npz"]
    with np.load(tmp_path / "v.npz", allow_pickle=False) as found:
        np.testing.assert_array_equal(found["X"], X)
        np.testing.assert_array_equal(found["ids"], tiny.ids)
        np.testing.assert_array_equal(found["classes"][found["labels"]], names(tiny))


def test_npy_has_its_ids_beside_it(tmp_path, tiny, X):
    path, beside = write_vectors(tmp_path / "v.npy", tiny, X)
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), X)
    rows = list(csv.DictReader(beside.open(encoding="utf-8")))
    assert [r["id"] for r in rows] == tiny.ids.tolist()
    assert [r["label"] for r in rows] == names(tiny)


def test_csv(tmp_path, tiny, X):
    write_vectors(tmp_path / "v.csv", tiny, X)
    rows = list(csv.DictReader((tmp_path / "v.csv").open(encoding="utf-8")))
    assert [r["split"] for r in rows] == tiny.split.tolist()
    values = np.array([[r[f"f{i}"] for i in range(5)] for r in rows], np.float64)
    np.testing.assert_array_equal(values.astype(np.float32), X)


def test_parquet(tmp_path, tiny, X):
    write_vectors(tmp_path / "v.parquet", tiny, X)
    found = pq.read_table(tmp_path / "v.parquet")
    assert found.column_names == ["id", "label", "split", *(f"f{i}" for i in range(5))]
    np.testing.assert_array_equal(np.column_stack([found[f"f{i}"].to_numpy() for i in range(5)]), X)
    assert found["label"].to_pylist() == names(tiny)


def test_unknown_ending(tmp_path, tiny, X):
    with pytest.raises(ValueError, match="ends in .npz"):
        write_vectors(tmp_path / "v.xlsx", tiny, X)


def test_an_older_file_survives_a_failure(tmp_path, tiny, X):
    path = tmp_path / "v.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="zip"):
        write_vectors(path, tiny, X[:-1])
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["v.csv"]
