"""Images that are odd, or show what only looks like a face: a record of finite numbers, or one line."""

import math

import cv2
import numpy as np
import pytest
from skimage import data as pictures
from sklearn.datasets import load_sample_images

from featurize.faces import Box
from pipelines.prediction import files
from pipelines.prediction.faces import Options
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import predict_video
from tests.helpers.videofiles import moving_face, write


@pytest.fixture(scope="module")
def model(model_folder):
    """Return the folder of a model without a network."""
    return model_folder()


@pytest.fixture(scope="module")
def predictor(model):
    return Predictor.load(model)


@pytest.fixture(scope="module")
def face(predictor):
    """Return an image of a face with a margin of a third, and the box's side in it."""
    photo = pictures.astronaut()
    box = predictor.search(photo)[0].box
    side = box.right - box.left
    third = side // 3
    return photo[max(0, box.top - third) : box.bottom + third, box.left - third : box.right + third], side


def placed(face, side, size, at):
    """Return a grey ground (height, width) with a face of a side at each (x, y)."""
    image = np.full((*size, 3), 128, np.uint8)
    scale = side / face[1]
    small = cv2.resize(face[0], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for x, y in at:
        image[y : y + small.shape[0], x : x + small.shape[1]] = small
    return image


def check(result, image):
    """Assert that a record holds finite numbers that sum to 1, in boxes of some area near the image."""
    for found in result.faces:
        assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-6)
        assert all(math.isfinite(v) for v in (*found.probabilities.values(), found.confidence))
        assert found.box.right > found.box.left
        assert found.box.bottom > found.box.top
        assert found.box.left < image.shape[1]
        assert found.box.top < image.shape[0]
        found.as_dict()


def cartoon():
    image = np.full((300, 300, 3), 255, np.uint8)
    cv2.circle(image, (150, 150), 100, (255, 220, 120), -1)
    for x in (112, 188):
        cv2.circle(image, (x, 125), 12, (0, 0, 0), -1)
    cv2.ellipse(image, (150, 170), (42, 33), 0, 10, 170, (150, 0, 0), 4)
    return image


def statue():
    """A face in stone: relief without colour."""
    grey = cv2.cvtColor(pictures.astronaut(), cv2.COLOR_RGB2GRAY).astype(int)
    return np.clip(128 + 2 * (grey - cv2.GaussianBlur(np.uint8(grey), (0, 0), 12)), 0, 255).astype(np.uint8)


def bald():
    image = pictures.astronaut().copy()
    cv2.ellipse(image, (224, 84), (66, 59), 0, 180, 360, tuple(int(v) for v in image[84, 224]), -1)
    return image


def test_animals_flowers_and_houses_are_no_faces(predictor):
    horse = np.uint8(255 * pictures.horse())
    for image in (
        pictures.chelsea(),
        horse,
        pictures.coffee(),
        pictures.coins(),
        *load_sample_images().images,
    ):
        seen = predictor.look(image)
        assert (seen.faces, seen.skipped) == ([], [])


@pytest.mark.parametrize("image", [statue(), bald()], ids=["statue", "bald head"])
def test_a_face_of_stone_and_a_bald_head_are_found(predictor, image):
    seen = predictor.look(image)
    assert len(seen.faces) == 1
    check(seen, image)


def test_a_cartoon_is_a_face_or_none(predictor):
    check(predictor.look(cartoon()), cartoon())


def test_a_face_of_20_pixels_is_skipped_or_classified_as_asked(model, predictor, face):
    image = placed(face, 20, (200, 260), [(100, 80)])
    seen = predictor.look(image)
    assert (len(seen.faces), len(seen.skipped)) == (0, 1)
    seen = Predictor.load(model, min_face=16).look(image)
    assert len(seen.faces) == 1
    check(seen, image)


@pytest.mark.parametrize("side", [40, 107, 2000])
def test_a_face_that_fills_the_image(predictor, side):
    photo = pictures.astronaut()
    box = predictor.search(photo)[0].box
    image = cv2.resize(photo[box.top : box.bottom, box.left : box.right], (side, side))
    seen = predictor.look(image)
    assert len(seen.faces) == 1
    found = seen.faces[0].box
    assert found.right - found.left > 0.7 * side
    check(seen, image)


