"""The command line as a user meets it: one clear line, the right exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer

import cli

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def mueca(capsys):
    """Run a command in this process; return code, output, error lines."""

    def run(*words):
        with pytest.raises(SystemExit) as left:
            cli.main([str(w) for w in words])
        out, err = capsys.readouterr()
        return left.value.code, out, err.splitlines()

    return run


@pytest.fixture
def faces(tmp_path):
    """Make a folder of 3 classes x 8 images with a name that has spaces and other letters."""
    folder = tmp_path / "mis caras ñ 表情"
    rng = np.random.default_rng(0)
    for k, name in enumerate(("happy", "sad", "ánger")):
        (folder / "train" / name).mkdir(parents=True)
        (folder / "test" / name).mkdir(parents=True)
        for i in range(11):
            image = np.clip(rng.normal(80 * k + 40, 20, (48, 48)), 0, 255).astype(np.uint8)
            part = "train" if i < 8 else "test"
            cv2.imencode(".png", image)[1].tofile(folder / part / name / f"{i} é.png")
    return folder


COMMANDS = [
    [], ["featurize"], ["fit"], ["compare"], ["report"], ["list"], ["data"], ["data", "add"],
    ["train"], ["cross-validate"], ["predict"], ["live"], ["export"], ["doctor"], ["weights"],
    ["data", "audit"], ["data", "list"], ["cache"],
    ["cache", "list"], ["cache", "verify"], ["cache", "prune"], ["profile"], ["serve"],
]  # fmt: skip


def test_version(mueca):
    assert mueca("--version") == (0, f"mueca {version('mueca')}\n", [])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(mueca, command):
    code, out, err = mueca(*command, "--help")
    assert code == 0
    assert "Usage: mueca" in out
    assert not err


HEAVY = """numpy cv2 sklearn sklearnex scipy skimage dlib tensorflow keras openvino pyarrow pandas skops
joblib numba yaml"""
#: What of our own the options are made from; each imports nothing heavy.
LIGHT = {"cli", "pipelines", "pipelines.utils", "pipelines.utils.console", "pipelines.utils.progress",
         "pipelines.utils.renamed", "pipelines.training", "pipelines.training.fields",
         "pipelines.cross_validation", "pipelines.cross_validation.protocol"}  # fmt: skip


def test_help_imports_nothing_heavy():
    """Of every command: what it works with is imported when it is called."""
    commands = [[], *([name] for name in typer.main.get_command(cli.application()).commands)]
    code = (
        "import sys, cli\n"
        f"for words in {commands!r}:\n"
        "    try:\n        cli.main([*words, '--help'])\n    except SystemExit as left:\n"
        "        assert left.code == 0, words\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    found = set(done.stderr.split())
    assert not found & set(HEAVY.split())
    ours = {name for name in found if name.split(".")[0] in ("cli", "pipelines", "featurize", "classifiers")}
    assert {name for name in ours if not name.startswith("pipelines.commands")} <= LIGHT


def test_the_list_imports_no_images_and_no_network():
    """What it names is imported for its parameters; reading a set and asking the net are not."""
    code = "import sys, cli\ntry:\n    cli.main(['list'])\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    found = set(done.stderr.split())
    assert "fer2013" in done.stdout
    unneeded = ["ssl", "urllib.request", "sklearn", "scipy", "pandas", "matplotlib", "openvino"]
    reading = {f"pipelines.datasets.{name}" for name in ("base", "adding", "listing")}
    assert not found & {*unneeded, *reading}


def test_featurize_then_cache(mueca, faces, tmp_path):
    out_file = tmp_path / "v.npz"
    code, out, err = mueca("featurize", "--data", faces, "--backbone", "hog+pixels", "--out", out_file)
    assert (code, err) == (0, [])
    assert "33 vectors" in out
    with np.load(out_file) as found:
        assert found["X"].shape[0] == 33
    code, out, err = mueca("featurize", "--data", faces, "--backbone", "hog", "--json")
    assert json.loads(out)["from_cache"] is True
    code, out, _ = mueca("cache", "list", "--json")
    assert {"hog", "pixels"} <= {r["extractor"] for r in json.loads(out)}
    assert mueca("cache", "verify")[0] == 0


def test_fit_writes_a_model(mueca, faces, tmp_path):
    code, out, err = mueca(
        "fit", "--data", faces, "--backbone", "pixels", "--head", "svm", "--C", "0.1,10",
        "--kernel-memory", "2MB", "--out", tmp_path / "m", "--validation", "0.25",
    )  # fmt: skip
    assert (code, err) == (0, [])
    assert "chosen" in out
    assert "test-clean" in out
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    assert card["scores"]["test"]["accuracy"] > 0.8
    assert len(card["chosen_from"]) == 2


def test_compare_and_again(mueca, tmp_path):
    (tmp_path / "r.yaml").write_text(
        "name: r\ndata: {name: synthetic, options: {n_per_class: 15, n_identities: 8}}\n"
        "protocols: [{protocol: holdout, validation: 0.25}]\n"
        "extractors: [hog]\nheads: [knn, softmax]\n"
    )
    code, out, err = mueca("compare", tmp_path / "r.yaml", "--out", tmp_path / "o")
    assert (code, err) == (0, [])
    assert "synthetic" in out
    assert "2 runs computed" in out
    code, out, _ = mueca("compare", tmp_path / "r.yaml", "--out", tmp_path / "o")
    assert "0 runs computed, 2 taken" in out
    code, out, _ = mueca("compare", tmp_path / "r.yaml", "--out", tmp_path / "o", "--json")
    assert len(json.loads(out)["cells"]) == 2


@pytest.mark.usefixtures("svg_charts")
def test_report(mueca, tmp_path, monkeypatch):
    (tmp_path / "r.yaml").write_text(
        "name: r\nquestion: Which head?\n"
        "data: {name: synthetic, options: {n_per_class: 15, n_identities: 8}}\n"
        "protocols: [{protocol: holdout, validation: 0.25}]\nextractors: [pixels]\nheads: [knn, softmax]\n"
    )
    folder = tmp_path / "o"
    assert mueca("compare", tmp_path / "r.yaml", "--out", folder)[0] == 0
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    words = ("report", folder, "--run", "knn", "--against", folder, "--open")
    code, out, err = mueca(*words)
    assert (code, err) == (0, [])
    page = folder / "report" / "report.html"
    assert f"written to {page}" in out
    assert "Which head?" in page.read_text("utf-8")
    assert opened == [page.resolve().as_uri()]
    code, out, _ = mueca("report", folder, "--json", "--projection", "none", "--out", tmp_path / "other")
    assert json.loads(out)["page"] == str(tmp_path / "other" / "report.html")
    code, out, (line,) = mueca("report", folder, "--run", "svm")
    assert (code, out) == (1, "")
    assert "no run is 'svm'" in line


def test_list(mueca):
    code, out, _ = mueca("list")
    assert code == 0
    assert all(word in out for word in ("landmarks", "bagged-svm", "fer2013", "n_neighbors"))
    assert set(json.loads(mueca("list", "--json")[1])) == {"extractors", "heads", "data", "models"}


def test_a_networks_options_stand_beside_it(mueca):
    words = ("--layer", "fc2", "--weights", "random", "--engine", "keras", "--precision", "f32")
    code, out, err = mueca("featurize", "--data", "synthetic", "--backbone", "ucm-a", *words, "--json")
    assert code == 0, err
    made = "ucm-a(layer='fc2', weights='random', engine='keras', precision='f32', views='one')"
    assert json.loads(out)["extractor"] == made


RECIPE = "name: r\ndata: synthetic\nextractors: [hog]\nheads: [knn]\n"

BAD = [
    (["nosuch"], "No such command", 2),
    (["predict", "a.jpg", "--tta", "7"], "'--tta': '7' is not one of", 2),
    (["predict", "a.jpg", "--detect-every", "x"], "(see: mueca predict --help)", 2),
    (["fit", "--data", "synthetic"], "--backbone", 2),
    (["featurize", "--data", "no/such/folder", "--backbone", "hog"], "no/such/folder", 1),
    (["featurize", "--data", "fer2014", "--backbone", "hog"], "did you mean", 1),
    (["featurize", "--data", "fer2013", "--backbone", "hog"], "mueca data add fer2013", 1),
    (["featurize", "--data", "synthetic", "--backbone", "hgo"], "did you mean 'hog'", 1),
    (["featurize", "--data", "synthetic", "--backbone", "hog(cel=3)"], "no parameter 'cel'", 1),
    (["featurize", "--data", "synthetic", "--backbone", "hog", "--out", "v.xls"], "ends in .npz", 1),
    (["featurize", "--data", "synthetic", "--backbone", "hog", "--clahe-clip", "0"], "clip", 1),
    (["featurize", "--data", "synthetic", "--backbone", "hog", "--layer", "fc2"], "hog takes no layer", 1),
    (["featurize", "--data", "synthetic", "--backbone", "ucm-f", "--layer", "fc9"], "no layer 'fc9'", 1),
    (["featurize", "--data", "synthetic", "--backbone", "ucm-f", "--engine", "onnx"], "--engine", 2),
    (
        ["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--weights", "random"],
        "hog takes no",
        1,
    ),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "smv"], "did you mean 'svm'", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C", "0"], "C=0", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C", "-1"], "C=-1", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C", "nan"], "C=", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--c", "1"], "did you mean 'C'", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C"], "needs a value", 1),
    (
        ["fit", "--data", "synthetic", "--backbone", "hog", "--head", "knn", "--n_neighbors", "9999"],
        "9999",
        1,
    ),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "knn", "--validation", "2"], "between", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "knn", "--test", "tset"], "'tset'", 1),
    (["fit", "--data", "synthetic", "--backbone", "hog", "--head", "knn", "--scoring", "acc"], "scoring", 1),
    (
        ["fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--kernel-memory", "4"],
        "such as 4GB",
        1,
    ),
    (["compare", "configs/demo.yaml", "--kernel-memory", "0GB"], "such as 4GB", 1),
    (["compare", "no.yaml"], "no recipe", 1),
    (["report", "nowhere"], "mueca compare", 1),
    (["report", "nowhere", "--projection", "umap"], "umap", 2),
    (["data", "add", "fer2013", "no.zip"], "no.zip", 1),
    (["data", "add", "fer", "no.zip"], "ferplus", 1),
    (["data", "audit", "nowhere"], "nowhere", 1),
]


@pytest.mark.parametrize(
    ("words", "said", "code"), BAD, ids=lambda v: " ".join(v[-2:]) if isinstance(v, list) else ""
)
def test_bad_words_are_one_line(mueca, words, said, code):
    found, out, err = mueca(*words)
    assert found == code
    assert out == ""
    assert len(err) == 1, err
    assert err[0].startswith("mueca: ")
    assert said in err[0]


def test_typo_in_a_recipe(mueca, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE + "ensmbles: [vote]\n")
    code, _, (line,) = mueca("compare", tmp_path / "r.yaml")
    assert code == 1
    assert "did you mean 'ensembles'" in line


def test_unreadable_picture_is_named_left_out_and_told(mueca, faces):
    (faces / "train" / "sad" / "bad.jpg").write_bytes(b"\xff\xd8 no image")
    code, out, err = mueca("featurize", "--data", faces, "--backbone", "pixels")
    assert code == cli.PARTLY
    assert "33 vectors" in out
    assert len(err) == 1
    assert "bad.jpg" in err[0]
    code, out, err = mueca("featurize", "--data", faces, "--backbone", "pixels", "--strict")
    assert (code, out, len(err)) == (1, "", 1)
    assert "bad.jpg" in err[0]


def test_failed_cell_gives_exit_code(mueca, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE.replace("[knn]", "[{head: knn, params: {n_neighbors: 9999}}]"))
    code, out, err = mueca("compare", tmp_path / "r.yaml", "--out", tmp_path / "o")
    assert code == cli.PARTLY
    assert "9999" in out
    assert "1 runs failed" in err[-1]


def test_cache_that_cannot_be_written(mueca, faces, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path / "file"))
    monkeypatch.setenv("_MUECA_TEMPORARY_CACHE", "")
    work = (
        ("featurize", "--data", "synthetic", "--backbone", "pixels"),
        ("fit", "--data", "synthetic", "--backbone", "hog", "--head", "svm", "--C", "1"),
        ("predict", faces / "train" / "happy", "--out", tmp_path / "o.csv"),  # a network, prepared elsewhere
    )
    said: list[str] = []
    for words in work:
        code, _, err = mueca(*words)
        assert code == 0, err
        said += err
    named = [line for line in said if "MUECA_CACHE" in line]
    assert len(named) == 1
    assert str(tmp_path / "file") in named[0]


def test_the_home_folder_is_found_after_an_equals_sign_too(mueca, faces, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    data = f"~/{faces.name}"
    for number, words in enumerate((("--data", data), (f"--data={data}",))):
        code, _, err = mueca("featurize", *words, "--backbone", "pixels", f"--out=~/new/{number}.csv")
        assert code == 0, err
        assert (tmp_path / "new" / f"{number}.csv").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ("predict", "https://example.org/a.jpg"),
        ("predict", "a.jpg", "--model", "https://example.org/m"),
        ("fit", "--data", "https://example.org/a.zip", "--backbone", "hog", "--head", "svm"),
        ("data", "add", "fer2013", "https://example.org/a.zip"),
        ("compare", "https://example.org/a.yaml"),
        ("live", "--source", "https://example.org/a.mp4"),
    ],
)
def test_a_web_address_is_one_line_that_says_what_to_do(mueca, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"")
    code, _, err = mueca(*words)
    assert code == 1
    assert err[-1].startswith("mueca: https://example.org/") and "download it first" in err[-1]


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="unknown extractor"):
        cli.main(["featurize", "--data", "synthetic", "--backbone", "x", "--debug"])


def test_interrupt_is_one_line_and_the_next_run_goes_on(tmp_path):
    env = os.environ | {"MUECA_CACHE": str(tmp_path)}
    words = [
        sys.executable,
        "cli.py",
        "featurize",
        "--data",
        "synthetic",
        "--backbone",
        "landmarks",
        "--jobs",
        "1",
    ]
    # A shell starts what runs in its background deaf to Ctrl-C, and these tests may run there.
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    until = time.monotonic() + 300
    while not list(tmp_path.glob("embeddings/*.partial")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert err.strip() == "mueca: interrupted; run the same command again: it goes on from here"
    again = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "420 vectors" in again.stdout
    assert again.stderr == ""


def test_ctrl_c_while_a_compiled_module_is_imported_is_no_defect(monkeypatch, mueca):
    """It arrives as an ImportError, whose cause says what it was."""

    def importing(*_, **__):
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr("pipelines.api.featurize", importing)
    code, _, err = mueca("featurize", "--data", "synthetic", "--backbone", "hog")
    assert code == 130
    assert err[-1].startswith("mueca: interrupted")


def test_short_commands(monkeypatch, capsys):
    for entry in (cli.featurize_main, cli.fit_main):
        monkeypatch.setattr(sys, "argv", ["x", "--help"])
        with pytest.raises(SystemExit) as left:
            entry()
        assert left.value.code == 0
    assert "Usage: mueca fit" in capsys.readouterr().out
