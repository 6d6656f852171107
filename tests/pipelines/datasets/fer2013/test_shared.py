"""The real FER2013: every form gives the same set, and the audit the known numbers."""

import itertools
import tarfile

import numpy as np
import pytest

from pipelines.datasets.audit import audit, clean_test
from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.fer2013 import dataset
from pipelines.datasets.fer2013.csv_form import NUMBERS

#: Each reads the full set.
pytestmark = [pytest.mark.shared, pytest.mark.slow]


@pytest.fixture(scope="module")
def imported(fer2013):
    """The report of the import from the .tar.xz."""
    return fer2013[1]


@pytest.fixture(scope="module")
def faces(imported):
    return dataset.load(imported.path.parent)


def test_every_count_is_the_published_one(imported, faces):
    assert imported.complete
    assert imported.notes == ()
    assert len(faces) == 35_887
    numbers = {s: np.bincount(faces.labels[faces.where(s)]).tolist() for s in ("train", "test", "private")}
    assert numbers["train"] == [3995, 436, 4097, 7215, 4965, 4830, 3171]
    assert numbers["test"] == [958, 111, 1024, 1774, 1233, 1247, 831]
    assert sum(numbers["private"]) == 3589


def test_the_audits_known_numbers(faces):
    found = audit(faces)
    assert (found["blank"].count, found["constant"].count) == (13, 12)
    assert found["copies-train"].count == 1_236
    assert (found["copies-test-of-train"].count, found["copies-test-of-train"].other_label) == (568, 16)
    assert found["copies-test"].count == 86
    assert found["test-clean"].count == 6_561
    # Chosen by eye: a change of the hash or of the thresholds shows here.
    assert (found["near"].count, found["near-mirrored"].count) == (2_445, 25)


def test_clean_faces(faces):
    assert clean_test(faces).sum() == 6_561


@pytest.mark.parametrize("form", ["plain", "icml"])
def test_a_csv_of_part_of_it_comes_back(form, faces, tmp_path):
    chosen = range(0, len(faces), 29)
    usage = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}
    lines = ["emotion,pixels,Usage" if form == "plain" else "emotion, Usage, pixels"]
    for i in chosen:
        pixels = " ".join(map(str, faces.samples[i].ravel().tolist()))
        middle = [pixels, usage[faces.split[i]]] if form == "plain" else [usage[faces.split[i]], pixels]
        lines.append(",".join([str(NUMBERS.index(EMOTIONS[faces.labels[i]])), *middle]))
    (tmp_path / "fer2013.csv").write_text("\n".join(lines))
    with tarfile.open(tmp_path / "fer2013.tar.xz", "w:xz", preset=1) as out:
        out.add(tmp_path / "fer2013.csv", "fer2013/fer2013.csv")
    for source in ("fer2013.csv", "fer2013.tar.xz"):
        dataset.add(tmp_path / source, tmp_path / "root")
        found = dataset.load(tmp_path / "root")
        assert found.digests.tolist() == faces.digests[chosen].tolist()
        assert found.split.tolist() == faces.split[chosen].tolist()
        assert found.labels.tolist() == faces.labels[chosen].tolist()


def test_the_zip_form_is_the_same_set(shared, faces, tmp_path):
    import zipfile

    with (
        tarfile.open(shared / "fer2013.tar.xz") as source,
        zipfile.ZipFile(tmp_path / "fer2013.zip", "w", zipfile.ZIP_DEFLATED) as out,
    ):
        files = (member for member in source if member.isfile())
        for member in itertools.islice(files, 4000):
            stream = source.extractfile(member)
            assert stream is not None
            out.writestr(member.name, stream.read())
    report = dataset.add(tmp_path / "fer2013.zip", tmp_path / "root")
    assert report.counts["train"]["angry"] == 3_995
    assert any(d.startswith("train/disgust: 5 faces") for d in report.differences)
    found = dataset.load(tmp_path / "root")
    known = set(zip(faces.ids, faces.digests, strict=True))
    assert set(zip(found.ids, found.digests, strict=True)) <= known
