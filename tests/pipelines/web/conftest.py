"""A real server on a free port, and requests to it as a client that knows no rules would send them."""

import http.client
import io
import json
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from pipelines.prediction.predictor import Predictor
from pipelines.web.app import Site, create_app
from pipelines.web.auth import access_for
from pipelines.web.server import uvicorn_server
from pipelines.web.upload_folder import Spool
from pipelines.web.uploads import Limits

LIMITS = Limits(size=6 * 2**20, photo=5 * 2**20, files=3, seconds=4.0, work=60.0)


class Client:
    """A server in a thread, and what is asked of it."""

    def __init__(self, site):
        self.site = site
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.server = uvicorn_server(create_app(site))
        self._thread = threading.Thread(target=self.server.run, args=([self._listener],), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.server.should_exit = True
        self._thread.join(20)
        self.site.spool.close()

    def ask(self, method, path, body=None, **headers):
        """Return status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def predict(self, *files, **headers):
        """Send (name, bytes[, declared type]) files; return status and JSON."""
        status, _, answer = self.post(*files, **headers)
        return status, json.loads(answer)

    def post(self, *files, **headers):
        """Send files; return status, headers and body."""
        body, kind = form(*files)
        return self.ask("POST", "/predict", body, **{"content_type": kind, **headers})

    def left(self):
        """Return what lies in the spool, once nothing changes there."""
        for _ in range(60):
            if not (found := list(self.site.spool.folder.iterdir())):
                return []
            time.sleep(0.05)
        return found


def form(*files, boundary="mueca-test"):
    """Return the body and the type of a form with these files; names go in as they are."""
    body = b""
    for name, data, *kind in files:
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            f"Content-Type: {kind[0] if kind else 'image/png'}\r\n\r\n"
        ).encode() + data + b"\r\n"  # fmt: skip
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def encoded(image, form="PNG", **options):
    """Return an image's file."""
    to = io.BytesIO()
    Image.fromarray(np.asarray(image)).save(to, form, **options)
    return to.getvalue()


@pytest.fixture(scope="session")
def face():
    """Return a photo with one face, as a JPEG."""
    return encoded(pictures.astronaut()[:300, :400], "JPEG", quality=92)


@pytest.fixture(scope="session")
def model(model_folder):
    """Return the folder of a model that loads quickly."""
    return model_folder()


@pytest.fixture(scope="session")
def site(model, tmp_path_factory):
    spool = Spool(tmp_path_factory.mktemp("spool"))
    return Site(Predictor.load(model), access_for("127.0.0.1"), spool, LIMITS, model)


@pytest.fixture(scope="session")
def client(site):
    started = Client(site)
    yield started
    started.close()


@pytest.fixture
def serve(site, tmp_path):
    """Return a function that starts a server as `site`, changed."""
    started = []

    def start(**changes):
        spool = Spool(tmp_path)
        started.append(Client(replace(site, spool=spool, **changes)))
        return started[-1]

    yield start
    for server in started:
        server.close()
