"""People known again in a video: by their vectors, and only where that is asked for."""

import numpy as np
import pytest
from skimage import data as pictures

from featurize.people import SAME_PERSON, SIDE, vector
from pipelines.media.video_file import VideoFile
from pipelines.prediction import files
from pipelines.prediction.faces import Options
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import predict_video
from tests.helpers.videofiles import write


@pytest.fixture(scope="module")
def model(model_folder):
    """Return the folder of a model without a network: TensorFlow is not needed."""
    return model_folder()


@pytest.fixture(scope="module")
def predictor(model):
    return Predictor.load(model)


@pytest.fixture(scope="module")
def shots():
    """Return two shots of one person with another ground, 640 x 480."""
    face = pictures.astronaut()[20:240, 120:340]
    first, second = np.full((480, 640, 3), 30, np.uint8), np.full((480, 640, 3), 200, np.uint8)
    first[:240], second[240:] = 180, 90
    first[100:320, 60:280] = face
    second[200:420, 380:600] = face[:, ::-1]
    return first, second


@pytest.fixture(scope="module")
def video(shots, tmp_path_factory):
    """Return a video with one person in two shots, and a ground alone between them."""
    empty = np.full((480, 640, 3), 128, np.uint8)
    empty[:, ::2] = 20
    frames = [*[shots[0]] * 12, *[empty] * 3, *[shots[1]] * 12]
    return write(tmp_path_factory.mktemp("identify") / "shots.mp4", frames)


def test_one_person_has_near_vectors(predictor, shots):
    crops = [predictor.find.crop(shot, predictor.search(shot)[0].box, SIDE) for shot in shots]
    assert np.linalg.norm(vector(crops[0]) - vector(crops[1])) < SAME_PERSON


@pytest.mark.parametrize(("identify", "numbers"), [(False, [1, 2]), (True, [1, 1])])
def test_after_a_cut(predictor, video, identify, numbers, tmp_path):
    with predict_video(video, predictor, identify=identify, drawn=tmp_path / "drawn.mp4") as timeline:
        rows = list(timeline)
    assert [row.frame for row in rows] == list(range(27))
    assert [[face.track for face in row.faces] for row in rows] == [
        *[[numbers[0]]] * 12, *[[]] * 3, *[[numbers[1]]] * 12
    ]  # fmt: skip
    with VideoFile(tmp_path / "drawn.mp4") as drawn:
        assert sum(1 for _ in drawn) == 27, "frames that are held are drawn too"


def test_it_is_off_unless_asked_for():
    assert Options().identify is False


def test_it_is_for_videos(tmp_path, model):
    from PIL import Image

    Image.fromarray(pictures.astronaut()).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="--identify is for videos"):
        files.run([tmp_path / "a.png"], Options(identify=True), model=model)
