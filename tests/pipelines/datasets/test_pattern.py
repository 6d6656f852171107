"""Labels, persons and splits from the names of files."""

from __future__ import annotations

import pytest
from PIL import Image

from pipelines.datasets import registry
from pipelines.datasets.pattern import Pattern
from pipelines.datasets.synthetic.faces import load as draw


@pytest.fixture(scope="module")
def drawn():
    """Return 35 synthetic faces."""
    return draw(n_per_class=5, seed=6).samples


@pytest.fixture
def tree(tmp_path, drawn):
    """Return a function that writes an image under each of some names."""

    def write(*names):
        for i, name in enumerate(names):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawn[i]).save(tmp_path / name)
        return tmp_path

    return write


JAFFE = ("KA.AN1.39.tiff", "KA.HA1.29.tiff", "KM.AN2.10.tiff", "KM.HA3.11.tiff")


def labels(data):
    return [data.classes[y] for y in data.labels]


def refused(data, *words):
    with pytest.raises((ValueError, OSError)) as caught:
        registry.load(data)
    line = str(caught.value)
    assert "\n" not in line
    assert all(word in line for word in words), line


@pytest.mark.parametrize(("pattern", "path", "fields"), [
    ("{subject:2}.{label:2}{_}.{_}.tiff", "a/KA.AN1.39.tiff", {"subject": "KA", "label": "AN"}),
    ("{subject:2}.{label:2}{_}.{_}.tiff", "KA.AN1.39.TIFF", {"subject": "KA", "label": "AN"}),
    ("{split}/{label}/{_}", "x/train/happy/1.png", {"split": "train", "label": "happy"}),
    ("{label}_{subject}.{_}", "very_sad_s1.png", {"label": "very", "subject": "sad_s1"}),
    ("{_:1}{subject:3}{label:2}{_}.jpg", "AF01ANS.JPG", {"subject": "F01", "label": "AN"}),
    ("{label}.png", "happy.jpg", None),
    ("{label}/{_}.png", "1.png", None),
])  # fmt: skip
def test_what_a_pattern_finds(pattern, path, fields):
    assert Pattern(pattern).match(path) == fields


@pytest.mark.parametrize(("pattern", "why"), [
    ("{labell}", "unknown field 'labell'; did you mean 'label'"), ("{label}{label}", "is there twice"),
    ("{label", "fields are written"), ("images", "fields are written"), ("{label:x}", "fields are written"),
])  # fmt: skip
def test_patterns_that_cannot_be(pattern, why):
    with pytest.raises(ValueError, match=why):
        Pattern(pattern)


def test_a_folder_by_its_names(tree):
    root = tree(*(f"{name[:2]}/{name}" for name in JAFFE))
    data = registry.load(
        f"{root}(pattern='{{subject:2}}.{{label:2}}{{_}}.{{_}}.tiff', labels='AN=angry,HA=happy')"
    )
    assert labels(data) == ["angry", "happy", "angry", "happy"]
    assert data.groups.tolist() == ["KA", "KA", "KM", "KM"]
    assert data.name == root.name
    refused(f"{root}(pattern='{{subject:2}}.{{label:2}}{{_}}.tiff', labels='AN=angry')",
            "misses 'HA' (2)")  # fmt: skip
    refused(f"{root}(pattern='{{label:2}}_{{_}}')", "no image is named as", "KA.AN1.39.tiff")
    refused(f"{root}(patern='{{label}}')", "no option 'patern'", "did you mean 'pattern'")


def test_a_folder_that_is_called_like_a_set(tree, monkeypatch):
    import mueca

    monkeypatch.chdir(tree(*(f"jaffe/{name}" for name in JAFFE)))
    pattern = "{subject:2}.{label:2}{_}.tiff"
    assert registry.load(f"jaffe(pattern='{pattern}')").classes == ("AN", "HA")
    assert mueca.Dataset.from_folder("jaffe", pattern=pattern).classes == ("AN", "HA")


def test_what_is_not_named_so_is_counted(tree, caplog):
    root = tree(*JAFFE, "notes.png", "draft.png")
    data = registry.load(f"{root}(pattern='{{_:2}}.{{label:2}}{{_}}.tiff')")
    assert data.ignored["images not named by the pattern"] == 2
    assert "the first is draft.png" in caplog.text
    assert data.groups is None


def test_splits_from_names(tree):
    root = tree("tr_a_1.png", "tr_b_2.png", "te_a_3.png", "te_b_4.png")
    refused(f"{root}(pattern='{{split}}_{{label}}_{{_}}')", "split 'te' of te_a_3.png", "splits='te=test'")
    data = registry.load(f"{root}(pattern='{{split}}_{{label}}_{{_}}', splits='tr=train,te=test')")
    assert data.split.tolist() == ["test", "test", "train", "train"]


CK = tuple(f"{label}/S{who:03d}_00{len(label)}_0000001{frame}.png"
           for label in ("anger", "happy") for who in (1, 2, 3) for frame in (5, 6))  # fmt: skip


@pytest.mark.parametrize(
    "how", [r"""subject="S\d+" """, """subject='(S...)_'""", """pattern='{subject:4}_{_}'"""]
)
def test_persons_of_class_folders(how, tree):
    data = registry.load(f"{tree(*CK)}({how})")
    assert sorted(set(data.groups)) == ["S001", "S002", "S003"]
    assert data.classes == ("anger", "happy")


def test_persons_that_are_not_found(tree):
    root = tree(*CK, "happy/other.png")
    data = registry.load(f"{root}(subject='S\\d+')")
    (fault,) = data.faults
    assert fault.path.endswith("happy/other.png")
    refused(f"{root}(subject='T\\d+')", "is in no file's name", "one is anger/S001")
    refused(f"{root}(subject='(')", "is no regular expression")


def test_one_person_on_both_sides(tree):
    root = tree(*(f"{'train' if '5.png' in name else 'test'}/{name}" for name in CK))
    assert registry.load(root).groups is None
    refused(f"{root}(subject='S\\d+')", "subject S001 is in train and test (3 subjects")
    assert registry.load(f"{root}(subject='S\\d+', allow_leaks=True)").marks == ("leaky",)


def test_labels_of_class_folders_may_be_mapped(tree):
    root = tree(*CK, *(f"odd/{i}.png" for i in range(3)))
    data = registry.load(f"{root}(labels='anger=angry,happy=happy,odd=')")
    assert data.classes == ("angry", "happy")
    assert data.ignored["images labelled odd (left out by the map)"] == 3


def test_a_folder_with_brackets_in_its_name_is_taken_whole(tree):
    root = tree(*(f"faces (old)/{name}" for name in CK))
    assert len(registry.load(root / "faces (old)")) == 12
    assert registry.load(f"{root / 'faces (old)'}(subject='S\\d+')").groups is not None