def test_five_hundred_faces(model, predictor, face):
    """Each of 38 pixels, side by side; with all their crops at once the memory would grow with the crowd."""
    image = placed(face, 38, (1280, 1600), [(64 * x, 64 * y) for x in range(25) for y in range(20)])
    crowd = Predictor(predictor.model, predictor.find, crowd=True).look(image)
    assert len(crowd.faces) + len(crowd.skipped) >= 350
    check(crowd, image)
    boxes = np.array([found.box[:2] for found in crowd.faces])
    cells = {(x // 64, y // 64) for x, y in boxes}
    assert len(cells) == len(crowd.faces), "none twice"


def test_a_panorama_of_16_to_1(predictor, face):
    at = [(10, 5), (1500, 5), (3000, 5)]
    image = placed(face, 115, (200, 3200), at)
    for given, axis in ((image, 0), (np.ascontiguousarray(image.transpose(1, 0, 2)[:, ::-1]), 1)):
        seen = predictor.look(given)
        check(seen, given)
        if axis == 0:
            assert sorted(round(found.box.left / 500) for found in seen.faces) == [0, 3, 6]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500, 3), (500, 1), (2, 3000), (16, 256, 3), (1, 60_000)])
def test_an_image_one_pixel_high(predictor, shape):
    seen = predictor.look(np.full(shape, 90, np.uint8))
    assert (seen.faces, seen.skipped) == ([], [])


@pytest.mark.parametrize(
    "box",
    [
        Box(10, 10, 10, 40, True), Box(40, 10, 10, 40, True), Box(10, 10, 40, 9, True),
        Box(float("nan"), 10, 40, 40, True), Box(10, 10, float("inf"), 40, True),
    ],
)  # fmt: skip
def test_a_box_of_no_area_or_no_number(predictor, box):
    with pytest.raises((TypeError, ValueError), match="box") as caught:
        predictor.look_at(pictures.astronaut(), [box])
    assert "\n" not in str(caught.value)


def test_a_box_far_outside_is_the_edge_repeated(predictor):
    image = pictures.astronaut()
    check(predictor.look_at(image, [Box(400, 400, 700, 700, True)]), image)


def test_a_table_of_boxes_with_such_ones_names_the_line(tmp_path, model):
    from PIL import Image

    Image.fromarray(pictures.astronaut()).save(tmp_path / "a.png")
    for row, piece in (
        ("a.png,nan,1,40,40", "left"),
        ("a.png,1,1,0,40", "area"),
        ("a.png,1,1,-4,40", "area"),
    ):
        (tmp_path / "boxes.csv").write_text(f"file,left,top,width,height\n{row}\n")
        with pytest.raises(ValueError, match=piece) as caught:
            files.run([tmp_path / "a.png"], Options(), model=model, boxes=tmp_path / "boxes.csv")
        assert "line 2" in str(caught.value)


def test_a_thin_file_is_read_or_named(tmp_path, model):
    from PIL import Image

    Image.fromarray(np.full((1, 300, 3), 90, np.uint8)).save(tmp_path / "thin.png")
    tally = files.run([tmp_path / "thin.png"], Options(), model=model, out=tmp_path / "out.jsonl")
    assert tally.photos + len(tally.faults) == 1
    assert all("\n" not in fault.reason for fault in tally.faults)


@pytest.mark.parametrize("identify", [False, True])
def test_a_video_whose_size_changes_half_way(predictor, tmp_path, identify):
    import av

    parts = []
    for width, height in ((320, 240), (480, 360)):
        path = tmp_path / f"{width}.ts"
        with av.open(str(path), "w") as made:
            stream = made.add_stream("libx264", rate=25, options={"g": "5"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for frame in moving_face(20, width, height):
                made.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            made.mux(stream.encode())
        parts.append(path.read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    with predict_video(tmp_path / "both.ts", predictor, identify=identify) as timeline:
        rows = list(timeline)
    assert [row.frame for row in rows] == list(range(len(rows)))
    assert len(rows) >= 36
    assert {found.track for row in rows for found in row.faces} == ({1} if identify else {1, 2})


def test_a_video_without_a_face_and_one_that_is_all_face(predictor, tmp_path):
    empty = write(
        tmp_path / "empty.mp4", np.random.default_rng(0).integers(0, 255, (12, 120, 160, 3), np.uint8)
    )
    photo = pictures.astronaut()
    box = predictor.search(photo)[0].box
    face = cv2.resize(photo[box.top : box.bottom, box.left : box.right], (240, 240))
    full = write(tmp_path / "full.mp4", [face] * 12)
    counts = []
    for path in (empty, full):
        with predict_video(path, predictor, identify=True) as timeline:
            counts.append([len(row.faces) for row in timeline])
    assert counts == [[0] * 12, [1] * 12]
