"""Data sets of arrays, of data frames and of folders."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import mueca
from pipelines.datasets.synthetic.faces import load as draw


@pytest.fixture(scope="module")
def faces():
    """Return 28 synthetic faces."""
    return draw(n_per_class=4, seed=7)


def arrays(faces):
    images = np.stack([faces.samples[i] for i in range(len(faces))])
    return images, np.array(faces.classes)[faces.labels]


def test_arrays(faces, tmp_path):
    images, words = arrays(faces)
    data = mueca.Dataset.from_arrays(images, words, split=["train", "train", "train", "test"] * 7)
    assert data.classes == faces.classes
    assert data.digests.tolist() == faces.digests.tolist()
    model, outcome = mueca.fit(data, "hog", "knn", n_neighbors=1, validation="train", store=tmp_path)
    assert outcome.rows[1].n_test == 7
    assert mueca.featurize(data, "hog", store=tmp_path)[1].reused


def test_numbers_names_groups_and_votes(faces):
    images, _ = arrays(faces)
    votes = np.eye(7)[faces.labels] * 9 + 1
    data = mueca.Dataset.from_arrays(list(images), faces.labels, classes=faces.classes, votes=votes,
                                     groups=np.arange(28) // 4, ids=[f"i{i}" for i in range(28)])  # fmt: skip
    assert data.classes == faces.classes
    assert data.groups[5] == "1"
    assert np.allclose(data.distribution.sum(axis=1), 1)
    assert (
        data.fingerprint != mueca.Dataset.from_arrays(images, faces.labels, classes=faces.classes).fingerprint
    )


@pytest.mark.parametrize(("change", "error", "why"), [
    ({"images": lambda x: x / 255.0}, TypeError, "is of float64; give uint8"),
    ({"images": lambda x: x.transpose(0, 2, 1)[:, None]}, ValueError, r"has the shape \(1, 48, 48\)"),
    ({"images": lambda x: x[:0]}, ValueError, "images is empty"),
    ({"labels": lambda y: y[:5]}, ValueError, "labels has 5 values for 28 images"),
    ({"labels": lambda y: ["a"] * 28}, ValueError, "one class only"),
    ({"split": lambda _: ["fold"] * 28}, ValueError, "split holds 'fold'"),
    ({"groups": lambda _: ["x"]}, ValueError, "groups has 1 values"),
    ({"ids": lambda _: ["x"] * 28}, ValueError, "two images have one id"),
    ({"classes": lambda _: ["x", "y"]}, ValueError, "is none of classes"),
    ({"votes": lambda _: np.ones((28, 3))}, ValueError, r"give \(28, 7\)"),
    ({"votes": lambda _: np.zeros((28, 7))}, ValueError, "sum to nothing"),
    ({"votes": lambda _: -np.ones((28, 7))}, ValueError, "below 0"),
    ({"split": lambda _: ["train", "test"] * 14, "groups": lambda _: ["x"] * 28}, ValueError, "allow-leaks"),
])  # fmt: skip
def test_arrays_that_cannot_be(change, error, why, faces):
    images, words = arrays(faces)
    given = {"images": images, "labels": words}
    given |= {name: make(given.get(name)) for name, make in change.items()}
    with pytest.raises(error, match=why):
        mueca.Dataset.from_arrays(**given)


@pytest.mark.parametrize("nobody", [None, float("nan"), " "])
def test_a_group_that_is_nobody(nobody, faces):
    with pytest.raises(ValueError, match=r"groups\[1\] is .*; name the person of each image"):
        mueca.Dataset.from_arrays(arrays(faces)[0][:2], ["a", "b"], groups=["p", nobody])


def test_numbers_out_of_range(faces):
    images, _ = arrays(faces)
    with pytest.raises(ValueError, match="labels hold 9; classes has 7 names"):
        mueca.Dataset.from_arrays(images, np.full(28, 9), classes=faces.classes)


def frames(columns):
    class Polars:
        def __init__(self):
            self.columns = list(columns)

        def __getitem__(self, name):
            return columns[name]

    return [columns, pa.table(columns), Polars()]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_data_frames(kind, faces, tmp_path):
    names = [f"{i}.png" for i in range(len(faces))]
    for i, name in enumerate(names):
        Image.fromarray(faces.samples[i]).save(tmp_path / name)
    columns = {"image": names, "code": [float(y) for y in faces.labels],
               "who": [float("nan") if i == 3 else i // 7 for i in range(28)]}  # fmt: skip
    given = {f"{i}": name for i, name in enumerate(faces.classes)}
    data = mueca.Dataset.from_dataframe(
        frames(columns)[kind], root=tmp_path, columns={"label": "code", "subject": "who"}, labels=given
    )
    assert np.array_equal(data.labels, faces.labels)
    assert data.groups[3] == "unknown"
    assert sorted(set(data.groups.tolist())) == ["0", "1", "2", "3", "unknown"]


def test_data_frames_that_cannot_be(tmp_path):
    make = mueca.Dataset.from_dataframe
    with pytest.raises(TypeError, match="int is no data frame"):
        make(3)
    with pytest.raises(ValueError, match="different lengths"):
        make({"file": ["a"], "label": []})
    with pytest.raises(ValueError, match="no column for label"):
        make({"file": ["a"]})
    with pytest.raises(FileNotFoundError, match="no such folder"):
        make({"file": ["a"], "label": ["b"]}, root=tmp_path / "nowhere")


def test_a_folder(faces, tmp_path):
    for i in range(len(faces)):
        Image.fromarray(faces.samples[i]).save(tmp_path / f"{faces.classes[faces.labels[i]]}-{i}.png")
    data = mueca.Dataset.from_folder(tmp_path, pattern="{label}-{_}.png")
    assert data.classes == faces.classes
