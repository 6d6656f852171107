"""Videos in, a row a frame out: times, turns and faces as they are; what is broken is said."""

import math
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.media.video_file import UnreadableVideo, VideoFile, VideoWriter
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import Smoother, predict_video
from tests.helpers.videofiles import index_first, moving_face, turned, write


@pytest.fixture(scope="module")
def judge(model_folder):
    """Return a predictor that needs no network."""
    return Predictor.load(model_folder())


@pytest.fixture(scope="module")
def face_video(video_file):
    """Return 30 frames of a face that goes to the right."""
    return video_file(30)


def times(path, **given):
    with VideoFile(path, **given) as video:
        return [frame.seconds for frame in video], video.fault


def test_one_face_is_one_track(judge, face_video):
    with predict_video(face_video, judge) as timeline:
        rows = list(timeline)
    assert not timeline.fault
    assert [row.frame for row in rows] == list(range(30))
    assert {face.track for row in rows for face in row.faces} == {1}
    assert all(len(row.faces) == 1 for row in rows)
    moved = rows[-1].faces[0].box.left - rows[0].faces[0].box.left
    assert 50 <= moved <= 66  # 58 pixels
    record = rows[7].as_dict()
    assert record["seconds"] == pytest.approx(7 / 25)
    assert sum(record["faces"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)


def test_following_finds_what_searching_every_frame_finds(judge, face_video):
    boxes = {}
    for every in (1, 10):
        with predict_video(face_video, judge, every=every) as timeline:
            boxes[every] = [row.faces[0].box for row in timeline]
    apart = np.abs(np.array(boxes[1])[:, :4] - np.array(boxes[10])[:, :4])
    assert apart.max() <= 24  # dlib's boxes come in steps of a fifth


def test_a_drawn_video_has_the_times_of_the_original(judge, tmp_path):
    seconds = np.cumsum([0, 0.02, 0.2, 0.04, 0.5, 0.04, 0.1, 0.03])
    source = write(tmp_path / "uneven.mp4", moving_face(8), seconds)
    with predict_video(source, judge, drawn=tmp_path / "marked.mp4") as timeline:
        rows = list(timeline)
    np.testing.assert_allclose([row.seconds for row in rows], seconds, atol=1e-3)
    found, fault = times(tmp_path / "marked.mp4")
    np.testing.assert_allclose(found, seconds, atol=1e-3)
    assert not fault
    assert sorted(p.name for p in tmp_path.iterdir()) == ["marked.mp4", "uneven.mp4"]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_telephone_video_is_upright(degrees, tmp_path):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = 255  # white at top left
    path = turned(write(tmp_path / "turned.mp4", [picture] * 3), degrees)
    with VideoFile(path) as video:
        frame = next(iter(video))
    assert frame.image.shape == ((64, 48, 3) if degrees != 180 else (48, 64, 3))
    expected = np.rot90(picture, -degrees // 90)
    assert np.abs(frame.image.astype(int) - expected).mean() < 8
    assert (video.height, video.width) == frame.image.shape[:2]


def test_a_face_in_a_turned_video_is_found(judge, tmp_path):
    lying = np.ascontiguousarray(np.rot90(moving_face(2), 1, axes=(1, 2)))
    with predict_video(turned(write(tmp_path / "v.mov", lying)), judge) as timeline:
        assert [len(row.faces) for row in timeline] == [1, 1]


def test_a_video_that_is_cut_off_gives_what_is_there(judge, face_video, tmp_path):
    whole = index_first(face_video).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with predict_video(tmp_path / "cut.mp4", judge) as timeline:
        rows = list(timeline)
    assert 5 < len(rows) < 25
    assert timeline.fault == f"ends at frame {len(rows)} of 30: cut off; copy the file again"


def test_damaged_packets_are_passed_over(face_video, tmp_path):
    data = bytearray(index_first(face_video).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    (tmp_path / "damaged.mp4").write_bytes(data)
    found, fault = times(tmp_path / "damaged.mp4")
    assert 20 <= len(found) <= 30
    assert "damaged in" in fault or "ends at frame" in fault


@pytest.mark.parametrize("container", ["mkv", "avi", "webm", "ts"])
def test_cut_off_in_other_containers(face_video, tmp_path, container):
    import av

    path = tmp_path / f"v.{container}"
    codec = "libvpx" if container == "webm" else "libx264"
    with av.open(str(path), "w") as made, VideoFile(face_video) as video:
        stream = made.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 320, 240, "yuv420p", 5
        for frame in video:
            made.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image)))
        made.mux(stream.encode())
    found, fault = times(path)
    assert (len(found), fault) == (30, "")
    np.testing.assert_allclose(np.diff(found), 1 / 25, atol=2e-3)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.7)])  # the first frame is half of a .webm
    found, fault = times(path)
    assert 3 < len(found) < 25
    assert container == "ts" or "cut off" in fault  # a transport stream promises no length


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be opened as a video"),
        (b"\0" * 5000, "cannot be opened as a video"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "cannot be opened as a video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "cannot be opened as a video"),
        (b"<svg onload=alert(1)>", "cannot be opened as a video"),
    ],
)
def test_no_video(content, said, tmp_path):
    (tmp_path / "v.mp4").write_bytes(content)
    with pytest.raises(UnreadableVideo, match=said) as caught:
        VideoFile(tmp_path / "v.mp4")
    assert "\n" not in str(caught.value)


