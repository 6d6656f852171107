"""Videos: classified frame by frame, decoded in a process that may do little; broken, too long, or a lie."""

import json
import socket
import time
from dataclasses import replace

import pytest

from pipelines.prediction.faces import FrameResult
from pipelines.prediction.predictor import Predictor
from pipelines.prediction.video import VideoPredictor, predict_video
from pipelines.web.inference import InferenceService, Job
from pipelines.web.uploads import Limits, RequestError, Upload
from tests.helpers.videofiles import index_first, with_cover
from tests.pipelines.web.conftest import form


@pytest.fixture(scope="module")
def video(video_file):
    """Return the path of a second of a moving face."""
    return video_file(25)


@pytest.fixture(scope="module")
def long_video(video_file):
    """Return the path of 10 seconds at 5 frames a second; `LIMITS` allow 4 seconds."""
    return video_file(50, 160, 120, rate=5.0)


def test_a_time_line(client, video):
    status, answer = client.predict(("face.mp4", video.read_bytes(), "video/mp4"))
    assert status == 200, answer
    (found,) = answer["files"]
    assert (found["kind"], found["width"], found["height"], found["fault"]) == ("video", 320, 240, "")
    times = [m["seconds"] for m in found["moments"]]
    assert times[0] == 0
    assert len(times) == 25, "every frame is classified"
    faces = [m["faces"][0] for m in found["moments"] if m["faces"]]
    assert len(faces) >= 24
    assert len({f["track"] for f in faces}) == 1
    assert faces[-1]["box"]["left"] > faces[0]["box"]["left"] + 20
    assert all(sum(f["probabilities"].values()) == pytest.approx(1, abs=1e-3) for f in faces)
    assert client.left() == []


def test_the_page_says_what_predict_says(client, site, video):
    """One set of defaults: the same clip has the same tracks, labels and numbers."""
    answer = client.predict(("face.mp4", video.read_bytes()))[1]["files"][0]
    with predict_video(video, site.predictor) as timeline:
        rows = [row.as_dict() for row in timeline]
    assert answer["moments"] == rows
    assert answer["left_out"] == ""


@pytest.mark.shared
def test_a_real_clip_has_the_same_tracks_everywhere(shared, serve):
    path = shared / "short_clip.mp4"
    predictor = Predictor.load("small")  # tracks are the detector's: no need of six views
    answer = serve(predictor=predictor, limits=Limits()).predict((path.name, path.read_bytes()))[1]["files"][
        0
    ]
    with predict_video(path, predictor) as timeline:
        rows = [row.as_dict() for row in timeline]
    assert answer["moments"] == rows
    assert len({face["track"] for row in rows for face in row["faces"]}) == 6


def test_a_cover_is_not_judged_and_said(client, video, face):
    data = with_cover(video, face).read_bytes()
    answer = client.predict(("talk.mp4", data))[1]["files"][0]
    assert len(answer["moments"]) == 25
    assert answer["left_out"].startswith("a cover image (mjpeg")


@pytest.mark.parametrize("name", ["a.jpg", "a.txt", "../a"])
def test_a_video_is_one_by_its_bytes(client, video, name):
    status, answer = client.predict((name, video.read_bytes(), "image/jpeg"))
    assert (status, answer["files"][0]["kind"]) == (200, "video")


@pytest.mark.parametrize("container", ["mpegts", "flv"])
def test_what_camcorders_write(client, video, container, tmp_path):
    import av

    path = tmp_path / "x"
    with av.open(str(video)) as old, av.open(str(path), "w", format=container) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    status, answer = client.predict(("a.jpg", path.read_bytes(), "image/jpeg"))
    assert (status, answer["files"][0]["kind"]) == (200, "video"), answer
    assert len(answer["files"][0]["moments"]) > 5


