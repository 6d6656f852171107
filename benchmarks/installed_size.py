"""Megabytes that ``pip install`` of a wheel of mueca takes: the core alone, or with extras.

Run: python benchmarks/installed_size.py [EXTRA ...], for example "fit". Builds a wheel, installs it with pip
into a new environment in a temporary folder, predicts on a photo there, and removes both.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from recording import recording

ROOT = Path(__file__).parents[1]
MOST = 900


def megabytes(path):
    return round(
        sum(f.lstat().st_blocks for f in [path, *path.rglob("*")] if not f.is_symlink()) * 512 / 2**20
    )


def wheel(folder):
    """Return a wheel of what is committed, so that nothing is built beside the source."""
    source = Path(folder, "source")
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source)
    return next(Path(folder).glob("mueca-*.whl"))


def run(*command):
    """Run a command that sees nothing of this source."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, env=env)


def main():
    extras = f"[{','.join(sys.argv[1:])}]" if sys.argv[1:] else ""
    with tempfile.TemporaryDirectory() as there:
        environment = Path(there, "venv")
        venv.create(environment, with_pip=True)
        python = environment / "bin" / "python"
        empty = megabytes(environment)
        run(python, "-m", "pip", "install", "-q", f"{wheel(there)}{extras}")
        packages = next(environment.glob("lib/python*/site-packages"))
        sizes = sorted(((megabytes(p), p.name) for p in packages.iterdir() if p.is_dir()), reverse=True)
        print(f"mueca{extras}: {megabytes(environment)} MB, {empty} of them Python's environment and pip")
        print(f"target for the core: {MOST} MB")
        print("\n".join(f"{size:>6}  {name}" for size, name in sizes[:16]))
        print(check(python, there))


def check(python, there):
    """Return what the environment says to a photo."""
    import cv2
    from skimage import data

    cv2.imwrite(str(Path(there, "photo.jpg")), data.astronaut()[..., ::-1])
    command = [python.with_name("mueca"), "predict", "photo.jpg", "--format", "csv"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=there, check=True, capture_output=True, text=True, env=env)
    return f"there: {done.stderr.strip().splitlines()[-1]}"


if __name__ == "__main__":
    with recording("installed-size"):
        main()
