"""The other bodies of ``POST /predict``: one file as it is, and, where opted in, JSON with base64."""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.web.uploads import (
    Limits,
    RequestError,
    Upload,
    announced,
    patient,
    receive,
    shown_name,
    too_large,
)

if TYPE_CHECKING:
    from starlette.requests import Request

#: Kinds of a body that is one file; what it is, its bytes say. No form of a page can send these.
_RAW = ("image/", "video/", "application/octet-stream")
_FORM = 'send JSON as {"files": [{"name": "photo.jpg", "data": "BASE64"}]}'


async def receive_body(request: Request, place: Path, limits: Limits, accept_json: bool) -> list[Upload]:
    """Write the files of a request to a folder: of a form, of a raw body, or of JSON.

    Parameters
    ----------
    request : Request
    place : Path
        An empty folder.
    limits : Limits
    accept_json : bool
        Whether JSON with base64 is taken: it is held in memory, a third larger than its files.

    Raises
    ------
    RequestError, ClientDisconnect
        As `receive`.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        if not accept_json:
            raise RequestError(415, "JSON is taken where mueca serve --accept-json says so; send a form")
        return _unpacked(await _read(request, limits), place, limits)
    if kind.startswith(_RAW):
        return [await _raw(request, place, limits)]
    return await receive(request, place, limits)


async def _raw(request: Request, place: Path, limits: Limits) -> Upload:
    upload = Upload(shown_name(request.query_params.get("name", "").encode()), place / "0")
    read = 0
    _check_announced(request, limits)
    with upload.path.open("xb") as file:
        async for chunk in patient(request.stream()):
            read += len(chunk)
            if read > limits.size:
                raise too_large(limits)
            file.write(chunk)
    if not read:
        raise RequestError(422, "no file came; send its bytes as the body")
    return upload


async def _read(request: Request, limits: Limits) -> bytes:
    found = bytearray()
    _check_announced(request, limits)
    async for chunk in patient(request.stream()):
        found += chunk
        if len(found) > limits.size:
            raise too_large(limits)
    return bytes(found)


def _check_announced(request: Request, limits: Limits) -> None:
    if announced(request) > limits.size:
        raise too_large(limits)


def _unpacked(body: bytes, place: Path, limits: Limits) -> list[Upload]:
    try:
        files = json.loads(body)["files"]
        each = [
            (shown_name(str(one.get("name", "")).encode("utf-8", "replace")), one["data"]) for one in files
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RequestError(400, f"the JSON cannot be read; {_FORM}") from None
    if not each:
        raise RequestError(422, f"no file came; {_FORM}")
    if len(each) > limits.files:
        raise RequestError(413, f"more than {limits.files} files in one request; send fewer at once")
    return [_written(place / str(i), name, data) for i, (name, data) in enumerate(each)]


def _name(one: Any) -> str:
    return shown_name(str(one.get("name", "")).encode("utf-8", "replace"))


def _written(path: Path, name: str, data: Any) -> Upload:
    try:
        path.write_bytes(base64.b64decode(data, validate=True))
    except (binascii.Error, TypeError, ValueError):
        raise RequestError(400, f"{name}: its data is no base64; {_FORM}") from None
    return Upload(name, path)
