"""The folder of an export: it runs without mueca and says what mueca says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from featurize.images import fit_to  # noqa: E402
from pipelines.api import load_dataset, load_model  # noqa: E402
from pipelines.exporting.export import TOLERANCE, export
from pipelines.exporting.heads import NotExportable  # noqa: E402
from pipelines.exporting.network import lone_network, write_network  # noqa: E402

#: Runs a script where nothing of mueca, and none of what it needs beyond the three, can be imported.
ALONE = """
import runpy, sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"featurize", "classifiers", "pipelines", "cli", "cv2", "sklearn", "scipy",
                                  "keras", "tensorflow", "openvino", "numba", "skops"}:
            raise ImportError("not here: " + name)
sys.meta_path.insert(0, Barred())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(script, *words):
    done = subprocess.run([sys.executable, "-I", "-c", ALONE, script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def network(tmp_path_factory, model_folder):
    """Return a model on a small network's vectors, and its export."""
    pytest.importorskip("tf2onnx")
    folder = tmp_path_factory.mktemp("network")
    model = model_folder("ucm-a(weights='random', precision='f32')", data="synthetic(n_per_class=12)")
    return load_model(model), export(model, folder / "out")


@pytest.fixture(scope="module")
def hog(model_folder):
    return model_folder(head="svm", C=10)


def test_a_network_and_its_head_within_the_tolerance(network):
    model, made = network
    assert made.whole
    assert {"extractor.onnx", "head.onnx", "extractor.xml", "head.xml", "predict.py"} <= set(made.files)
    for form in ("onnx", "openvino"):
        assert made.check[form]["vectors_differ_by"] <= TOLERANCE[form]
        assert made.check[form]["scores_differ_by"] <= TOLERANCE[form]
        assert made.check[form]["same_label_as_mueca_here"] >= 0.98
    card = json.loads((made.folder / "export.json").read_text())
    assert card["classes"] == list(model.classes)
    assert card["scores"] == "probabilities"


def test_the_example_runs_without_mueca(network, tmp_path):
    model, made = network
    samples = load_dataset("synthetic").samples
    faces = [samples[i] for i in range(0, 420, 60)]
    paths = [tmp_path / f"{i}.png" for i in range(len(faces))]
    for face, path in zip(faces, paths, strict=True):
        Image.fromarray(face).save(path)
    found = alone(str(made.folder / "predict.py"), *map(str, paths))
    assert [row["label"] for row in found] == model.predict(faces)
    numbers = [[row["probabilities"][name] for name in model.classes] for row in found]
    np.testing.assert_allclose(numbers, model.scores(faces), atol=1e-4)


@pytest.mark.parametrize("shape", [(48, 48), (100, 100, 3), (61, 61), (30, 30), (97, 83)])
def test_the_example_resizes_as_mueca_does(shape):
    from pipelines.exporting import export as module

    text = (Path(module.__file__).with_name("templates") / "faces.py").read_text()
    space = {"np": np}
    exec(text[text.index("def taps") : text.index("for name in")], space)
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    expected = fit_to(image, 48, 3 if image.ndim == 3 else 1).astype(float)
    found = space["resized"](np.atleast_3d(image).astype(float), 48)
    assert np.abs(found.squeeze() - expected).max() <= 1


def test_hand_crafted_vectors_come_from_mueca(hog, tmp_path):
    made = export(hog, tmp_path / "out", ["onnx"])
    assert not made.whole
    assert made.files == ["export.json", "head.onnx", "predict.py"]
    model, faces = load_model(hog), [load_dataset("synthetic").samples[i] for i in range(20)]
    np.save(tmp_path / "v.npy", model.embed(faces))
    found = alone(str(made.folder / "predict.py"), str(tmp_path / "v.npy"))
    assert [row["label"] for row in found] == model.predict(faces)
    assert "must" not in json.loads((made.folder / "export.json").read_text())["input"]
    assert "mueca featurize" in json.loads((made.folder / "export.json").read_text())["input"]["words"]


def test_openvino_alone_leaves_no_onnx(hog, tmp_path):
    assert export(hog, tmp_path / "out", ["openvino"]).files == ["export.json", "head.bin", "head.xml"]


def test_an_older_export_is_replaced_and_anything_else_is_left(hog, tmp_path):
    export(hog, tmp_path / "out", ["onnx"])
    export(hog, tmp_path / "out", ["onnx"])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="no export"):
        export(hog, tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "out"]


def test_a_file_that_says_something_else_is_not_exported(hog, tmp_path, monkeypatch):
    from pipelines.exporting import heads

    right = heads.GRAPHS["classifiers._svc.SVC"]

    def wrong(graph, head):
        scores, label = right(graph, head)
        return graph.op("Neg", scores), label

    monkeypatch.setitem(heads.GRAPHS, "classifiers._svc.SVC", wrong)
    with pytest.raises(NotExportable, match="differs from mueca's own"):
        export(hog, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(hog, tmp_path, capsys):
    import cli

    with pytest.raises(SystemExit) as left:
        cli.main(["export", str(hog), "--out", str(tmp_path / "out"), "--format", "onnx"])
    assert left.value.code == 0
    assert "vectors must come from mueca" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        cli.main(["export", str(tmp_path), "--out", str(tmp_path / "x")])
    assert left.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def written(expression, path):
    """Write a network alone; return its extractor, and what the file makes of (n, h, w, c) pixels."""
    import onnxruntime

    found = lone_network(expression)
    write_network(found, path, {})
    session = onnxruntime.InferenceSession(path)
    return found, lambda pixels: session.run(["vectors"], {"pixels": pixels.astype(np.float32)})[0]


@pytest.mark.parametrize(
    "expression",
    [
        "own-small(views='flip')",
        "vggface2-mobilenet(size=96, views='flip')",
        "own-small(views='six')",
        "vggface2-mobilenet(size=97, views='six', colour=True)",
    ],
)
def test_all_views_of_a_face_are_seen_in_the_file(expression, tmp_path):
    network, run = written(expression, tmp_path / "one.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *network.sized.shape), np.uint8)
    faces = list(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
    np.testing.assert_allclose(run(pixels), network.transform(faces), atol=1e-4)
    if "flip" in expression:  # scaled, a pixel's place is rounded, to the right as to the left
        np.testing.assert_allclose(run(pixels), run(pixels[:, :, ::-1]), atol=1e-5)


def test_blank_faces_give_a_zero_vector_in_the_file(tmp_path):
    network, run = written("vggface2-mobilenet(size=96)", tmp_path / "one.onnx")
    noise = np.random.default_rng(0).integers(0, 100, (1, *network.sized.shape), np.uint8)
    pixels = np.concatenate([noise // 100 + 127, noise // 17 + 127, noise + 100])
    found = run(pixels)
    assert not found[:2].any()
    assert np.linalg.norm(found[2]) == pytest.approx(1, abs=1e-4)


def test_corners_that_opencv_enlarges_are_in_no_file():
    assert lone_network("own-small(views='ten')") is None
