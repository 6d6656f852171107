"""Seconds that ``mueca --help``, other small commands and a prediction take, as whole processes.

Run: python benchmarks/start_up.py. "Cold" is with an empty cache folder, so that the network is built of its
weights and compiled; "warm" with what that left there. Seconds of the clock need a quiet machine; beside them
stand processor seconds, which other work changes less.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recording import recording

#: Words of a command -> the most seconds it may take.
COMMANDS = {
    ("--help",): 0.3, ("fit", "--help"): None, ("list",): 0.3, ("cache", "list"): None,
    ("predict", "PHOTO"): 1.5,
}  # fmt: skip
COLD, TIMES = 3.0, 7


def seconds(words, cache):
    """Return seconds of the clock and of the processors."""
    # As for a user from the second call on: Python keeps the bytecode of what it has imported.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "cli", *words]
    subprocess.run(command, check=True, capture_output=True, env=env | {"MUECA_CACHE": str(cache)})
    taken, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show(name, found, most):
    clock, processors = zip(*found, strict=True)
    target = "" if most is None else f"{most:>8.1f}"
    print(f"{name:<22}{statistics.median(clock):>9.2f}{max(clock):>8.2f}{statistics.median(processors):>12.2f}"
          f"{target:>10}")  # fmt: skip


def main():
    from PIL import Image
    from skimage import data

    print(
        f"{'command':<22}{'median s':>9}{'max s':>8}{'processor s':>12}{'target':>10}   of {TIMES}, after one"
    )
    with tempfile.TemporaryDirectory() as there:
        photo = Path(there, "photo.jpg")
        Image.fromarray(data.astronaut()).save(photo)
        for words, most in COMMANDS.items():
            given = [str(photo) if word == "PHOTO" else word for word in words]
            seconds(given, Path(there, "warm"))
            show(
                f"mueca {' '.join(words)}", [seconds(given, Path(there, "warm")) for _ in range(TIMES)], most
            )
        cold = [seconds(["predict", str(photo)], Path(there, f"cold-{i}")) for i in range(TIMES)]
        show("mueca predict, cold", cold, COLD)


if __name__ == "__main__":
    with recording("start-up"):
        main()
