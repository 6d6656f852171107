"""Boxes that are given: used as they are, or refused in one line; and where the time of it went."""

import json

import pytest
from PIL import Image as Pillow
from skimage import data as pictures

from featurize.faces import Box
from featurize.images import resize
from pipelines.commands.predict import timing_line
from pipelines.prediction import files
from pipelines.prediction.boxes import read_boxes
from pipelines.prediction.faces import Summary
from pipelines.prediction.predictor import Predictor

HEAD = "file,left,top,width,height\n"


@pytest.fixture(scope="module")
def model(model_folder):
    """Return the folder of a model without a network: TensorFlow is not needed."""
    return model_folder()


@pytest.fixture(scope="module")
def predictor(model):
    return Predictor.load(model)


@pytest.fixture
def photo(tmp_path):
    Pillow.fromarray(pictures.astronaut()).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def table(tmp_path, *rows):
    (tmp_path / "boxes.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return tmp_path / "boxes.csv"


def test_boxes_are_used_as_they_are(tmp_path, photo, predictor):
    given = table(tmp_path, "a.png,170,70,100,100", "a.png,10,300,40.4,60")
    image = pictures.astronaut()
    seen = predictor.look_at(image, read_boxes(given).of(photo, image))
    assert [face.box[:4] for face in seen.faces] == [(170, 70, 270, 170), (10, 300, 50, 360)]
    assert [face.confidence for face in seen.faces] == [1, 1]
    alone = predictor.predict([resize(image[70:170, 170:270], predictor.side)])
    assert seen.faces[0].label == alone[0]


def test_the_command_searches_nothing_and_says_where_the_time_went(tmp_path, photo, model):
    Pillow.fromarray(pictures.coffee()).save(tmp_path / "b.png")  # not in the table: no face
    out = tmp_path / "out.jsonl"
    done = files.run([tmp_path], model=model, out=out, boxes=table(tmp_path, "a.png,170,70,100,100"))
    faces = {r["file"][-5:]: len(r["faces"]) for r in map(json.loads, out.read_text().splitlines())}
    assert faces == {"a.png": 1, "b.png": 0}
    assert set(done.timing) == {"decode", "crop", "network", "head", "write"}
    line = timing_line(done)
    assert line.startswith("time of all threads: ")
    assert "decode" in line
    assert "%" in line


def test_detection_has_its_time(tmp_path, photo, model):
    done = files.run([photo], model=model, out=tmp_path / "out.jsonl")
    assert done.timing["detect"] > 0


def test_a_box_over_the_edge_is_cut_with_the_edge_repeated(predictor):
    (face,) = predictor.look_at(pictures.astronaut(), [Box(-20, -20, 80, 80, True)]).faces
    assert face.box.left == -20


@pytest.mark.parametrize(
    ("row", "piece"),
    [
        ("a.png,nan,0,10,10", "boxes.csv line 2: left is 'nan'; give a number of pixels"),
        ("a.png,0,inf,10,10", "line 2: top is 'inf'"),
        ("a.png,0,0,ten,10", "line 2: width is 'ten'"),
        ("a.png,0,0,,10", "line 2: width is ''"),
        ("a.png,0,0,10,0", "line 2: width 10 and height 0 have no area"),
        ("a.png,0,0,-5,10", "line 2: width -5 and height 10 have no area"),
        (",0,0,5,10", "line 2: no file is named"),
    ],
)
def test_bad_rows(tmp_path, row, piece):
    with pytest.raises(ValueError, match="line 2") as error:
        read_boxes(table(tmp_path, row))
    assert piece in str(error.value)
    assert "\n" not in str(error.value)


def test_a_box_outside_its_image_leaves_out_that_photo(tmp_path, photo, model):
    Pillow.fromarray(pictures.astronaut()).save(tmp_path / "b.png")
    given = table(tmp_path, "a.png,600,0,10,10", "b.png,170,70,100,100")
    done = files.run([photo, tmp_path / "b.png"], model=model, out=tmp_path / "out.jsonl", boxes=given)
    assert [fault.reason for fault in done.faults] == [
        "boxes.csv line 2: the box lies outside the image (512 x 512 pixels)"
    ]
    assert done.faces == 1


def test_other_files_columns_and_videos(tmp_path, photo):
    with pytest.raises(ValueError, match="names none of the photos given"):
        files.run([photo], boxes=table(tmp_path, "other.png,0,0,9,9"))
    with pytest.raises(ValueError, match="it is empty"):
        files.run([photo], boxes=table(tmp_path))
    (tmp_path / "boxes.csv").write_text("file,x,y\na.png,1,2\n")
    with pytest.raises(ValueError, match="no column for left, top, width, height"):
        files.run([photo], boxes=tmp_path / "boxes.csv")
    with pytest.raises(FileNotFoundError):
        files.run([photo], boxes=tmp_path / "none.csv")


def test_nothing_was_done():
    assert timing_line(Summary()) == "time of all threads: none"
