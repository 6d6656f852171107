"""Every path on which something is written: how it is written, and what a reader finds there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from featurize import weights
from featurize.atomic import AtomicFile, atomic_folder, save_array, write_bytes
from featurize.backbones import weightfile
from featurize.backbones.weightfile import TrainingProvenance
from featurize.manifest import DamagedEntry, read_manifest, read_vectors
from featurize.store import Store
from pipelines.datasets import places
from pipelines.datasets.audit import Audit, Count
from pipelines.datasets.from_python import from_arrays
from pipelines.embedding.files import write_vectors
from pipelines.prediction.outputs import CsvTable, ParquetTable, RecordFile
from pipelines.results.folder import SUMS, ResultsFolder, RunOutput
from pipelines.results.predictions import Predictions, load_predictions
from pipelines.results.rows import Row, append_grid, append_rows, read_grid, read_rows
from pipelines.training.checkpoint import Folder, State
from pipelines.utils.csv_files import write_csv
from pipelines.utils.figures import FigureWriter


@dataclass(frozen=True)
class Write:
    """One path.

    Attributes
    ----------
    write : callable
        Takes a folder and "old" or "new".
    read : callable
        Takes a folder; gives "old", "new", or None where there is nothing. Anything else is half.
    keeps : callable
        Says which names may lie in the folder after a write that went well.
    """

    write: Callable[[Path, str], Any]
    read: Callable[[Path], Any]
    names: frozenset[str]


FILLING = {"old": 1.0, "new": 2.0}


def _which(path: Path, of: Callable[[Path], Any], values: dict[Any, str]) -> Any:
    return values.get(of(path), "half") if path.exists() else None


def _text(name: str, write: Callable[[Path, str], Any], *more: str) -> Write:
    def read(folder: Path) -> Any:
        if not (folder / name).exists():
            return None
        text = (folder / name).read_bytes()
        made: dict[str, bytes] = {}
        for age in ("old", "new"):
            place = folder.with_name(f"{folder.name}-{age}")
            if not (place / name).exists():
                write(place, age)
            made[age] = (place / name).read_bytes()
        return next((age for age, content in made.items() if content == text), "half")

    return Write(write, read, frozenset({name, *more}))


def _array(folder: Path, age: str) -> None:
    with AtomicFile(folder / "a.npy") as temporary:
        save_array(temporary, np.full((300, 7), FILLING[age], np.float32))


def _folder(folder: Path, age: str) -> None:
    with atomic_folder(folder / "model") as to:
        (to / "sub").mkdir()
        (to / "card.json").write_text(age)
        (to / "sub" / "x.bin").write_bytes(age.encode() * 1000)


def _folder_read(folder: Path) -> Any:
    if not (folder / "model").is_dir():
        return None
    found = {(folder / "model" / name).read_text()[:3] for name in ("card.json", "sub/x.bin")}
    return found.pop() if len(found) == 1 else "half"


def _cache(folder: Path, age: str) -> None:
    X = np.full((1100, 3), FILLING["new"], np.float32)
    if age == "new":
        Store(folder).get({"a": 1}, 1100, 3, lambda spans: (X[a:b] for a, b in spans))


def _cache_read(folder: Path) -> Any:
    entries = [p for p in (folder / "embeddings").glob("*") if p.suffix == "" and p.is_dir()]
    if not entries:
        return None
    try:
        X = read_vectors(entries[0], read_manifest(entries[0]))
    except DamagedEntry:
        return "half"
    return _age(set(np.unique(X).tolist()))


def row(run: str, accuracy: float, split: str = "test") -> Row:
    """Return a row of results."""
    return Row(run, "d", "f", "p", split, "e", "s", "h", accuracy=accuracy)


def _rows(folder: Path, age: str) -> None:
    append_rows(folder / "rows.csv", [row(f"r{n}", FILLING[age]) for n in range(3)])


def _rows_read(folder: Path) -> Any:
    found = {one.accuracy for one in read_rows(folder / "rows.csv")}
    return _age(found) if found else None


def _age(values: set[float]) -> str:
    return {frozenset({1.0}): "old", frozenset({2.0}): "new"}.get(frozenset(values), "half")


def _grid(folder: Path, age: str) -> None:
    tried = [{"C": c, "validation": FILLING[age], "fit_s": 0.0} for c in (1, 2)]
    append_grid(folder / "grid.csv", "r", "svm", tried)


def _grid_read(folder: Path) -> Any:
    found = {one.validation for one in read_grid(folder / "grid.csv")}
    return _age(found) if found else None


def predictions(age: str) -> Predictions:
    """Return predictions that are known again."""
    number = int(FILLING[age])
    return Predictions(
        ids=np.array(["a", "b"]), true=np.array([0, 1]), predicted=np.full(2, number - 1),
        scores=np.full((2, 2), number, np.float32), classes=np.array(["x", "y"]),
        clean=np.array([True, False]), probabilistic=False,
    )  # fmt: skip


def _predicted(folder: Path) -> Any:
    if not (folder / "p.npz").exists():
        return None
    return _age({float(v) for v in load_predictions(folder / "p.npz").scores.ravel()})


def _results(folder: Path, age: str) -> None:
    rows = [row("run", FILLING[age], split) for split in ("validation", "test", "test-clean")]
    tried = [{"C": 1, "validation": FILLING[age], "fit_s": 0.0}]
    ResultsFolder(folder).save(RunOutput(rows, predictions(age), predictions(age), tried))


def _results_read(folder: Path) -> Any:
    """Read as the runner does: a run is done with rows and predictions, or it is computed again."""
    results = ResultsFolder(folder)
    rows = results.finished().get("run", [])
    whole = results.has_predictions("run") and results.has_predictions("run", validation=True)
    if not rows:
        return None
    ages = {one.accuracy for one in rows}
    if not whole:  # known as such, and computed again
        return "old" if ages == {1.0} else "half"
    return _age(ages) if len(rows) == 3 else "half"


def _weights(folder: Path, age: str) -> None:
    tensors = {"layer/kernel": np.full((30, 30), FILLING[age], np.float32)}
    weightfile.save(folder / "w.npz", tensors, {"network": age}, TrainingProvenance.of(["ab" * 32], ["x"]))


def _weights_read(folder: Path) -> Any:
    return weightfile.load(folder / "w.npz").card["network"] if (folder / "w.npz").exists() else None


def _checkpoint(folder: Path, age: str) -> None:
    state = State("id", 8, [{"epoch": FILLING[age]}])
    Folder(folder).save(state, [np.full((9, 9), FILLING[age], np.float32)])


def _checkpoint_read(folder: Path) -> Any:
    found = Folder(folder).load()
    return None if found is None else _age({float(found[0].epoch), float(found[1][0][0, 0])})


def _data(age: str) -> Any:
    images = np.random.default_rng(int(FILLING[age])).integers(0, 255, (12, 16, 16), np.uint8)
    return from_arrays(images, ["a", "b"] * 6, name="d")


def _vectors(name: str) -> Callable[[Path, str], Any]:
    def write(folder: Path, age: str) -> None:
        write_vectors(folder / name, _data("old"), np.full((12, 5), FILLING[age], np.float32))

    return write


def _audit(folder: Path, age: str) -> None:
    count = Count("key", int(FILLING[age]), "words")
    Audit("d", False, 12, (count,), (), int(FILLING[age])).write_csv(folder)


def _records(folder: Path, age: str) -> None:
    with RecordFile(folder / "faces.csv") as to, CsvTable(to, ["file"], ["happy"]) as table:
        for n in range(4):
            table.write([[f"{n}.jpg", FILLING[age]]])


def _parquet(folder: Path, age: str) -> None:
    with ParquetTable(folder / "faces.parquet", ["file"], ["happy"]) as table:
        table.write([["a.jpg", FILLING[age]]])


def _figure(folder: Path, age: str) -> None:
    with FigureWriter(folder).drawing("chart", age, (2, 1)) as (_, axes, said):
        axes.plot([0, FILLING[age]])
        said.append("words")


def _pins(folder: Path, age: str) -> None:
    write_bytes(folder / "sha256.json", json.dumps({"vggface2": age}).encode())


def _pins_read(folder: Path) -> Any:
    path = folder / "sha256.json"
    return json.loads(path.read_text())["vggface2"] if path.exists() else None


def _place(folder: Path, age: str) -> None:
    write_bytes(places.place_file(folder, "jaffe"), json.dumps({"path": f"/{age}"}).encode())


def _place_read(folder: Path) -> Any:
    found = places.place_of(folder, "jaffe")
    return None if found is None else found.name


WRITES: dict[str, Write] = {
    "bytes": _text("x.bin", lambda f, age: write_bytes(f / "x.bin", age.encode() * 999)),
    "array": _text("a.npy", _array),
    "folder": Write(_folder, _folder_read, frozenset({"model"})),
    "cache": Write(_cache, _cache_read, frozenset({"embeddings"})),
    "rows": Write(_rows, _rows_read, frozenset({"rows.csv", "rows.lock"})),
    "grid": Write(_grid, _grid_read, frozenset({"grid.csv", "grid.lock"})),
    "predictions": Write(lambda f, age: predictions(age).save(f / "p.npz"), _predicted, frozenset({"p.npz"})),
    "results": Write(
        _results,
        _results_read,
        frozenset({"rows.csv", "rows.lock", "grid.csv", "grid.lock", "predictions", SUMS}),
    ),
    "weights": Write(_weights, _weights_read, frozenset({"w.npz"})),
    "checkpoint": Write(_checkpoint, _checkpoint_read, frozenset({"state.npz", "history.csv"})),
    "vectors.npz": _text("v.npz", _vectors("v.npz")),
    "vectors.npy": _text("v.npy", _vectors("v.npy"), "v.ids.csv"),
    "vectors.csv": _text("v.csv", _vectors("v.csv")),
    "vectors.parquet": _text("v.parquet", _vectors("v.parquet")),
    "table": _text("t.csv", lambda f, age: write_csv(f / "t.csv", [{"a": FILLING[age]}] * 50)),
    "audit": _text("summary.csv", _audit, "findings.csv"),
    "records.csv": _text("faces.csv", _records, "faces.partial.csv"),
    "records.parquet": _text("faces.parquet", _parquet),
    "chart": _text("chart.svg", _figure, "chart.png", "chart.pdf"),
    "pins": Write(_pins, _pins_read, frozenset({"sha256.json"})),
    "place of a set": Write(_place, _place_read, frozenset({"jaffe.json"})),
}
assert weights.folder is not None
