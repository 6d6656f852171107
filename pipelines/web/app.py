"""The application: the page, ``POST /predict``, the reports, ``/docs``, ``/health``."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pipelines.models.folders import DEFAULT
from pipelines.prediction.predictor import Predictor
from pipelines.web.auth import Access
from pipelines.web.bodies import receive_body
from pipelines.web.events import KIND as EVENTS
from pipelines.web.events import Events, Report
from pipelines.web.inference import InferenceService, Job
from pipelines.web.middleware import Guard
from pipelines.web.model_summary import facts_of
from pipelines.web.models import ModelsAnswer, models_of
from pipelines.web.reports import find_results, report_policy
from pipelines.web.schemas import ErrorAnswer, HealthAnswer, PredictAnswer
from pipelines.web.upload_folder import Spool
from pipelines.web.uploads import Limits, RequestError

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
_STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "example.jpg": "image/jpeg",
}
#: Requests that are read and classified at once; one more is refused: bounds what lies in the folder.
_MOST_REQUESTS = 32
#: The body of POST /predict, as OpenAPI has no type for "read it yourself".
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "video/*": {"schema": {"type": "string", "format": "binary"}},
        "application/json": {
            "schema": {"type": "object", "description": "Only with mueca serve --accept-json."},
            "example": {"files": [{"name": "photo.jpg", "data": "/9j/4AAQSkZJRg..."}]},
        },
    },
}
#: What the events of a video look like.
_EVENTS = (
    'event: progress\ndata: {"name": "talk.mp4", "seconds": 2.4, "of": 12.0}\n\n'
    'event: answer\ndata: {"files": [{"kind": "video", "name": "talk.mp4"}]}\n\n'
)
_STATUSES = {
    400: "The form is damaged.",
    401: "The token is missing.",
    403: "From a page of another site.",
    408: "The upload stood still.",
    413: "Too large: bytes, pixels, seconds or files.",
    415: "No image or video that can be read, or no form.",
    421: "Host is not this server.",
    422: "Empty, damaged, or nothing came.",
    503: "Too much waits.",
    507: "No room on the disk.",
}


@dataclass(frozen=True)
class Site:
    """All that the application needs.

    Attributes
    ----------
    predictor : Predictor
    access : Access
    spool : Spool
    limits : Limits
    model : Path or None
        The model's folder, for its predictions.
    reports : Path or None
        Folder of results.
    accept_json : bool
        Whether JSON with base64 is taken.
    """

    predictor: Predictor
    access: Access
    spool: Spool
    limits: Limits = Limits()
    model: Path | None = None
    reports: Path | None = None
    accept_json: bool = False


def create_app(site: Site) -> Guard:
    """Return the application as ASGI.

    Parameters
    ----------
    site : Site
    """
    service = InferenceService(site.predictor, site.limits)
    models = models_of(site.predictor.card, DEFAULT if site.model is None else site.model.name)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    # FastAPI's own pages for the documentation load scripts from elsewhere.
    app = FastAPI(title="mueca", version=version("mueca"), docs_url=None, redoc_url=None, lifespan=life)
    app.description = "Finds the faces of photos and videos and says which expression each shows."
    _add_pages(app, site, models)
    _add_predict(app, site, service, models)
    _add_reports(app, site)
    app.add_exception_handler(RequestError, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)
    return Guard(app, site.access)


def _add_pages(app: FastAPI, site: Site, models: ModelsAnswer) -> None:
    facts = facts_of(site.predictor.card, site.model)

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        found = find_results(site.reports)
        return HTMLResponse(
            _template("page.html.jinja2").render(
                facts=facts,
                limits=site.limits,
                reports=found,
                folder=site.reports,
                stamp=_stamp(),
                models=[one for one in models.models if one.selectable],
            )  # fmt: skip
        )

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_template("docs.html.jinja2").render(stamp=_stamp()))

    @app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name not in _STATIC:
            raise HTTPException(404)
        return Response((_HERE / "static" / name).read_bytes(), media_type=_STATIC[name])

    @app.get("/health", summary="Does it run?")
    async def health() -> HealthAnswer:  # of no thread: it is answered whatever the others do
        return HealthAnswer()

    @app.get("/models", summary="Which model answers, and which others ship")
    async def which() -> ModelsAnswer:
        return models


def _add_predict(app: FastAPI, site: Site, service: InferenceService, models: ModelsAnswer) -> None:
    places = asyncio.Semaphore(_MOST_REQUESTS)

    @app.post(
        "/predict",
        summary="Classify photos and videos",
        description="One or several files as multipart/form-data, or one as the body; what each is, its "
        "bytes say. A file alone that cannot be classified gives its status; among several, an answer of the "
        "kind `fault`. With `Accept: text/event-stream`, events: `progress` of videos, then `answer`. "
        "`model` is the name of a selectable one of `GET /models`.",
        openapi_extra={"requestBody": _BODY},
        response_model=PredictAnswer,
        response_model_exclude_none=True,
        responses={
            200: {"description": "What was found.", "content": {EVENTS: {"example": _EVENTS}}},
            **{code: {"model": ErrorAnswer, "description": text} for code, text in _STATUSES.items()},
        },
    )
    async def predict(request: Request, small_faces: bool = False, model: str | None = None) -> Any:
        other = models.other(model)
        if places.locked():
            raise RequestError(503, "too many requests at once; try again in a few seconds")
        # What is received holds no place: a slow upload keeps nobody else waiting.
        with ExitStack() as held:
            place = held.enter_context(site.spool.place())
            uploads = await receive_body(request, place, site.limits, site.accept_json)

            async def work(report: Report | None = None) -> dict[str, Any]:
                async with places, _while_there(request, report is None) as gone:
                    each = (_answer(service, Job(one, gone, report, small_faces, other)) for one in uploads)
                    return {"files": await asyncio.gather(*each)}

            if EVENTS in request.headers.get("accept", ""):
                return Events(work, held.pop_all())
            found = await work()
        _check_one(found["files"])
        return found


def _check_one(found: list[dict[str, Any]]) -> None:
    """Raise RequestError where the only file could not be classified."""
    if len(found) == 1 and found[0]["kind"] == "fault":
        raise RequestError(found[0]["status"], f"{found[0]['name']}: {found[0]['error']}")


@asynccontextmanager
async def _while_there(request: Request, watched: bool) -> AsyncIterator[threading.Event]:
    """Give an event that is set when the client breaks off, or the work ends.

    Events are cancelled with their client, so nothing watches for that (`watched`).
    """
    gone = threading.Event()

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(0.5)
        gone.set()

    watching = asyncio.create_task(watch()) if watched else None
    try:
        yield gone
    finally:
        if watching is not None:
            watching.cancel()
        gone.set()


async def _answer(service: InferenceService, job: Job) -> dict[str, Any]:
    upload = job.upload
    try:
        return await service.file(job)
    except RequestError as refusal:
        return {"kind": "fault", "name": upload.name, "error": str(refusal), "status": refusal.status}
    except MemoryError:
        return {"kind": "fault", "name": upload.name, "error": "not enough memory for it", "status": 413}


def _add_reports(app: FastAPI, site: Site) -> None:
    @app.get("/reports/{name:path}", include_in_schema=False)
    def report(name: str) -> HTMLResponse:
        # A name is looked up among those found, never joined to a path.
        pages = {found.name: found.page for found in find_results(site.reports)}
        page = pages.get(name)
        if page is None:
            raise HTTPException(404)
        return HTMLResponse(page.read_bytes(), headers={"content-security-policy": report_policy()})


def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, RequestError) else 400
    # Of a refused upload the rest is not read: the connection ends here.
    return JSONResponse({"error": str(error)}, status, headers={"connection": "close"})


def _gone(_: Request, __: Exception) -> JSONResponse:
    return JSONResponse({"error": "the client broke off"}, 400)


def _http(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": getattr(error, "detail", "not found")}, status)


def _failed(request: Request, error: Exception) -> JSONResponse:
    """Answer a defect without its inside; the server's own screen says what it was."""
    log.error("%s %s: unexpected %s: %s", request.method, request.url.path, type(error).__name__, error)
    return JSONResponse({"error": "a defect of the server; its screen says which"}, 500)


@cache
def _stamp() -> str:
    """Return a short hash of the static files, so that no browser keeps those of an older version."""
    parts = b"".join((_HERE / "static" / name).read_bytes() for name in sorted(_STATIC))
    return hashlib.sha256(parts).hexdigest()[:12]


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