def test_an_index_that_is_missing(face_video, tmp_path):
    data = face_video.read_bytes()
    (tmp_path / "v.mp4").write_bytes(data[: len(data) // 2])  # the index stood at the end
    with pytest.raises(UnreadableVideo, match="copy it again"):
        VideoFile(tmp_path / "v.mp4")


def test_sound_without_pictures(tmp_path):
    import av

    with av.open(str(tmp_path / "sound.mp4"), "w") as made:
        stream = made.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        made.mux(stream.encode(frame))
        made.mux(stream.encode())
    with pytest.raises(UnreadableVideo, match="only sound"):
        VideoFile(tmp_path / "sound.mp4")


def test_frames_that_are_too_large_are_refused_before_decoding(face_video):
    with pytest.raises(UnreadableVideo, match="320 x 240, more than 1,000 pixels"):
        VideoFile(face_video, max_pixels=1000)


def test_a_header_that_lies_about_its_size(face_video, tmp_path):
    """The container's width and height say 16 x 16, the stream's own 320 x 240."""
    data = face_video.read_bytes()
    old, new = (320).to_bytes(2) + (240).to_bytes(2), (16).to_bytes(2) + (16).to_bytes(2)
    assert data.count(old) == 1
    (tmp_path / "liar.mp4").write_bytes(data.replace(old, new))
    with pytest.raises(UnreadableVideo, match="pixels|decoded"), VideoFile(tmp_path / "liar.mp4", 1000) as v:
        list(v)


def test_at_most_so_many_seconds(face_video):
    found, fault = times(face_video, max_seconds=0.5)
    assert found[-1] <= 0.5
    assert "longer than 0.5 s" in fault


def test_memory_does_not_grow_with_the_length(judge, tmp_path):
    frames = moving_face(40, 240, 180)
    path = write(tmp_path / "long.mp4", (frames[i % 40] for i in range(160)))
    peaks = []
    with predict_video(path, judge) as timeline:
        for row in timeline:
            if row.frame == 20:  # what is loaded once is loaded
                tracemalloc.start()
            if row.frame in (60, 159):
                peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.1 + 100_000


def test_a_video_left_early_leaves_no_file(judge, face_video, tmp_path):
    with predict_video(face_video, judge, drawn=tmp_path / "marked.mp4") as timeline:
        next(iter(timeline))
    assert not list(tmp_path.iterdir())


def test_no_face(judge, tmp_path):
    path = write(tmp_path / "grey.mp4", np.full((12, 60, 80, 3), 127, np.uint8))
    with predict_video(path, judge) as timeline:
        assert [row.faces for row in timeline] == [[]] * 12


def test_a_stream_that_changes_its_size(judge, tmp_path):
    import av

    parts = []
    for width, height in ((320, 240), (480, 360)):
        path = tmp_path / f"{width}.ts"
        with av.open(str(path), "w") as made:
            stream = made.add_stream("libx264", rate=25, options={"g": "5"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for frame in moving_face(12, width, height):
                made.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            made.mux(stream.encode())
        parts.append(path.read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    with predict_video(tmp_path / "both.ts", judge, drawn=tmp_path / "marked.mp4") as timeline:
        rows = list(timeline)
    assert len(rows) >= 20
    tracks = [face.track for row in rows for face in row.faces]
    assert set(tracks) == {1, 2}
    with VideoFile(tmp_path / "marked.mp4") as video:
        assert {frame.image.shape for frame in video} == {(240, 320, 3)}


def test_pixels_that_are_not_square(tmp_path):
    import av

    with av.open(str(tmp_path / "wide.mp4"), "w") as made:
        stream = made.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        made.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((120, 160, 3), np.uint8))))
        made.mux(stream.encode())
    with VideoFile(tmp_path / "wide.mp4") as video:
        assert next(iter(video)).image.shape == (120, 320, 3)


def test_odd_sides(tmp_path):
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, 25) as video:
        video.write(np.zeros((51, 63, 3), np.uint8), 0)
    with VideoFile(path) as video:
        assert next(iter(video)).image.shape == (50, 62, 3)


def test_wrong_words(judge, face_video, tmp_path):
    with pytest.raises(ValueError, match="every=0"):
        predict_video(face_video, judge, every=0)
    for smooth in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="smooth="):
            predict_video(face_video, judge, smooth=smooth)
    with pytest.raises(FileNotFoundError, match="no video"):
        predict_video(tmp_path / "none.mp4", judge)


