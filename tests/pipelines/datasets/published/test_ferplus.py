"""FER+: the votes of fer2013new.csv on the faces of FER2013, and the targets that its authors define."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from featurize.store import Store
from pipelines.datasets import registry
from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.fer2013.csv_form import NUMBERS
from pipelines.datasets.published.about import EMOTIONS8
from pipelines.datasets.published.ferplus_join import matched
from pipelines.datasets.published.ferplus_targets import COLUMNS, labelled, processed
from pipelines.datasets.synthetic.faces import load as draw
from pipelines.embedding.embed import embed
from tests.helpers.published import fer2013_csv

HEAD = ("Usage", "Image name", "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear",
        "contempt", "unknown", "NF")  # fmt: skip
USAGES = ("Training",) * 3 + ("PublicTest", "PrivateTest")


def row(**votes):
    return [float(votes.get(name, 0)) for name in COLUMNS]


@pytest.mark.parametrize(("votes", "majority", "leading"), [
    (row(happy=10), {"happy": 10}, {"happy": 10}),
    (row(happy=8, sad=1, fear=1), {"happy": 8}, {"happy": 8}),  # single votes are outliers
    (row(neutral=5, sad=5), None, {"neutral": 5, "sad": 5}),  # no majority; equals come in together
    (row(neutral=6, sad=4), {"neutral": 6}, {"neutral": 6, "sad": 4}),
    (row(neutral=4, sad=3, angry=3), None, {"neutral": 4, "sad": 3, "angry": 3}),
    (row(neutral=4, sad=2, angry=2, fear=2), None, None),  # four classes are too many
    (row(unknown=6, sad=4), {"unknown": 6}, {"unknown": 6}),
    (row(happy=5, unknown=5), None, None),  # a half is not more than half
    (row(happy=6, unknown=2, NF=2), {"happy": 6}, {"happy": 6}),
    (row(happy=1, sad=1, neutral=1), None, None),  # nothing is left
    (row(NF=10), {"NF": 10}, {"NF": 10}),
])  # fmt: skip
def test_targets(votes, majority, leading):
    for target, expected in (("majority", majority), ("crossentropy", leading), ("probability", leading)):
        found = dict(zip(COLUMNS, processed(np.array([votes]), target)[0], strict=True))
        assert {k: v for k, v in found.items() if v} == ({"unknown": 1} if expected is None else expected)


def test_which_faces_stay_and_what_their_votes_are():
    votes = np.array([row(happy=6, sad=3, fear=1), row(contempt=8, sad=2), row(unknown=9, sad=1)])
    kept, counted = labelled(votes, "majority", 8)
    assert kept.tolist() == [True, True, False]
    assert counted[0].tolist() == [0, 6, 0, 3, 0, 0, 0, 0]  # all votes but the outlier
    assert labelled(votes, "majority", 7)[0].tolist() == [True, False, False]
    assert labelled(votes, "crossentropy", 7)[1].shape == (3, 7)


@pytest.fixture(scope="module")
def faces():
    """Return 35 faces with FER2013's numbers and usages, in the order of a CSV."""
    drawn = draw(n_per_class=5, seed=9)
    images = np.stack([drawn.samples[i] for i in range(35)])
    order = np.random.default_rng(2).permutation(35)
    labels = [NUMBERS.index(drawn.classes[y]) for y in drawn.labels]
    return images[order], [labels[i] for i in order], [USAGES[i % 5] for i in order]


def votes_of(labels):
    """Return ten votes a face: most for the emotion of its label, so that each face can be told."""
    words = [COLUMNS.index(NUMBERS[label]) for label in labels]
    votes = np.zeros((len(labels), 10), int)
    votes[np.arange(len(labels)), words] = 7
    votes[:, COLUMNS.index("contempt")] = 3
    votes[3] = [0, 0, 0, 0, 0, 0, 0, 10, 0, 0]  # contempt
    votes[4] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]  # no face: taken out
    votes[5] = [2, 2, 2, 2, 2, 0, 0, 0, 0, 0]  # no agreement
    return votes


def official(faces, **changes) -> str:
    _, labels, usages = faces
    both = enumerate(zip(usages, votes_of(labels).tolist(), strict=True))
    rows = [[usage, "" if vote[9] == 10 else f"fer{i:07d}.png", *vote] for i, (usage, vote) in both]
    for at, new in changes.items():
        rows[int(at[1:])] = new
    out = io.StringIO()
    csv.writer(out).writerows([HEAD, *rows])
    return out.getvalue()


