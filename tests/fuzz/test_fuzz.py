"""Damaged and odd inputs, drawn from a seed: each is one line and an exit code, whatever was drawn."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SEED = 20_261
#: Seconds that a command may take on a loaded machine.
PATIENCE = 180.0
#: What is written in the place of a value.
ODD = [
    "", " ", "-1", "0", "1e999", "nan", "inf", "999999999999999999999", "true", "null", "[]", "{}", "[[[]]]",
    "~", "../../x", "/dev/null", "/etc/passwd", "\x00", "\u202e", "\ud7ff", "'", '"', "%s%n", "$(true)",
    "a" * 5000, "hog+", "+", "hog(", "hog(cell=0)", "knn,svm", "1,2,", "=", "--", "*", "?", "2.5", "0x10",
    "1_000", "é",
]  # fmt: skip
LOADED = ("cv2", "scipy.stats", "sklearn.svm", "sklearn.neighbors", "skops.io", "pipelines.api", "yaml",
          "pipelines.evaluation.compare", "pipelines.prediction.files", "pyarrow")  # fmt: skip

Case = tuple[list[str], bool]


def flipped(data: bytes, rng: random.Random, most: int = 8) -> bytes:
    """Return bytes with a few changed, cut off, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, most)):
        at = rng.randrange(max(len(out), 1))
        how = rng.randrange(5)
        if how == 0:
            out[at : at + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            del out[at : at + rng.randrange(1, 64)]
        elif how == 2:
            out[at:at] = rng.randbytes(rng.randrange(1, 32))
        elif how == 3:
            out[at:at] = out[at : at + rng.randrange(1, 200)]
        else:
            del out[at:]
    return bytes(out)


def changed(value: object, rng: random.Random) -> object:
    """Return JSON with one value in it replaced, removed, or of another kind."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        if rng.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], changed(value[at], rng), *value[at + 1 :]]
    return rng.choice([None, [], {}, -1, 0, 10**30, 1.5, float("nan"), True, rng.choice(ODD), [[]], {"": ""}])


class Bed:
    """Sound inputs, and commands on what was made of them."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.rng, self.model = root, random.Random(SEED), model
        rng = np.random.default_rng(SEED)
        for part in ("train", "test"):
            for label in ("happy", "sad"):
                (root / "faces" / part / label).mkdir(parents=True)
                for i in range(4):
                    image = Image.fromarray(rng.integers(0, 256, (48, 48), np.uint8))
                    image.save(root / "faces" / part / label / f"{i}.png")
        rows = [
            f"faces/{p}/{c}/{i}.png,{c},{p}"
            for p in ("train", "test")
            for c in ("happy", "sad")
            for i in range(4)
        ]
        self.table = "file,label,split\n" + "\n".join(rows) + "\n"
        self.recipe = {
            "name": "r", "data": "synthetic(n_per_class=4)", "seed": 0,
            "protocols": [{"protocol": "holdout"}],
            "extractors": ["pixels", {"extractor": "pixels", "mirror": True}],
            "heads": [{"head": "knn", "grid": {"n_neighbors": [1, 3]}}],
        }  # fmt: skip
        self.photos = {
            form: self._photo(form, rng) for form in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
        }
        to = io.BytesIO()
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted((root / "faces").rglob("*.png")):
                archive.write(path, path.relative_to(root / "faces"))
        self.archive = to.getvalue()

    @staticmethod
    def _photo(form: str, rng: np.random.Generator) -> bytes:
        to = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(to, form)
        return to.getvalue()

    def place(self, number: int) -> Path:
        """Return a folder of a case's own."""
        (self.root / str(number)).mkdir()
        return self.root / str(number)

    def cases(self) -> Iterator[Callable[[int], Case]]:
        """Yield what makes each case."""
        for make, count in (
            (self.of_recipe, 90), (self.of_table, 50), (self.of_photo, 50), (self.of_model, 40),
            (self.of_archive, 30), (self.of_words, 60), (self.of_cache, 20), (self.of_results, 20),
        ):  # fmt: skip
            for _ in range(count):
                yield make

    def of_recipe(self, number: int) -> Case:
        to = self.place(number)
        text = json.dumps(self.recipe).encode()
        if self.rng.random() < 0.6:
            made: object = self.recipe
            for _ in range(self.rng.randrange(1, 3)):
                made = changed(made, self.rng)
            text = json.dumps(made).encode()
        else:
            text = flipped(text, self.rng)
        (to / "r.yaml").write_bytes(text)
        return ["compare", str(to / "r.yaml"), "--out", str(to / "out")], False

    def of_table(self, number: int) -> Case:
        path = self.root / f"t{number}.csv"
        path.write_bytes(flipped(self.table.encode(), self.rng))
        return ["featurize", "--data", str(path), "--backbone", "pixels"], False

    def of_photo(self, number: int) -> Case:
        to = self.place(number)
        form = self.rng.choice(sorted(self.photos))
        (to / f"a.{form.lower()}").write_bytes(flipped(self.photos[form], self.rng))
        (to / "none.jpg").write_bytes(self.rng.randbytes(self.rng.randrange(200)))
        return [
            "predict",
            str(to),
            "--detector",
            "none",
            "--model",
            str(self.model),
            "--out",
            str(to / "o.csv"),
        ], True

    def of_model(self, number: int) -> Case:
        folder = self.root / f"m{number}"
        shutil.copytree(self.model, folder)
        path = folder / self.rng.choice(["card.json", "head.skops", "head.skops.json", "manifest.json"])
        before = path.read_bytes()
        if path.suffix == ".json" and self.rng.random() < 0.6:
            path.write_text(json.dumps(changed(json.loads(before), self.rng)))
        else:
            path.write_bytes(flipped(before, self.rng))
        must = path.read_bytes() != before
        if self.rng.random() < 0.4:  # a model of an earlier version
            (folder / "manifest.json").unlink()
            must = False
        photo = next((self.root / "faces").rglob("*.png"))
        return ["predict", str(photo), "--detector", "none", "--model", str(folder)], must

    def of_archive(self, number: int) -> Case:
        path = self.root / f"a{number}.zip"
        path.write_bytes(flipped(self.archive, self.rng))
        os.environ["MUECA_DATA"] = str(self.root / f"data{number}")
        return ["data", "add", "fer2013", str(path)], False

    def of_words(self, number: int) -> Case:
        odd = self.rng.choice([w for w in ODD if "\x00" not in w])
        good = {
            "--data": "synthetic(n_per_class=4)", "--backbone": "pixels", "--head": "knn",
            "--n_neighbors": "1", "--validation": "0.25", "--test": "test", "--seed": "0", "--folds": "2",
            "--scoring": "accuracy", "--kernel-memory": "1GB", "--clahe-tile": "4",
        }  # fmt: skip
        good[self.rng.choice(sorted(good))] = odd
        return ["fit", *[f"{name}={value}" for name, value in good.items()]], False

    def of_cache(self, number: int) -> Case:
        from featurize.store import Store

        store = Store(self.place(number))
        X = np.zeros((5, 2), np.float32)
        entry = store.get({"a": number}, 5, 2, lambda spans: (X[a:b] for a, b in spans))
        path = store.folder / entry.key / "manifest.json"
        made = changed(json.loads(path.read_bytes()), self.rng)
        path.write_bytes(
            json.dumps(made).encode() if self.rng.random() < 0.7 else flipped(path.read_bytes(), self.rng)
        )
        os.environ["MUECA_CACHE"] = str(store.root)
        return ["cache", *self.rng.choice([["list"], ["verify"], ["prune"], ["prune", "--all"]])], False

    def of_results(self, number: int) -> Case:
        folder = self.root / f"m{number}"
        shutil.copytree(self.model, folder)
        path = folder / self.rng.choice(["rows.csv", "predictions.npz", "card.json"])
        path.write_bytes(flipped(path.read_bytes(), self.rng))
        return ["report", str(folder), "--projection", "none"], False


def ran(words: list[str], to: Path) -> tuple[int, str]:
    """Run a command in a process of its own; return its exit code (minus the signal) and its error stream."""
    child = os.fork()
    if child == 0:
        try:
            for number, stream in ((1, "out"), (2, "err")):
                os.dup2(os.open(to / stream, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            import cli

            try:
                cli.main(words)
            except SystemExit as left:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(int(left.code or 0))
        finally:
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
            os._exit(99)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            return code, (to / "err").read_text("utf-8", "replace")
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -99, "it hangs"


@pytest.mark.slow
def test_whatever_is_drawn_is_one_line_and_an_exit_code(tmp_path, model_folder, monkeypatch):
    for name in LOADED:
        __import__(name)
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    bed, bad, done = Bed(tmp_path, model_folder("pixels", "knn")), [], 0
    cache = os.environ["MUECA_CACHE"]
    for number, make in enumerate(bed.cases()):
        words, must_fail = make(number)
        code, err = ran(words, tmp_path)
        os.environ["MUECA_CACHE"] = cache
        done += 1
        wrong = [
            word for word in ("Traceback", "this is a defect", "Errno", "validation error") if word in err
        ]
        silent = code not in (0, 3) and not err.strip() and words[:2] != ["cache", "verify"]
        if code not in (0, 1, 2, 3) or wrong or silent or (must_fail and code == 0):
            print(number, make.__name__, code, words, err[-1500:], flush=True)
            bad.append((number, make.__name__, code, words[:3], err[-400:]))
    assert done >= 300
    assert not bad, "\n".join(map(str, bad))