def test_a_truncated_video_is_judged_as_far_as_it_goes_and_says_so(client, video):
    data = index_first(video).read_bytes()
    status, answer = client.predict(("cut.mp4", data[: len(data) * 6 // 10]))
    assert status == 200
    assert "cut off" in answer["files"][0]["fault"]
    assert 6 < len(answer["files"][0]["moments"]) < 25


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[: len(data) // 2],  # the index stands at the end: nothing can be read
        lambda data: data[:100],
        lambda data: data[:32] + bytes(len(data) - 32),
        lambda data: b"\x1a\x45\xdf\xa3" + data,
        lambda data: b"RIFF\xff\xff\xff\xffAVI " + bytes(5000),
        lambda data: b"\0\0\0\x18ftypisom" + b"#EXTM3U\nfile:///etc/passwd\n",
    ],
)
def test_a_broken_video_is_one_line(client, video, harm):
    status, answer = client.predict(("bad.mp4", harm(video.read_bytes())))
    assert status == 422, answer
    assert answer["error"].startswith("bad.mp4: ")
    assert "\n" not in answer["error"]
    assert str(client.site.spool.folder) not in answer["error"]
    assert client.left() == []


def test_a_too_long_video(client, long_video):
    status, answer = client.predict(("long.mp4", long_video.read_bytes()))
    assert status == 413
    assert "10 seconds long; at most 4" in answer["error"]
    assert client.left() == []


def service(client, limits):
    return InferenceService(client.site.predictor, replace(client.site.limits, **limits))


@pytest.mark.parametrize(
    ("limits", "status", "said"),
    [
        ({"frame": 50_000}, 422, "320 x 240"),
        ({"work": 0.05}, 413, "took more than 0.05 s"),
        ({"memory": 2**26}, 422, "decoder gave up"),
    ],
    ids=str,
)
def test_limits_of_the_work(client, video, limits, status, said):
    with pytest.raises(RequestError, match=said) as refused:
        service(client, limits).video(Job(Upload("face.mp4", video)))
    assert refused.value.status == status


def test_a_client_that_goes_ends_the_work(serve, long_video, monkeypatch):
    classified = []

    def slowly(watcher, frame):
        classified.append(frame.index)
        time.sleep(0.2)
        return FrameResult(frame.index, frame.seconds, [], [])

    monkeypatch.setattr(VideoPredictor, "__call__", slowly)
    server = serve(limits=Limits())
    body, kind = form(("long.mp4", long_video.read_bytes()))
    with socket.create_connection(("127.0.0.1", server.port), 10) as line:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        while not classified:
            time.sleep(0.02)
    assert server.left() == []
    assert len(classified) < 25, "it was classified to its end, 50 frames"
    assert server.ask("GET", "/health")[0] == 200


def events(data):
    """Return (kind, record) of server-sent events."""
    blocks = (one.split("\n") for one in data.decode().split("\n\n") if one.startswith("event: "))
    return [(kind.removeprefix("event: "), json.loads(text.removeprefix("data: "))) for kind, text in blocks]


def test_progress_as_events(client, video):
    """How far it is, then the answer that a client without events gets."""
    status, headers, body = client.post(("face.mp4", video.read_bytes()), accept="text/event-stream")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    *told, (last, answer) = events(body)
    assert last == "answer"
    assert {kind for kind, _ in told} == {"progress"}
    assert all(record["name"] == "face.mp4" and record["of"] == pytest.approx(1) for _, record in told)
    seconds = [record["seconds"] for _, record in told]
    assert seconds == sorted(seconds)
    plain = client.predict(("face.mp4", video.read_bytes()))[1]
    for found in (answer, plain):
        found["files"][0].pop("seconds")
    assert answer == plain
    assert client.left() == []


def test_a_fault_as_an_event(client):
    status, _, body = client.post(("words.mp4", b"no video"), accept="text/event-stream")
    assert status == 200
    ((kind, answer),) = events(body)
    assert kind == "answer"
    assert (answer["files"][0]["kind"], answer["files"][0]["status"]) == ("fault", 415)
    status, _, _ = client.ask("POST", "/predict", b"", accept="text/event-stream", content_type="image/png")
    assert status == 422, "what is refused before it is classified keeps its status"


def test_a_client_that_leaves_its_events_keeps_nothing_busy(client, video):
    body, kind = form(("face.mp4", video.read_bytes()))
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as line:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAccept: text/event-stream\r\n"
        line.sendall(f"{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert b"200 OK" in line.recv(4096)
    assert client.left() == []


def test_a_defect_is_an_event_without_its_inside(client, video, monkeypatch):
    def broken(*_):
        raise KeyError("inside")

    monkeypatch.setattr(InferenceService, "video", broken)
    _, _, body = client.post(("face.mp4", video.read_bytes()), accept="text/event-stream")
    assert events(body) == [("error", {"error": "a defect of the server; its screen says which"})]


def test_small_faces_are_looked_for_where_asked(site, client, face, monkeypatch):
    looked = []
    monkeypatch.setattr(
        Predictor, "look", lambda self, image: looked.append(self.crowd) or site_look(self, image)
    )
    client.predict(("a.jpg", face))
    body, kind = form(("a.jpg", face))
    assert client.ask("POST", "/predict?small_faces=true", body, content_type=kind)[0] == 200
    assert client.ask("POST", "/predict?small_faces=perhaps", body, content_type=kind)[0] == 422
    assert looked == [False, True]


def test_another_model_that_ships_answers_where_asked(client, face):
    body, kind = form(("a.jpg", face))
    own, small, *other = (
        json.loads(client.ask("POST", f"/predict{asked}", body, content_type=kind)[2])["files"][0]["faces"][0]
        for asked in ("", "?model=small", "?model=small&small_faces=true")
    )
    assert small["box"] == own["box"]
    assert small["probabilities"] != own["probabilities"]
    assert other[0]["label"] == small["label"]
    status, _, answer = client.ask("POST", "/predict?model=../small", body, content_type=kind)
    assert status == 422
    assert "no model '../small' to choose here; there are: " in json.loads(answer)["error"]


site_look = Predictor.look
