"""The ten lines of a notebook: no import but mueca, NumPy and scikit-learn."""

from __future__ import annotations

import ast

import numpy as np
import pytest
from PIL import Image

from pipelines.datasets.synthetic.faces import load as draw

pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

LINES = """
import mueca, numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
head = make_pipeline(StandardScaler(), SVC())
model, result = mueca.fit(images, labels, backbone="hog", head=head, svc__C=[1, 10], store=cache)
frame = result.to_frame()
axes = mueca.plot_confusion(result)
found = model.predict(path)
print(round(result.test.accuracy, 2), found, np.unique(labels).size)
"""


def test_arrays_pipeline_grid_frame_plot_and_a_path(tmp_path, capsys):
    tree = ast.parse(LINES)
    assert len(LINES.strip().splitlines()) == 10
    tops = {a.name.partition(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    tops |= {n.module.partition(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert tops == {"mueca", "numpy", "sklearn"}
    faces = draw(n_per_class=12, seed=5)
    images = np.stack([faces.samples[i] for i in range(len(faces))])
    Image.fromarray(images[0]).save(tmp_path / "face.png")
    labels = np.array(faces.classes)[faces.labels]
    names = {"images": images, "labels": labels, "path": tmp_path / "face.png", "cache": tmp_path / "cache"}
    exec(compile(tree, "a notebook", "exec"), names)
    assert {"accuracy", "head"} <= set(names["frame"].columns)
    assert names["axes"].get_xlabel()
    assert names["found"][0] in faces.classes
    assert capsys.readouterr().out.strip().endswith("7")
