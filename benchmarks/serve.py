"""How ``mueca serve`` stands a crowd: 8 clients for 60 s on loopback; killed in mid-upload, started again.

Run: python benchmarks/serve.py PHOTO... [--seconds 60] [--clients 8]; writes docs/results/serve.txt.
"""

import argparse
import http.client
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from recording import recording

ROOT = Path(__file__).resolve().parents[1]
BOUNDARY = "mueca-benchmark"


class Server:
    """A server process with a temporary folder of its own."""

    def __init__(self, folder):
        self.log = Path(folder) / "log"
        started = time.perf_counter()
        with self.log.open("wb") as to:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "import cli; cli.main()", "serve", "--port", "0"],
                cwd=ROOT, env=os.environ | {"TMPDIR": str(folder)}, stdout=to, stderr=to,
            )  # fmt: skip
        while not (found := re.search(r"open http://127.0.0.1:(\d+)/", self.log.read_text())):
            if self.process.poll() is not None:
                raise SystemExit(self.log.read_text())
            time.sleep(0.05)
        self.port = int(found.group(1))
        while self.health() != 200:
            time.sleep(0.05)
        self.seconds = time.perf_counter() - started

    def health(self):
        """Return the status of /health, 0 without an answer."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/health")
            return connection.getresponse().status
        except OSError:
            return 0

    def memory(self):
        """Return the resident memory in MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


def form(path):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    return head.encode() + path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()


def client(port, bodies, until, times, errors):
    """Send one photo after another over one connection, as a browser does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    for body in itertools.cycle(bodies):
        if time.perf_counter() > until:
            return
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", body, kind)
            answer = connection.getresponse()
            found = json.loads(answer.read())
            if answer.status != 200 or not found["files"][0]["faces"]:
                errors.append(f"{answer.status}: {found}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            errors.append(f"{type(error).__name__}: {error}")
            connection.close()
        times.append(time.perf_counter() - began)


def load(server, photos, clients, seconds):
    bodies, times, errors = [form(p) for p in photos], [], []
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(
            target=client, args=(server.port, bodies[i % len(bodies) :] + bodies, until, times, errors)
        )
        for i in range(clients)
    ]
    began, before = time.perf_counter(), server.memory()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    p50, p95, p99 = np.percentile(times, (50, 95, 99)) * 1000
    crowd = f"{clients} clients for {took:.0f} s, {len(photos)} photos in turn"
    print(f"{crowd}: {len(times)} requests, {len(errors)} errors")
    print(f"{len(times) / took:.1f} photos a second; p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
    print(f"memory before {before:.0f} MiB, after {server.memory():.0f} MiB")
    for error in errors[:5]:
        print(f"error: {error}")
    return errors


def cut_off(server, folder):
    """Begin an upload, and kill the server when half of it lies on the disk."""
    line = socket.create_connection(("127.0.0.1", server.port), 10)
    head = (
        "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999999\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; filename="x"\r\n\r\n'
    )
    line.sendall(head.encode() + bytes(4_000_000))
    while (half := sum(f.stat().st_size for f in Path(folder).glob("mueca-serve-*/*/*"))) < 2_000_000:
        time.sleep(0.01)
    server.process.kill()
    server.process.wait()
    line.close()
    print(f"killed in mid-upload: {half / 1e6:.1f} MB left behind")


def main():
    words = argparse.ArgumentParser()
    words.add_argument("photos", nargs="+", type=Path)
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--clients", type=int, default=8)
    given = words.parse_args()
    with recording("serve"), tempfile.TemporaryDirectory() as folder:
        print(f"load average of the machine before: {os.getloadavg()[0]:.1f}")
        server = Server(folder)
        print(f"answers {server.seconds:.1f} s after its start")
        errors = load(server, given.photos, given.clients, given.seconds)
        left = list(Path(folder).glob("mueca-serve-*/*"))
        print(f"{len(left)} uploads left on the disk")
        cut_off(server, folder)
        again = Server(folder)
        left = list(Path(folder).glob("mueca-serve-*/*"))
        print(f"started again: answers after {again.seconds:.1f} s, {len(left)} uploads left on the disk")
        more = load(again, given.photos, given.clients, min(3, given.seconds))
        again.process.terminate()
        print(f"stopped with exit code {again.process.wait(120)}")
    sys.exit(bool(errors or more or left))


if __name__ == "__main__":
    main()
