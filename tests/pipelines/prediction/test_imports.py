"""What a prediction on a photo imports: no videos, no recipes, no data sets."""

import ast
import json
import subprocess
import sys

import pytest
from PIL import Image
from skimage import data

from tests.helpers.rooms import ROOT, modules

#: As many modules of pipelines/ as predicting on a photo may import; packages without code are not counted.
MOST = 12
_PROGRAM = """
import json, sys
from cli import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    found = sorted(n for n in sys.modules if n.split(".")[0] in ("pipelines", "pandas"))
    print(json.dumps([left.code, found]))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Return the modules of pipelines/ and pandas that predicting on a photo with a face imports."""
    photo = tmp_path_factory.mktemp("photos") / "photo.jpg"
    Image.fromarray(data.astronaut()).save(photo)
    command = [sys.executable, "-c", _PROGRAM, "predict", str(photo)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record, last = map(json.loads, done.stdout.splitlines())
    assert len(record["faces"]) == 1
    assert last[0] in (0, None)
    return last[1]


def has_code(module):
    """Return whether a module is more than its docstring."""
    return len(ast.parse(modules()[module].read_text("utf-8")).body) > 1


def test_few_modules(imported):
    with_code = [name for name in imported if name.startswith("pipelines") and has_code(name)]
    assert {"pipelines.prediction.photos", "pipelines.models.model"} <= set(with_code)
    assert len(with_code) <= MOST, with_code


@pytest.mark.parametrize(
    "room",
    ["media", "recipe", "evaluation", "cross_validation", "training", "embedding", "metrics", "results",
     "reporting", "web", "exporting", "datasets.base", "prediction.video", "prediction.clips",
     "prediction.chart", "prediction.annotate"],
)  # fmt: skip
def test_nothing_of_what_a_photo_does_not_need(imported, room):
    name = f"pipelines.{room}"
    assert name in modules()
    assert not [other for other in imported if f"{other}.".startswith(f"{name}.")]


def test_no_pandas(imported):
    """scikit-learn imports it where it is there: 290 modules, a tenth of the time."""
    assert not [name for name in imported if name.split(".")[0] == "pandas"]
