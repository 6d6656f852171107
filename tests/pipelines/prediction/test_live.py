"""Live: what is shown, saved and said; cameras that are not there, or go away."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cli
from pipelines.media import camera
from pipelines.media import window as window_module
from pipelines.media.camera import Camera, CameraError, FileSource
from pipelines.prediction import live
from pipelines.prediction.predictor import load_predictor
from tests.helpers.videofiles import moving_face, write


class Watched:
    """A screen that keeps what it is shown and presses keys at given frames."""

    def __init__(self, keys):
        self.keys, self.shown, self.closed = keys, [], False

    def show(self, image):
        self.shown.append(image)
        return self.keys.get(len(self.shown), [])

    def close(self):
        self.closed = True


class FakeCapture:
    """A camera that gives so many images, then none: unplugged."""

    def __init__(self, frames, opens=True):
        self.frames, self.opens, self.released = list(frames), opens, False

    def isOpened(self):  # noqa: N802 - OpenCV's name
        return self.opens

    def read(self):
        time.sleep(0.002)
        return (True, self.frames.pop(0)[..., ::-1]) if self.frames else (False, None)

    def release(self):
        self.released = True


@pytest.fixture(scope="module")
def face_video(video_file):
    return video_file(12)


@pytest.fixture(scope="module")
def model(model_folder):
    return model_folder()


@pytest.fixture
def unpaced(monkeypatch):
    monkeypatch.setattr(camera, "FileSource", lambda path: FileSource(path, paced=False))


@pytest.mark.usefixtures("unpaced")
def test_boxes_labels_and_a_picture_kept(face_video, model, tmp_path):
    watched = Watched({3: ["save"], 4: ["save"], 8: ["end"]})
    done = live.run(str(face_video), model=model, screen=watched, save_dir=tmp_path / "kept")
    assert (done.frames, len(watched.shown), watched.closed) == (8, 8, True)
    assert done.rate > 0
    assert len(done.saved) == 2  # within one second: no image over another
    np.testing.assert_array_equal(np.asarray(Image.open(done.saved[0])), watched.shown[2])
    plain = moving_face(12)[2].astype(int)
    changed = np.abs(plain - watched.shown[2]).max(axis=2) > 120
    assert changed[:15, :80].mean() > 0.3  # frames a second
    assert changed[60:, 80:].sum() > 200  # a box


@pytest.mark.usefixtures("unpaced")
def test_a_face_the_detector_is_not_sure_of(face_video, model):
    for confidence, seen in ((None, 1), (0.5, 1), (50.0, 0)):
        faces = live.watcher(load_predictor(model, confidence=confidence))
        frames = FileSource(face_video, paced=False)
        assert len(faces(next(iter(frames)))) == seen
        frames.close()


def test_a_model_of_clips(face_video, tmp_path, model_folder):
    clip = model_folder("lbp-top(grid=2)", data="synthetic-clips", C=1)
    path = write(tmp_path / "v.mp4", moving_face(20))
    faces = live.watcher(load_predictor(clip))
    frames = FileSource(path, paced=False)
    assert [len(faces(frame)) for frame in frames] == [0] * 17 + [1] * 3


def test_a_file_keeps_its_pace(face_video):
    started = time.monotonic()
    frames = list(FileSource(face_video))
    took = time.monotonic() - started
    assert took >= frames[-1].seconds - 0.01


def test_frames_that_come_too_late_are_left_out(face_video):
    frames, slow = FileSource(face_video), []
    for frame in frames:
        slow.append(frame.index)
        time.sleep(0.1)  # two and a half frames
    assert len(slow) <= 7


def test_a_camera():
    pictures = [np.full((40, 60, 3), i, np.uint8) for i in range(50)]
    capture = FakeCapture(pictures)
    seen = Camera(0, opened=lambda number: capture)
    frames = iter(seen)
    first = next(frames)
    time.sleep(0.05)
    later = next(frames)
    assert (first.index, later.index) == (0, 1)
    assert int(later.image[0, 0, 0]) - int(first.image[0, 0, 0]) > 3  # the newest, no queue
    assert later.seconds > first.seconds
    seen.close()
    assert capture.released


def test_a_camera_unplugged_in_the_middle(model):
    seen = Camera(0, opened=lambda number: FakeCapture(moving_face(4)))
    watched = Watched({})
    with pytest.raises(CameraError, match="camera 0 stopped giving images") as caught:
        live.show(seen, live.watcher(load_predictor(model)), watched, Path())
    seen.close()
    assert "\n" not in str(caught.value)
    assert watched.shown


def test_one_failed_read_is_forgiven():
    class Blinking(FakeCapture):
        count = 0

        def read(self):
            self.count += 1
            return (False, None) if self.count == 2 else super().read()

    seen = Camera(0, opened=lambda number: Blinking(moving_face(30)))
    frames = iter(seen)
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    seen.close()


def test_a_camera_that_hangs(monkeypatch):
    class Hanging(FakeCapture):
        def read(self):
            time.sleep(0.5)
            return False, None

    monkeypatch.setattr(camera, "PATIENCE", 0.1)
    seen = Camera(0, opened=lambda number: Hanging([]))
    with pytest.raises(CameraError, match="gave no image for"):
        next(iter(seen))


def test_no_camera(monkeypatch):
    with pytest.raises(CameraError, match="no camera 7 .* --source FILE"):
        Camera(7, opened=lambda number: FakeCapture([], opens=False))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "77"], "no camera 77"),
        (["--source", "none.mp4"], "no video none.mp4"),
        (["--source", "words.mp4"], "cannot be opened as a video"),
        (["--source", "words.mp4", "--detector", "harr"], "did you mean 'haar'"),
    ],
)
def test_the_command_in_one_line(words, said, model, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.mp4").write_text("no video")
    with pytest.raises(SystemExit) as left:
        cli.main(["live", "--model", str(model), *words])
    err = capfd.readouterr().err
    assert left.value.code == 1
    assert said in err
    assert err.count("\n") == 1


def test_no_display(face_video, model, monkeypatch, capsys):
    pytest.importorskip("tkinter")
    monkeypatch.delenv("DISPLAY", raising=False)
    if sys.platform != "linux":
        pytest.skip("only X has displays that can be taken away")
    with pytest.raises(SystemExit):
        cli.main(["live", "--model", str(model), "--source", str(face_video)])
    assert "no display to open a window on" in capsys.readouterr().err


def test_no_tk(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(window_module.ScreenError, match="python3-tk"):
        window_module.TkScreen()


@pytest.fixture(scope="session")
def unseen():
    """Return the name of a display that nobody sees; one, as Tk ends the process when a display goes away."""
    pytest.importorskip("tkinter")
    if not shutil.which("Xvfb"):
        pytest.skip("needs Xvfb: apt-get install xvfb")
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"]
    server = subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        yield f":{pipe.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.fixture
def display(unseen, monkeypatch):
    monkeypatch.setenv("DISPLAY", unseen)


@pytest.mark.usefixtures("display")
def test_a_real_window(face_video, model, tmp_path):
    """Shows a video, hears Space and q, and shows what was drawn, pixel by pixel."""
    window = window_module.TkScreen()
    picture = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    assert window.show(picture) == []
    shown = np.array([[window.photo.get(x, y) for x in range(90)] for y in range(60)])
    np.testing.assert_array_equal(shown, picture)
    window.root.focus_force()
    window.root.update()
    for key, asked in (("space", ["save"]), ("x", []), ("q", ["end"]), ("Escape", ["end"])):
        window.root.event_generate(f"<Key-{key}>")
        assert window.show(picture) == asked
    assert window.show(np.zeros((2000, 3000, 3), np.uint8)) == []
    assert window.photo.width() <= window_module.WIDTH
    window.close()


@pytest.mark.usefixtures("display", "unpaced")
def test_the_command_in_a_real_window(face_video, model, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["live", "--model", str(model), "--source", str(face_video)])
    assert left.value.code == 0
    assert "12 frames shown" in capsys.readouterr().err
