"""What docs/own-faces.md says of folders without classes is what the messages say."""

import pytest

from pipelines.datasets import folder
from tests.helpers import standins


@pytest.mark.parametrize(("make", "name"), [
    (lambda root: standins.raf_db(root / "basic"), "basic"),
    (lambda root: standins.affectnet(root / "affectnet"), "affectnet"),
    (standins.posed, "jaffe"),
    (standins.posed, "KDEF"),
])  # fmt: skip
def test_a_folder_whose_labels_are_elsewhere_names_the_page(make, name, tmp_path):
    make(tmp_path)
    with pytest.raises(ValueError, match=r"docs/own-faces\.md"):
        folder.load(tmp_path / name)


@pytest.mark.parametrize(("make", "name", "loader"), [
    (lambda root: standins.raf_db(root / "basic"), "basic", "raf-db"),
    (lambda root: standins.affectnet(root / "affectnet"), "affectnet", "affectnet"),
    (standins.posed, "jaffe", "jaffe"),
    (standins.posed, "KDEF", "kdef"),
])  # fmt: skip
def test_a_published_set_is_recognised(make, name, loader, tmp_path):
    make(tmp_path)
    with pytest.raises(ValueError, match="--data") as caught:
        folder.load(tmp_path / name)
    assert f"--data '{loader}(path=\"{tmp_path / name}\")'" in str(caught.value)
