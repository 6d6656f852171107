"""``mueca serve``: takes the port, loads the model once, says where the page is, stops cleanly."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from featurize.detect import detector
from featurize.paths import expanded
from pipelines.models.model import model_folder
from pipelines.prediction.predictor import Predictor
from pipelines.web.auth import access_for, is_loopback
from pipelines.web.upload_folder import Spool
from pipelines.web.uploads import Limits

if TYPE_CHECKING:
    from pipelines.web.auth import Access

#: What the extra `web` brings.
_NEEDED = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python-multipart": "python_multipart"}
#: Files and connections that may be open at once, where the system allows it.
_OPEN_FILES = 4096


@dataclass(frozen=True)
class Options:
    """How to serve.

    Attributes
    ----------
    host, port
        Where to listen; port 0 takes a free one.
    model : Path, optional
        What ``mueca fit --out`` wrote; by default the model that ships.
    detector : str
    min_face : int, optional
        See `pipelines.prediction.predictor.Predictor`.
    reports : Path, optional
        Folder of results; by default ``results`` where there is one.
    token : str, optional
        Asked of every request; one is made if `host` is not loopback.
    allowed : tuple of str
        More names by which browsers reach the server.
    trusted : tuple of str
        See `Predictor.load`.
    origins : tuple of str
        Other sites whose pages may use the server, such as "https://app.example".
    accept_json : bool
        Whether JSON with base64 is taken.
    limits : Limits
    """

    host: str = "127.0.0.1"
    port: int = 8000
    model: Path | None = None
    detector: str = "auto"
    min_face: int | None = None
    reports: Path | None = None
    token: str | None = None
    allowed: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    accept_json: bool = False
    limits: Limits = field(default_factory=Limits)


def options(given: Mapping[str, Any], limits: Mapping[str, Any]) -> Options:
    """Return `Options` with `Limits`; what is None is as by default."""
    given = {name: expanded(v) if isinstance(v, Path) else v for name, v in given.items()}
    changed = {name: value for name, value in limits.items() if value is not None}
    wanted = {name: value for name, value in given.items() if value is not None}
    return Options(**wanted, limits=Limits(**changed))


def run(options: Options, echo: Callable[[str], None], ready: Callable[[str], Any] | None = None) -> None:
    """Serve until SIGINT or SIGTERM; in the main thread, which alone is told of signals.

    Parameters
    ----------
    options : Options
    say : callable
        Given lines for the person.
    ready : callable, optional
        Given the page's address when it can be opened.

    Raises
    ------
    ValueError, OSError
        One line: the extra is not installed, the port is taken, there is no such model or folder.
    """
    check_installed()
    _raise_open_files()
    detector(options.detector)
    reports = _reports(options.reports)
    access = access_for(options.host, options.allowed, options.token, options.origins)
    with _listening(options.host, options.port) as listener, _stoppable():
        address = page_address(options.host, listener.getsockname()[1], access)
        echo("loading the model")
        predictor = Predictor.load(options.model, options.detector, options.min_face, trusted=options.trusted)
        spool = Spool()
        try:
            app = _app(options, access, spool, predictor, reports)
            _announce(address, options.host, spool, echo)
            uvicorn_server(app, partial(ready, address) if ready else None).run([listener])
        except _Stopped:
            echo("stopped")
        finally:
            spool.close()


def check_installed() -> None:
    """Raise ValueError if what the extra `web` brings is not there."""
    missing = [name for name, module in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ValueError(f"mueca serve needs {', '.join(missing)}: pip install 'mueca[web]'")


def page_address(host: str, port: int, access: Access) -> str:
    """Return what a person opens; with the token, if one is asked for."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + (f"?token={quote(access.token, safe='')}" if access.token else "")


def _raise_open_files() -> None:
    """Let this process open as many files as the system allows it, so that connections do not end it."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    except (ImportError, OSError, ValueError):
        return


def _reports(folder: Path | None) -> Path | None:
    if folder is None:
        return Path("results") if Path("results").is_dir() else None
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {folder}; give --reports what mueca compare --out wrote, or above it"
        )
    return folder


def _app(options: Options, access: Access, spool: Spool, predictor: Predictor, reports: Path | None) -> Any:
    from pipelines.web.app import Site, create_app

    found = Site(
        predictor, access, spool, options.limits, model_folder(options.model), reports, options.accept_json
    )
    return create_app(found)


def _announce(address: str, host: str, spool: Spool, echo: Callable[[str], None]) -> None:
    if spool.removed:
        echo(f"removed the uploads that {spool.removed} killed server(s) had left")
    if not is_loopback(host):
        echo(
            f"warning: {host} is reached from other machines. Only who has the token gets in, but it and "
            "every photo travel unencrypted; put a TLS proxy before it, or use ssh -L"
        )
    echo(f"open {address} (Ctrl-C stops)")


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Take the port before anything heavy is loaded."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, OverflowError):
        raise ValueError(f"--host {host}: no such name or address on this machine") from None
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(place)
            listener.listen(1024)
        except OSError as error:
            raise OSError(_why(error, host, port)) from None
        yield listener


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        other = f"give --port {port + 1}, or --port 0 for a free one"
        return f"port {port} of {host} is taken, by another mueca serve perhaps; {other}"
    if error.errno == errno.EACCES:
        return f"port {port} may be taken by root only; give one above 1023"
    return f"cannot listen on {host}, port {port}: {(error.strerror or str(error)).lower()}"


class _Stopped(Exception):  # noqa: N818 - no error
    """SIGINT or SIGTERM came."""


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn both signals into `_Stopped`, so that the way out is the same and cleans up.

    While uvicorn serves it has handlers of its own; it ends and then raises the signal again.
    """

    def stop(*_: object) -> None:
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except _Stopped:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def uvicorn_server(app: Any, ready: Callable[[], Any] | None = None) -> Any:
    """Return the server of an application; ``run([socket])`` serves until ``should_exit``.

    Parameters
    ----------
    app : ASGI application
    ready : callable, optional
        Called when requests are answered.
    """
    import uvicorn

    from pipelines.web.connections import Connection

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if ready is not None:
                ready()

    # No access log: an address may hold the token. Nothing of uvicorn's own on the screen.
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http=Connection,
        backlog=1024,
        timeout_graceful_shutdown=5,
    )
    return Server(config)
