"""What tests of many rooms need: a fitted model's folder, a video, the command line."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.helpers.once import once
from tests.helpers.videofiles import moving_face, write


class Ran(NamedTuple):
    """How a command ended, what it printed, and its error stream."""

    code: int
    out: str
    err: str

    def by_lines(self) -> tuple[int, str, list[str]]:
        """Return the same with the lines of the error stream."""
        return self.code, self.out, self.err.splitlines()


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs ``mueca WORDS`` in this process; no word of it is a traceback."""
    import cli

    def run(*words: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Ran(int(left.value.code or 0), out, err)

    return run


@contextmanager
def svg_alone() -> Iterator[None]:
    """Write charts as SVG alone: two thirds of a report's time are its PDF and PNG files."""
    from pipelines.reporting import report
    from pipelines.utils.figures import FigureWriter

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "FigureWriter", partial(FigureWriter, endings=(".svg",)))
        yield


@pytest.fixture
def svg_charts() -> Iterator[None]:
    """Write charts as SVG alone: for tests of a report whose PDF and PNG files are beside the point."""
    with svg_alone():
        yield


@pytest.fixture(scope="session")
def model_folder(nobodys_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function: what `fit` takes -> the folder it wrote. It is fitted once; nobody changes it.

    Each process of a run fits its own: a model's vectors are looked for in that process's cache.
    """
    from pipelines.api import fit

    root = tmp_path_factory.mktemp("models")

    def fitted(backbone: str = "hog", head: str = "softmax", data: str = "synthetic", **params: Any) -> Path:
        said = [data, backbone, head, *(f"{k}={v}" for k, v in sorted(params.items()))]
        folder = root / "".join(c if c.isalnum() or c in "=.-" else "_" for c in " ".join(said))
        if not folder.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MUECA_CACHE", str(nobodys_folders))  # whatever the test that asks has set
                fit(data, backbone, head, out=folder, **params)
        return folder

    return fitted


@pytest.fixture(scope="session")
def video_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function: what `moving_face` takes, and a rate -> a video with one face, written once."""

    def written(n: int = 25, width: int = 320, height: int = 240, rate: float = 25.0) -> Path:
        name = f"face ñ {n} of {width} x {height} at {rate:g} <b>.mp4"
        return once(tmp_path_factory, name, lambda to: write(to, moving_face(n, width, height), rate=rate))

    return written


@pytest.fixture(scope="session")
def fer2013(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Return a folder that FER2013 is imported into, and the import's report; nobody adds to it."""
    from pipelines.datasets.fer2013 import dataset

    def imported(folder: Path) -> None:
        report = dataset.add(shared / "fer2013.tar.xz", folder)
        (folder / "report.pickle").write_bytes(pickle.dumps(report))

    folder = once(tmp_path_factory, "data sets", imported)
    return folder, pickle.loads((folder / "report.pickle").read_bytes())