@pytest.fixture
def from_csv(tmp_path, faces):
    """Return a data folder with FER2013 added from its CSV."""
    (tmp_path / "fer2013.csv").write_bytes(fer2013_csv(*faces))
    registry.add("fer2013", tmp_path / "fer2013.csv", root=tmp_path / "data")
    return tmp_path


@pytest.fixture
def from_images(tmp_path, faces):
    """Return a data folder with FER2013 added from a folder of JPEGs, whose loss changes every face."""
    for i, (image, label, usage) in enumerate(zip(*faces, strict=True)):
        top = "train" if usage == "Training" else "test"
        path = tmp_path / "kaggle" / top / NUMBERS[label] / f"{usage}_{i * 7919 % 1009}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path, quality=90)
    registry.add("fer2013", tmp_path / "kaggle", root=tmp_path / "data")
    return tmp_path


def check(data, faces):
    """Check every label against the votes, by the pixels of the faces."""
    images, labels, _ = faces
    nearest = [int(np.abs(images.astype(int) - data.samples[i].astype(int)).mean((1, 2)).argmin())
               for i in range(len(data))]  # fmt: skip
    votes = votes_of(labels)
    assert sorted(nearest) == [i for i in range(35) if i not in (4, 5)]
    expected = ["contempt" if i == 3 else NUMBERS[labels[i]] for i in nearest]
    assert [data.classes[y] for y in data.labels] == expected
    order = [COLUMNS.index(name) for name in data.classes]
    assert np.array_equal(data.votes, votes[nearest][:, order])


def add(place, path):
    return registry.add("ferplus", path, root=place / "data")


def refused(place, path, *words):
    with pytest.raises((ValueError, OSError)) as caught:
        add(place, path)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


def test_joined_by_rows(from_csv, faces):
    (from_csv / "fer2013new.csv").write_text(official(faces))
    report = add(from_csv, from_csv / "fer2013new.csv")
    assert "34 faces have votes, joined by the rows of fer2013.csv" in report.text()
    assert "differs: split train: 2" in report.text()
    data = registry.load("ferplus", root=from_csv / "data")
    assert data.classes == EMOTIONS8
    check(data, faces)
    assert data.test_splits["test"] == ("private",)


def test_vectors_of_fer2013_are_those_of_its_faces(from_csv, faces, tmp_path, monkeypatch):
    """What was extracted of one is not extracted again for the other; of samples that were changed it is."""
    (from_csv / "fer2013new.csv").write_text(official(faces))
    add(from_csv, from_csv / "fer2013new.csv")
    whole, data = (registry.load(name, root=from_csv / "data") for name in ("fer2013", "ferplus"))
    store = Store(tmp_path / "cache")
    by_itself = embed(data, "hog", store=Store(tmp_path / "other"), n_jobs=1)
    embed(whole, "hog", store=store, n_jobs=1)
    some = np.arange(3, 9)
    assert not embed(replace(data, ids=data.ids[::-1]), "hog", store=store, n_jobs=1).reused
    monkeypatch.setattr("pipelines.embedding.embed._vectors", None)  # would fail if any were extracted
    found = embed(data, "hog", store=store, n_jobs=1)
    assert found.reused
    assert found.keys == by_itself.keys
    assert np.array_equal(found.X, by_itself.X)
    assert np.array_equal(embed(data, "hog", indices=some, store=store).X, by_itself.X[some])


def test_joined_by_pixels(from_images, faces):
    folder = from_images / "FERPlus-master" / "deep"
    folder.mkdir(parents=True)
    (folder / "fer2013new.csv").write_text(official(faces))
    refused(from_images, folder.parent, "put fer2013.csv beside it")
    (folder / "fer2013.csv").write_bytes(fer2013_csv(*faces))
    assert "joined by pixels" in add(from_images, folder.parent).text()
    check(registry.load("ferplus", root=from_images / "data"), faces)


def test_joined_by_names(from_images, faces):
    ids = registry.load("fer2013", root=from_images / "data").ids.tolist()
    by_number = {int(name.rpartition("_")[2].removesuffix(".jpg")): name for name in ids}
    votes = enumerate(votes_of(faces[1]).tolist())
    rows = [(by_number[i * 7919 % 1009], *vote) for i, vote in votes if i != 4]
    (from_images / "votes.csv").write_text(
        "\n".join(",".join(map(str, one)) for one in [("file", *HEAD[2:]), *rows])
    )
    add(from_images, from_images / "votes.csv")
    check(registry.load("ferplus", root=from_images / "data"), faces)


