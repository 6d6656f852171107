"""The work behind the page: a bounded number of threads, one model, one video at a time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from featurize.file_kinds import HEAD, identify
from featurize.images import UnreadableImage, decode, formats
from pipelines.models.folders import shipped_models
from pipelines.models.model import load_model
from pipelines.prediction.faces import box_dict
from pipelines.prediction.predictor import Predictor
from pipelines.web.events import Report
from pipelines.web.uploads import Limits, RequestError, Upload

T = TypeVar("T")

#: Files that may wait for a thread; one more is refused, so that a crowd gets an answer at once.
MAX_WAITING = 128
#: Seconds between two reports of a video's progress.
_PACE = 0.2


@dataclass(frozen=True)
class Job:
    """An upload and how it is classified.

    Attributes
    ----------
    upload : Upload
    gone : threading.Event
        Set when nobody waits for the answer any more: a video is then given up.
    report : callable, optional
        Told how far a video is.
    small_faces : bool
        Whether small faces are looked for in large photos too, which takes long.
    model : str, optional
        Another model that ships; by default the one in use.
    """

    upload: Upload
    gone: threading.Event = field(default_factory=threading.Event)
    report: Report | None = None
    small_faces: bool = False
    model: str | None = None


class InferenceService:
    """Judge uploads with one model, in a few threads.

    Parameters
    ----------
    predictor : Predictor
    limits : Limits
    workers : int, optional
        Threads; by default one a core, at most four: each may hold a decoded photo.
    """

    def __init__(self, predictor: Predictor, limits: Limits, workers: int | None = None) -> None:
        self.predictor, self.limits = predictor, limits
        count = workers or min(4, os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="classify")
        self._videos = ThreadPoolExecutor(1, thread_name_prefix="video")
        self._waiting = 0
        self._others: dict[str, Predictor] = {}
        self._loading = threading.Lock()
        predictor.look(np.zeros((64, 64), np.uint8))
        _make_network(predictor)

    async def file(self, job: Job) -> dict[str, Any]:
        """Return the answer for one upload.

        Parameters
        ----------
        job : Job

        Raises
        ------
        RequestError
            If it cannot be classified, or too much waits.
        """
        with job.upload.path.open("rb") as file:
            kind = identify(file.read(HEAD))
        # Only what begins as a video of a known kind reaches the video decoder: FFmpeg also knows playlists,
        # which name other files. All else is for the image decoder, which says why it does not take it.
        if kind.group == "video":
            return await self._in_thread(self._videos, lambda: self.video(job))
        return await self._in_thread(self._pool, lambda: self.photo(job))

    def predictor_of(self, job: Job) -> Predictor:
        """Return the predictor that a job asks for; with another model, that is read when first asked for."""
        one = self.predictor
        if job.model is not None:
            with self._loading:
                if job.model not in self._others:
                    model = load_model(shipped_models()[job.model])
                    self._others[job.model] = Predictor(model, one.find, one.min_face, one.confidence)
                    _make_network(self._others[job.model])
            one = self._others[job.model]
        if job.small_faces:
            return Predictor(one.model, one.find, one.min_face, one.confidence, crowd=True)
        return one

    def photo(self, job: Job) -> dict[str, Any]:
        """Return what is seen in a photo; blocks.

        Raises
        ------
        RequestError
            413 if it is too large, 415 if it is no image, 422 if it is a broken one or an empty file.
        """
        upload = job.upload
        if upload.path.stat().st_size > self.limits.photo:
            raise RequestError(413, f"a photo of more than {self.limits.photo / 2**20:g} MB; make it smaller")
        started = time.perf_counter()
        image = _decoded(upload, self.limits.pixels)
        seen = self.predictor_of(job).look(image)
        return {
            "kind": "photo",
            "name": upload.name,
            "width": image.shape[1],
            "height": image.shape[0],
            "faces": [face.as_dict() for face in seen.faces],
            "skipped": [box_dict(box) for box in seen.skipped],
            "smallest": seen.smallest,
            "seconds": round(time.perf_counter() - started, 4),
        }

    def video(self, job: Job) -> dict[str, Any]:
        """Return the time line of a video; blocks.

        Raises
        ------
        RequestError
            413 if it is too long, or its frames or the work too large, 422 if it cannot be decoded.
        """
        from pipelines.media.limited import TookTooLong
        from pipelines.media.video_file import UnreadableVideo

        started = time.perf_counter()
        try:
            found = self._moments(job)
        except UnreadableVideo as error:
            raise RequestError(413 if isinstance(error, TookTooLong) else 422, error.reason) from None
        return found | {"seconds": round(time.perf_counter() - started, 3)}

    def _moments(self, job: Job) -> dict[str, Any]:
        from pipelines.media.limited import LimitedVideo
        from pipelines.prediction.video import VideoPredictor

        upload, told, most = job.upload, 0.0, self.limits
        watch = VideoPredictor(self.predictor_of(replace(job, small_faces=False)))
        with LimitedVideo(upload.path, most.frame, most.seconds, memory=most.memory, work=most.work) as video:
            if (video.seconds or 0) > most.seconds:
                raise RequestError(413, f"{video.seconds:.0f} seconds long; at most {most.seconds:g}: cut it")
            moments = []
            for frame in video:
                if job.gone.is_set():
                    raise RequestError(400, "the client broke off")
                moments.append(watch(frame).as_dict())
                if job.report and time.perf_counter() - told > _PACE:
                    told = time.perf_counter()
                    job.report(upload.name, frame.seconds, video.seconds)
            return {
                "kind": "video",
                "name": upload.name,
                "width": video.width,
                "height": video.height,
                "rate": round(video.rate, 3),
                "moments": moments,
                "fault": video.fault,
                "left_out": video.left_out,
            }

    def close(self) -> None:
        """Take no more work."""
        for pool in (self._pool, self._videos):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise RequestError(503, "too much waits already; try again in a few seconds")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            self._waiting -= 1


def _make_network(predictor: Predictor) -> None:
    """Make the network, which is made when first used: no two threads at once, and no photo waits for it."""
    predictor.classify([np.zeros((predictor.side, predictor.side), np.uint8)])


def _decoded(upload: Upload, pixels: int) -> Any:
    data = upload.path.read_bytes()
    _check_size(_size(data), pixels)
    try:
        image = decode(data, upload.name)
    except UnreadableImage as error:
        raise RequestError(_status(data, error.reason), error.reason) from None
    _check_size((image.shape[1], image.shape[0]), pixels)  # of a damaged header nothing was known before
    return image


def _check_size(size: tuple[int, int] | None, pixels: int) -> None:
    if size is not None and size[0] * size[1] > pixels:
        raise RequestError(
            413, f"{size[0]:,} x {size[1]:,} pixels; at most {pixels:,} in all: make it smaller"
        )


def _status(data: bytes, reason: str) -> int:
    if reason.startswith("not a ") or identify(data[:HEAD]).group not in ("image", "empty"):
        return 415
    return 413 if "make it smaller" in reason else 422


def _size(data: bytes) -> tuple[int, int] | None:
    """Return width and height as the header states them, before anything is decoded; None without one."""
    from PIL import Image

    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image.open(io.BytesIO(data), formats=formats()).size
    return None
