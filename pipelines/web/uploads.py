"""Uploads: streamed to files of a folder, counted as they come; what they are, their own bytes say."""

from __future__ import annotations

import asyncio
import errno
import logging
import unicodedata
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

# It warns of every form that is not as it should be; what matters is raised.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
#: Seconds without a byte after which an upload is given up.
PATIENCE = 30.0
#: Longest name that is repeated in an answer.
_LONGEST_NAME = 120


class RequestError(ValueError):  # noqa: N818 - it says what happened, as UnreadableImage does
    """A request that is not served; `str()` is one line, `status` the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """What is taken.

    Attributes
    ----------
    size : int
        Bytes of a request.
    photo : int
        Bytes of one photo.
    files : int
        Files of a request.
    pixels : int
        Of one photo.
    frame : int
        Pixels of a video's frame.
    seconds : float
        Of a video.
    work : float
        Seconds after which classifying a video is given up.
    memory : int
        Bytes of address space of the process that decodes a video.
    """

    size: int = 256 * 2**20
    photo: int = 64 * 2**20
    files: int = 32
    pixels: int = 50_000_000
    frame: int = 9_000_000  # 4096 x 2160, upright or not
    seconds: float = 120.0
    work: float = 600.0
    memory: int = 2 * 2**30


@dataclass(frozen=True)
class Upload:
    """A file as it came: its own name, cleaned and used for nothing but to be shown, and where it lies."""

    name: str
    path: Path


async def receive(request: Request, place: Path, limits: Limits) -> list[Upload]:
    """Write the files of a multipart/form-data request to a folder, as they come.

    Parameters
    ----------
    request : Request
    place : Path
        An empty folder.
    limits : Limits

    Raises
    ------
    RequestError
        If it is no such request, holds no file or an empty one alone, or is larger than allowed: said before
        the rest is read.
    ClientDisconnect
        If the client breaks off.
    """
    from python_multipart.exceptions import FormParserError

    if announced(request) > limits.size:
        raise too_large(limits)
    with _Files(_boundary(request), place, limits) as files:
        try:
            async for chunk in patient(request.stream()):
                files.feed(chunk)
            files.end()
        except FormParserError:
            raise RequestError(400, "the form is damaged; send it again") from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise RequestError(507, "the server's disk has no room for it; send less, or make room") from None
    if not files.done:
        raise RequestError(422, "no file came; send one or several as multipart/form-data")
    return files.done


def too_large(limits: Limits) -> RequestError:
    """Return what is said of a request of too many bytes."""
    return RequestError(413, f"more than {limits.size / 2**20:g} MB in one request; send less at once")


def announced(request: Request) -> int:
    """Return how many bytes a request says that it has; 0 where it does not."""
    words = request.headers.get("content-length", "0")
    return int(words) if words.isascii() and words.isdigit() else 0


def _boundary(request: Request) -> bytes:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 200:
        raise RequestError(
            415, "send files as multipart/form-data, such as: curl -F files=@photo.jpg; or one as the body"
        )
    return boundary


async def patient(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes; raises `RequestError` where nothing comes for `PATIENCE` seconds."""
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream, None), PATIENCE)
        except TimeoutError:
            raise RequestError(408, f"no byte came for {PATIENCE:g} seconds; send it again") from None
        if chunk is None:
            return
        yield chunk


@dataclass
class _Part:
    """The part of a form that is being read."""

    header: bytes = b""
    value: bytes = b""
    disposition: bytes = b""
    name: str | None = None
    to: IO[bytes] | None = None


@dataclass
class _Files:
    """The other end of the parser: writes each file of the form, and counts."""

    boundary: bytes
    place: Path
    limits: Limits
    done: list[Upload] = field(default_factory=list)

    def __post_init__(self) -> None:
        from python_multipart.multipart import MultipartParser

        calls: dict[str, Any] = {
            "on_part_begin": self._begin,
            "on_header_field": self._header,
            "on_header_value": self._value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._open,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }
        self._parser = MultipartParser(self.boundary, calls)  # type: ignore[arg-type]
        self._part, self._read, self._whole = _Part(), 0, False
        self._stack = ExitStack()

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def feed(self, chunk: bytes) -> None:
        self._read += len(chunk)
        if self._read > self.limits.size:
            raise too_large(self.limits)
        self._parser.write(chunk)

    def end(self) -> None:
        if self._read and not self._whole:
            raise RequestError(400, "the form breaks off before its end; send it again")

    def _begin(self) -> None:
        self._part = _Part()

    def _header(self, data: bytes, start: int, end: int) -> None:
        self._part.header += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        if self._part.header.lower() == b"content-disposition":
            self._part.disposition = self._part.value
        self._part.header = self._part.value = b""

    def _open(self) -> None:
        """Open a file for the part if it is one; a form's other fields are read past."""
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._part.disposition)
        if b"filename" not in options:
            return
        if len(self.done) == self.limits.files:
            raise RequestError(413, f"more than {self.limits.files} files in one request; send fewer at once")
        # Its name here is a number: nothing a client says becomes a path.
        path = self.place / str(len(self.done))
        self._part.name = shown_name(options[b"filename"])
        self._part.to = self._stack.enter_context(path.open("xb"))
        self.done.append(Upload(self._part.name, path))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part.to is not None:
            self._part.to.write(memoryview(data)[start:end])

    def _end(self) -> None:
        if self._part.to is not None:
            self._part.to.close()

    def _finish(self) -> None:
        self._whole = True


def shown_name(given: bytes) -> str:
    """Return a client's file name as it may be shown: no folder, no control character, no endless length."""
    text = given.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    # C: control, format (which turns writing around), surrogate, private.
    plain = "".join(c for c in text if not unicodedata.category(c).startswith("C")).strip()
    return plain[:_LONGEST_NAME] or "unnamed"
