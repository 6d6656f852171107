"""Small data sets on disk, drawn for the test."""

import io

import numpy as np
import pytest
from PIL import Image

from pipelines.datasets.base import EMOTIONS
from pipelines.datasets.fer2013.csv_form import NUMBERS

USAGES = {"train": "Training", "public": "PublicTest", "private": "PrivateTest"}


@pytest.fixture(scope="session")
def faces():
    """{split: {class: [face, ...]}} of noise: 3 for training and 1 each for public and private, a class."""
    rng = np.random.default_rng(7)
    sizes = {"train": 3, "public": 1, "private": 1}
    return {
        split: {name: list(rng.integers(0, 256, (n, 48, 48), dtype=np.uint8)) for name in EMOTIONS}
        for split, n in sizes.items()
    }


def _encoded(picture, form="PNG", **options):
    """Return an image as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def kaggle_files(faces):
    """{name: bytes} in the layout of the Kaggle folder."""
    files = {}
    for split, classes in faces.items():
        top = "train" if split == "train" else "test"
        for name, pictures in classes.items():
            for i, picture in enumerate(pictures):
                files[f"{top}/{name}/{USAGES[split]}_{i}{len(files)}.png"] = _encoded(picture)
    return files


@pytest.fixture
def kaggle(tmp_path, kaggle_files):
    """The Kaggle folder."""
    root = tmp_path / "köggle folder"
    _write_files(root, kaggle_files)
    return root


def _write_files(root, files):
    """Write {name: bytes} below `root`."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _csv_text(faces, form="plain"):
    """Return the faces as fer2013.csv ("plain") or icml_face_data.csv ("icml")."""
    rows = ["emotion,pixels,Usage" if form == "plain" else "emotion, Usage, pixels"]
    for split, classes in faces.items():
        for name, pictures in classes.items():
            for picture in pictures:
                pixels = " ".join(map(str, picture.ravel().tolist()))
                middle = [pixels, USAGES[split]] if form == "plain" else [USAGES[split], pixels]
                rows.append(",".join([str(NUMBERS.index(name)), *middle]))
    return "\n".join(rows) + "\n"


@pytest.fixture(scope="session")
def encoded():
    return _encoded


@pytest.fixture(scope="session")
def write_files():
    return _write_files


@pytest.fixture(scope="session")
def csv_text():
    return _csv_text