def test_options(from_csv, faces):
    (from_csv / "fer2013new.csv").write_text(official(faces))
    add(from_csv, from_csv / "fer2013new.csv")
    seven = registry.load("ferplus(classes=7)", root=from_csv / "data")
    assert seven.classes == EMOTIONS
    assert len(seven) == 32
    assert np.allclose(seven.distribution.max(axis=1), 1)  # contempt does not count
    soft = registry.load("ferplus", root=from_csv / "data", target="crossentropy")
    assert np.allclose(np.sort(soft.distribution[0])[-2:], [0.3, 0.7])
    for options, words in (({"classes": 6}, "classes=6"), ({"target": "vote"}, "target='vote'")):
        with pytest.raises(ValueError, match=words):
            registry.load("ferplus", root=from_csv / "data", **options)


def test_what_is_missing(tmp_path, from_csv, faces):
    refused(tmp_path / "none", tmp_path / "fer2013.csv", "fer2013 is not here yet")
    with pytest.raises(FileNotFoundError, match="ferplus is not here yet"):
        registry.load("ferplus", root=from_csv / "data")
    refused(from_csv, from_csv / "gone.csv", "no such file or folder")
    refused(from_csv, from_csv / "fer2013.csv", "no table of FER+")
    (from_csv / "other.csv").write_text("file,label\na,b\n")
    refused(from_csv, from_csv / "other.csv", "other.csv has other columns")


@pytest.mark.parametrize(("cells", "words"), [
    (["x.png", "many", *range(9)], "row 5: neutral"),
    (["x.png", -4, *range(9)], "row 5: neutral: '-4' is no number of votes"),
    (["x.png", "#N/A", *range(9)], "repair the formula"),
])  # fmt: skip
def test_rows_that_cannot_be(cells, words, from_csv, faces):
    (from_csv / "fer2013new.csv").write_text(official(faces, r3=[faces[2][3], *cells]))
    refused(from_csv, from_csv / "fer2013new.csv", words)


def test_rows_in_another_order(from_csv, faces):
    other = next(usage for usage in USAGES if usage != faces[2][3])
    (from_csv / "fer2013new.csv").write_text(official(faces, r3=[other, "x.png", *range(10)]))
    refused(from_csv, from_csv / "fer2013new.csv", "row 5: Usage says", "the rows are in another order")


def test_too_few_rows(from_csv, faces):
    (from_csv / "fer2013new.csv").write_text("\n".join(official(faces).splitlines()[:20]))
    refused(from_csv, from_csv / "fer2013new.csv", "19 rows, and FER2013 here has 35")


def test_fer2013_added_again_and_damage(from_csv, faces):
    (from_csv / "fer2013new.csv").write_text(official(faces))
    add(from_csv, from_csv / "fer2013new.csv")
    votes = from_csv / "data" / "ferplus" / "votes.csv"
    whole = votes.read_text()
    votes.write_text(whole[:-9])
    with pytest.raises(ValueError, match=r"votes\.csv is damaged"):
        registry.load("ferplus", root=from_csv / "data")
    votes.write_text(whole)
    (from_csv / "fer2013.csv").write_bytes(fer2013_csv(*(part[:30] for part in faces)))
    with pytest.raises(ValueError, match="--force"):
        registry.add("fer2013", from_csv / "fer2013.csv", root=from_csv / "data")
    registry.add("fer2013", from_csv / "fer2013.csv", root=from_csv / "data", force=True)
    with pytest.raises(ValueError, match="FER2013 was added again since"):
        registry.load("ferplus", root=from_csv / "data")


def test_each_row_is_given_once():
    a = np.stack([np.full((4, 4), v, np.uint8) for v in (10, 10, 90, 200)])
    assert matched(a, a[[2, 0, 1]]) in ({0: 1, 1: 2, 2: 0}, {0: 2, 1: 1, 2: 0})  # the last has none
    assert matched(a[:0], a) == {}


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_votes(shared, tmp_path):
    registry.add("fer2013", shared / "fer2013.tar.xz", root=tmp_path)
    report = registry.add("ferplus", shared / "ferplus_votes.csv", root=tmp_path)
    assert report.complete  # 28,558, 3,579 and 3,573 faces have votes, as published
    sizes = {}
    for target in ("majority", "crossentropy"):
        data = registry.load("ferplus", root=tmp_path, target=target)
        sizes[target] = [len(data.where(split)) for split in ("train", "public", "private")]
    assert sizes == {"majority": [25_057, 3_199, 3_152], "crossentropy": [27_953, 3_505, 3_504]}
