"""People known again in a video: by their vectors, and only where that is asked for."""

import numpy as np
import pytest
from skimage import data as pictures

from featurize.track import SAME_PERSON
from pipelines.prediction import files
from pipelines.prediction.faces import Options
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import person, tracker


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


def test_one_person_has_near_vectors(predictor, shots):
    vectors = [person(predictor, shot, predictor.search(shot)[0]) for shot in shots]
    assert np.linalg.norm(vectors[0] - vectors[1]) < SAME_PERSON


@pytest.mark.parametrize(("identify", "numbers"), [(False, [1, 1, 2]), (True, [1, 1, 1])])
def test_after_a_cut(predictor, shots, identify, numbers):
    track = tracker(predictor, 5, identify)
    first, second = shots
    assert [seen.track for frame in (first, first, second) for seen in track(frame)] == numbers


def test_it_is_off_unless_asked_for():
    assert Options().identify is False


def test_it_is_for_videos(tmp_path, model):
    from PIL import Image

    Image.fromarray(pictures.astronaut()).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="--identify is for videos"):
        files.run([tmp_path / "a.png"], Options(identify=True), model=model)