@given(
    st.lists(st.floats(0.001, 5), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 0.1),
    st.floats(0, 3),
)
def test_smoothing_keeps_sums_and_is_still_where_nothing_moves(steps, numbers, tau):
    smooth, row, now = Smoother(tau), np.array(numbers) / sum(numbers), 0.0
    for step in steps:
        now += step
        np.testing.assert_allclose(smooth(1, now, row), row, atol=1e-12)
    jumped = smooth(1, now + 1, row[::-1])
    assert jumped.sum() == pytest.approx(1)
    share = 1 - math.exp(-1 / tau) if tau else 1
    np.testing.assert_allclose(jumped, row + share * (row[::-1] - row), atol=1e-9)


def test_smoothing_is_the_same_at_any_rate():
    slow, fast = Smoother(0.5), Smoother(0.5)
    a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    slow(1, 0, a)
    fast(1, 0, a)
    for i in range(1, 11):
        last = fast(1, i / 10, b)
    np.testing.assert_allclose(slow(1, 1, b), last)


#: The shots of the real clip: the stage, a head from the side, the stage, people who listen.
SHOTS = ((0, 20), (20, 82), (82, 211), (211, 275))


@pytest.mark.shared
def test_a_real_video_with_cuts(judge, shared):
    """Four shots: the face on the stage is one track, and no track goes across a cut."""
    with predict_video(shared / "short_clip.mp4", judge) as timeline:
        rows = list(timeline)
    assert len(rows) == 275
    assert not timeline.fault
    singer = [face.track for row in rows[95:205] for face in row.faces]
    assert len(set(singer)) == 1
    assert len(singer) >= 105
    after = {face.track for row in rows[215:] for face in row.faces}
    assert not after & set(singer)
    # By eye: the singer in two shots, and four people who listen; each is found, and is one track.
    assert [len({face.track for row in rows[a:b] for face in row.faces}) for a, b in SHOTS] == [1, 0, 1, 4]
    assert len({face.track for row in rows for face in row.faces}) == 6


@pytest.mark.shared
def test_the_singer_is_one_person(judge, shared):
    with predict_video(shared / "short_clip.mp4", judge, identify=True) as timeline:
        rows = list(timeline)
    assert [row.frame for row in rows] == list(range(275))
    people = [{face.track for row in rows[a:b] for face in row.faces} for a, b in SHOTS]
    assert people[0] == people[2] == {1}
    assert len(people[3] - {1}) == 4
