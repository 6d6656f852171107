"""What docs/files.md and docs/serve.md say is in a file, held against the files that their commands wrote."""

from __future__ import annotations

import csv
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.pages import text_of
from tests.helpers.reader import Reader


def files_are_as_described(reader: Reader) -> None:
    """Check columns, arrays and keys of everything that docs/files.md describes."""
    results = reader.folder / "results" / "small"
    _results(results)
    _report(results)
    _model(reader.folder / "models" / "hog-svm")
    _time_lines(reader.folder)
    _vectors(reader.folder)
    _cache(Path(os.environ["MUECA_CACHE"]))


def answer_is_as_described(reader: Reader) -> None:
    """Check the answer to the request that docs/serve.md shows."""
    both, alone = [json.loads(out) for out in reader.printed if out.startswith('{"files"')]
    photo, video = both["files"]
    assert alone["files"][0]["faces"] == photo["faces"], "a raw body is answered as a form"
    shown = " ".join(_described("docs/serve.md", 'answers `{"files"', "Every field"))
    assert (photo["kind"], video["kind"]) == ("photo", "video")
    for kind, keys in (("photo", {"faces", "skipped", "width", "height"}), ("video", {"moments"})):
        entry = photo if kind == "photo" else video
        assert keys <= entry.keys()
        assert keys <= set(shown.split())
    assert {"seconds", "faces"} <= video["moments"][0].keys()
    assert photo["faces"]
    assert "track" in next(moment for moment in video["moments"] if moment["faces"])["faces"][0]


def _results(folder: Path) -> None:
    section = _section("## Results")
    columns = [
        name
        for row in re.findall(r"^\| ([a-z][\w, ]+?) \|", section, re.MULTILINE)
        for name in row.split(", ")
    ]
    assert columns[0] == "column"
    assert columns[1:] == _header(folder / "rows.csv")
    said = re.search(r"`grid.csv` has one line .*?: (.*?)\. `", section, re.DOTALL)
    assert said
    names = re.sub(r"\s*\([^)]*\)", "", said[1]).replace("\n", " ").split(", ")
    assert names == _header(folder / "grid.csv")
    arrays = re.search(r"RUN.npz` holds\s+`([^`]+)`", section)
    assert arrays
    found = sorted((folder / "predictions").glob("*.npz"))
    assert any(path.name.endswith(".validation.npz") for path in found)
    for path in found:
        with np.load(path, allow_pickle=False) as kept:
            assert set(kept.files) <= set(arrays[1].split(", "))
            assert set(arrays[1].split(", ")) - set(kept.files) <= {"groups"}  # where subjects are known
    assert (folder / "recipe.json").is_file()
    assert (folder / "summary.csv").is_file()


def _report(folder: Path) -> None:
    named = "`report/figures/*.svg, *.pdf, *.png`, `report/tables/*.csv, *.tex, references.bib`"
    assert f"`report/report.html`, {named}" in text_of("docs/files.md")
    for pattern in (
        "report.html", "figures/*.svg", "figures/*.pdf", "figures/*.png", "tables/*.csv", "tables/*.tex",
        "tables/references.bib",
    ):  # fmt: skip
        assert list((folder / "report").glob(pattern)), pattern


def _model(folder: Path) -> None:
    named = set(
        re.findall(
            r"`([\w.]+\.(?:skops|json|csv|npz))`", _section("## A model").replace("head.skops.json", "_")
        )
    )
    assert {"head.skops", "card.json", "rows.csv", "predictions.npz"} <= named
    assert {path.name for path in folder.iterdir() if path.is_file()} == named | {"head.skops.json"}


def _time_lines(folder: Path) -> None:
    section = _section("## Time lines")
    keys = set(re.findall(r"`(\w+)`", section))
    lines = [json.loads(line) for line in (folder / "talk.jsonl").read_text().splitlines()]
    assert lines[0].keys() == {"file", "frame", "seconds", "faces", "skipped"} <= keys
    face = next(line for line in lines if line["faces"])["faces"][0]
    assert face.keys() <= keys
    assert {"track", "box", "confidence", "label"} <= face.keys()
    columns = re.search(r"one row a face: `([^`]+)`", section)
    assert columns
    header = _header(folder / "talk.csv")
    names = columns[1].replace("\n", " ").split(", ")
    assert header[: len(names)] == names
    assert len(header) - len(names) == 7  # a column a class


def _vectors(folder: Path) -> None:
    said = re.search(r"`\.npz`: `X`.*?`\.npy`", _section("## Vectors"), re.DOTALL)
    assert said
    with np.load(folder / "vectors.npz", allow_pickle=False) as kept:
        assert set(kept.files) == set(re.findall(r"`(\w+)`", said[0]))


def _cache(folder: Path) -> None:
    assert "`embeddings/KEY/X.npy` and `manifest.json`" in _section("## The cache")
    entries = [path for path in (folder / "embeddings").iterdir() if re.fullmatch(r"[0-9a-f]{64}", path.name)]
    assert entries
    assert all((entry / "X.npy").is_file() and (entry / "manifest.json").is_file() for entry in entries)


def _section(heading: str) -> str:
    """Return the text of docs/files.md below a heading that begins so."""
    found = re.search(rf"^{heading}.*?\n(.*?)(?=^## |\Z)", text_of("docs/files.md"), re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def _described(page: str, first: str, last: str) -> list[str]:
    """Return what stands between backticks from one place of a page to another."""
    text = text_of(page)
    return re.findall(r"`([^`]+)`", text[text.index(first) : text.index(last)])


def _header(path: Path) -> list[Any]:
    with path.open(newline="") as file:
        return next(csv.reader(file))
