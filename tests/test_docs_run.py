"""What README and docs show is typed in, page after page, in order, in one folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from shutil import copyfile, copytree
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.helpers import standins
from tests.helpers.options import check_plan, command_of, parsed, unknown_options
from tests.helpers.pages import PAGES, ROOT, Step, commands, is_command, spans, steps
from tests.helpers.reader import Reader, free_port
from tests.helpers.shapes import answer_is_as_described, files_are_as_described

#: What no test types in, and why.
NOT_TYPED = {
    "git clone REPOSITORY mueca && cd mueca": "another machine is needed",
    "./run test": "it runs these tests",
    "./run docs": "tests/test_site.py builds the site",
    ". .venv/bin/activate": "the tests run inside it",
    "kaggle datasets download -d msambare/fer2013": "downloads; an account is needed",
    "kaggle competitions download "
    "-c challenges-in-representation-learning-facial-expression-recognition-challenge":
        "downloads; an account is needed",
    "pip install 'mueca[web]'": "downloads",
    "pip install 'mueca[all]'": "downloads",
    "python benchmarks/megc2019_committee.py megc2019_flow.tar.xz --assignments 10":
        "an hour; its output is kept",
    "pip install mueca": "downloads",
    "./run mueca predict photo.jpg": "as mueca predict photo.jpg",
    "mueca serve --accept-json": "tests/pipelines/web/test_bodies.py",
    "mueca serve --allow-origin https://app.example": "tests/pipelines/web/test_bodies.py",
    "npm install onnxruntime-node pngjs": "downloads; tests/pipelines/exporting/test_whole_photo.py does",
    "node photo.mjs PHOTO.png ...": "as before",
    "pip install 'mueca[export]'": "downloads",
    "pip install 'mueca[dask]'": "downloads",
    "pip install 'mueca[heif]'": "downloads",
    "apt-get install python3-tk": "downloads",
    "ssh -L": "another machine is needed",
    "ssh -L 8000:127.0.0.1:8000 HOST": "another machine is needed",
    "pytest -m slow": "it runs these tests",
    "MUECA_FACERES=FOLDER pytest tests/featurize/backbones/test_faceres.py": "it runs these tests",
    "python benchmarks/serve.py PHOTO...": "a benchmark",
    "grid_search.py svm FOLDER --cells 2": "a benchmark on FER2013",
    "grid_search.py knn FOLDER": "a benchmark on FER2013",
    "grid_search.py forest FOLDER --n 6000": "a benchmark on FER2013",
    "grid_search.py r1 FOLDER": "a benchmark on FER2013",
    "svc_fit.py FOLDER --wide --n 25838": "a benchmark on FER2013",
}  # fmt: skip

#: Bare names of commands that a sentence may mention; any other span of a command without a gap is run.
MENTIONED = {
    f"mueca {name}"
    for name in ("compare", "export", "featurize", "fit", "live", "cross-validate", "predict", "profile",
                 "quantize", "report", "serve", "train", "weights")
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What a page needs to be read.

    Attributes
    ----------
    prepare : callable
        Makes what the reader has before the first line.
    filled : dict
        Form of a command, or one with a gap -> commands that fill it in.
    calls : dict
        Python in a sentence -> the lines that give it its names.
    printed : tuple of str
        What a sentence says that a command before it prints.
    smaller : dict
        Name of a set -> the same with fewer samples, unless the page is read in full.
    recipes : dict
        Recipe -> what is less in it, unless the page is read in full.
    long : dict
        Beginning of a command that takes minutes on the smallest data -> what stands for its outcome, or None
        if nothing later needs it. It is run only where the page is read in full.
    after : callable
        Checks what the page has left.
    """

    prepare: Callable[[Reader], object] = lambda reader: None
    filled: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    printed: tuple[str, ...] = ()
    smaller: dict[str, str] = field(default_factory=dict)
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    long: dict[str, Callable[[Reader], object] | None] = field(default_factory=dict)
    after: Callable[[Reader], object] = lambda reader: None


HOG_SVM = "mueca fit --data synthetic --backbone hog --head svm --C 10 --out models/hog-svm"
FEWER_CELLS = {"extractors": ["lbp", "hog"], "heads": ["svm", {"head": "knn", "params": {"n_neighbors": 5}}]}
FEW_FACES = "synthetic(n_per_class=24)"
SMALL_CLIPS = "synthetic-clips(n_subjects=4, clips_per_subject=3)"


def files(reader: Reader) -> None:
    """Photos, a video, and a model of the reader's own."""
    standins.photo(reader.folder / "photo.jpg")
    standins.holiday(reader.folder / "holiday")
    standins.video(reader.folder / "talk.mp4")
    reader.type(HOG_SVM)


def small_recipe(reader: Reader) -> None:
    files(reader)
    heads = [{"head": "svm", "grid": {"C": [1, 10]}}, {"head": "knn", "params": {"n_neighbors": 5}}]
    content = {"name": "small", "data": "synthetic", "extractors": ["lbp", "hog"], "heads": heads}
    (reader.folder / "small.yaml").write_text(yaml.safe_dump(content))


def fer2013(reader: Reader) -> None:
    standins.fer2013_zip(reader.folder / "fer2013.zip")
    reader.type("mueca data add fer2013 fer2013.zip")


def readme(reader: Reader) -> None:
    standins.fer2013_zip(reader.folder / "fer2013.zip")
    standins.photo(reader.folder / "photo.jpg")
    standins.holiday(reader.folder / "holiday")
    standins.video(reader.folder / "talk.mp4")
    standins.class_folder(reader.folder / "path" / "to" / "faces")


def clip_sets(reader: Reader) -> None:
    for make in (standins.casme2, standins.smic, standins.megc2019):
        make(reader.data / make.__name__)
    standins.casme2(reader.folder / "path" / "to" / "casme2")


def predicting(reader: Reader) -> None:
    files(reader)
    standins.photo(reader.folder / "photos" / "happy" / "one.jpg")
    reader.type(f"mueca fit --data '{SMALL_CLIPS}' --backbone lbp-top --head softmax --out models/clips")


def results(reader: Reader) -> None:
    reader.type("mueca compare configs/demo.yaml --out results/demo")
    copytree(reader.folder / "results" / "demo", reader.folder / "results" / "before")
    reader.type(HOG_SVM)


def serving_page(reader: Reader) -> None:
    files(reader)
    standins.video(reader.folder / "clip.mp4", frames=8)
    reader.type("mueca report models/hog-svm --out results/hog-svm/report")


def dask_machines(reader: Reader) -> None:
    """Start scheduler and worker as the page says, on this machine."""
    fer2013(reader)
    port = free_port()
    reader.instead |= {"10.0.0.1:8786": f"127.0.0.1:{port}", "10.0.0.1": "127.0.0.1"}
    shown = [step for step in commands("docs/distributed.md") if step.words[0] == "dask"]
    reader.start_dask([step.code for step in shown], port)


def network_files(reader: Reader) -> None:
    fer2013(reader)
    standins.class_folder(reader.folder / "path" / "to" / "faces")


def published_weights(reader: Reader) -> None:
    """Weight files of the published forms, already in place: ``weights get`` checks them."""
    standins.vggface2_file(reader.folder / "vggface2.h5")
    standins.resnet18_file(reader.folder / "model.safetensors")
    reader.type("mueca weights add vggface2 vggface2.h5")
    reader.type("mueca weights add resnet18 model.safetensors")


def shipped_f(reader: Reader) -> None:
    """Network F as it ships, where a training would have put it."""
    (reader.folder / "models" / "ucm-f").mkdir(parents=True)
    copyfile(
        ROOT / "featurize/backbones/weights/ucm-f.npz", reader.folder / "models" / "ucm-f" / "weights.npz"
    )


def own_photos(reader: Reader) -> None:
    """Photos of four persons, each with both expressions, as files name them."""
    standins.photo(reader.folder / "photo.jpg")
    face = Image.open(reader.folder / "photo.jpg")
    for label, turn in (("happy", 0), ("sad", 8)):
        (reader.folder / "photos" / label).mkdir(parents=True)
        for person in range(8):
            face.rotate(turn + person / 2).save(reader.folder / "photos" / label / f"p{person}_{label}.jpg")


def lists_and_names(reader: Reader) -> None:
    """Published sets whose labels, or subjects, stand in lists, arrays and file names."""
    standins.table(reader.folder)
    standins.voted_and_mine(reader.folder)
    standins.raf_db(reader.folder / "basic")
    standins.affectnet(reader.folder / "affectnet")
    standins.posed(reader.folder)
    standins.ckplus(reader.folder / "ck")


#: Forms in pages that explain, filled in with synthetic faces.
AUDIT = {"mueca data audit NAME": ["mueca data audit synthetic"]}
NEAR_COPIES = {"mueca data audit NAME --near-copies": ["mueca data audit synthetic --near-copies"]}


SETTINGS = {
    "README.md": Setting(
        readme, recipes={"configs/demo.yaml": {"data": FEW_FACES}}, long={"mueca report": None}
    ),
    "CONTRIBUTING.md": Setting(),
    "docs/architecture.md": Setting(),
    "docs/clips.md": Setting(
        clip_sets,
        smaller={"synthetic-clips": SMALL_CLIPS},
        recipes={"configs/clips-demo.yaml": {"data": SMALL_CLIPS, "extractors": ["lbp-top", "hog-top"]}},
        long={
            "mueca train": None,
            "mueca cross-validate --data 'casme2": None,
            "mueca cross-validate --data smic": None,
            "mueca cross-validate --data megc2019": None,
            "mueca compare configs/megc2019-gap.yaml": None,
        },
    ),
    "docs/distributed.md": Setting(
        dask_machines,
        calls={
            'with connect("tcp://10.0.0.1:8786") as cluster: compare(recipe, out, cluster=cluster)':
                "from pathlib import Path\nfrom pipelines.api import compare, connect, load_recipe\n"
                "recipe, out = load_recipe(Path('configs/demo.yaml')), Path('results/demo')",
        },
        recipes={"configs/demo.yaml": FEWER_CELLS, "configs/fer2013-handcrafted.yaml": FEWER_CELLS},
    ),
    "docs/ensembles.md": Setting(fer2013),
    "docs/export.md": Setting(
        files,
        filled={
            "mueca export MODEL --out FOLDER [--format onnx|openvino|both] [--json]": [
                "mueca export models/hog-svm --out exported",
                "mueca export models/hog-svm --out exported-onnx --format onnx --json",
                "mueca export models/hog-svm --out exported-openvino --format openvino",
            ],
            "mueca featurize ... --out VECTORS.npy": [
                "mueca featurize --data synthetic --backbone hog --out VECTORS.npy"
            ],
            "python predict.py VECTORS.npy": ["python exported/predict.py VECTORS.npy"],
            "python predict.py FACE.jpg ...": [
                "mueca fit --data synthetic --backbone own-small --head softmax --out models/whole",
                "mueca export models/whole --out exported-whole",
                "python exported-whole/predict.py photo.jpg photo.jpg",
            ],
        },
        long={"python predict.py FACE.jpg ...": None},
    ),
    "docs/extending.md": Setting(
        filled={
            'mueca featurize --backbone "gabor(orientations=6)+hog"': [
                'mueca featurize --backbone "gabor(orientations=6)+hog" --data synthetic'
            ],
            "mueca fit --head lda --shrinkage 0.01,0.1": [
                "mueca fit --head lda --shrinkage 0.01,0.1 --data synthetic --backbone gabor"
            ],
        },
    ),
    "docs/files.md": Setting(
        small_recipe,
        filled={
            "mueca compare RECIPE --out FOLDER": ["mueca compare small.yaml --out results/small"],
            "mueca report FOLDER": ["mueca report results/small"],
            "mueca fit --out FOLDER": [HOG_SVM],
            "mueca predict VIDEO --out FILE": [
                "mueca predict talk.mp4 --out talk.jsonl --model models/hog-svm",
                "mueca predict talk.mp4 --out talk.csv --format csv --model models/hog-svm",
            ],
            "mueca featurize --out FILE": [
                "mueca featurize --data synthetic --backbone hog --out vectors.npz"
            ],
        },
        after=files_are_as_described,
    ),
    "docs/networks.md": Setting(
        network_files,
        filled={"mueca weights add vggface2 PATH": ["mueca weights add vggface2 vggface2.h5"]},
        long={
            "mueca train --backbone ucm-f --data fer2013": shipped_f,
            "mueca train": None,
            "mueca profile": None,
            "mueca weights get vggface2": published_weights,
            "mueca weights": None,
            "mueca compare configs/ucm-vggface2.yaml": None,
            "mueca compare configs/vggface2-mobilenet.yaml": None,
        },
        recipes={"configs/fer2013-handcrafted-vs-learned.yaml": {
            "extractors": ["hog", "ucm-f"], "heads": ["svm", {"head": "knn", "params": {"n_neighbors": 5}}],
        }},
        calls={'pipelines.diagnostics.profile.profile(["ucm-f"])': "import pipelines.diagnostics.profile"},
    ),
    "docs/own-faces.md": Setting(
        lists_and_names,
        filled={
            "mueca data add NAME PATH": ["mueca data add raf-db basic"],
            "mueca data index FOLDER": ["mueca data index faces.csv --columns file=image,label=emotion"],
            "mueca data audit NAME --near-copies": ["mueca data audit faces.csv --near-copies --columns "
                                                    "file=image,label=emotion"],
        },
    ),
    "docs/install.md": Setting(small_recipe),
    "docs/own-model.md": Setting(own_photos),
    "docs/predict.md": Setting(predicting),
    "docs/python.md": Setting(
        recipes={"configs/demo.yaml": FEWER_CELLS},
        calls={'mueca.compare(mueca.load_recipe("configs/demo.yaml"), "results/demo")': "import mueca"},
    ),
    "docs/reports.md": Setting(
        results,
        filled={
            "mueca data audit NAME --out FOLDER/audit": [
                "mueca data audit synthetic --out results/demo/audit"
            ],
        },
        recipes={"configs/demo.yaml": FEWER_CELLS},
    ),
    "docs/search.md": Setting(
        filled={"mueca fit --C 1,10,100": [
            "mueca fit --C 1,10,100 --data synthetic --backbone hog --head svm"
        ]},
    ),
    "docs/serve.md": Setting(serving_page, after=answer_is_as_described),
    "docs/explanation/glossary.md": Setting(),
    "docs/explanation/limits.md": Setting(),
    "docs/explanation/near-copies.md": Setting(filled=AUDIT | NEAR_COPIES),
    "docs/explanation/protocols.md": Setting(filled=NEAR_COPIES),
    "docs/explanation/shared-search.md": Setting(),
    "docs/how-to/fer2013.md": Setting(readme, recipes={"configs/fer2013-handcrafted.yaml": FEWER_CELLS}),
    "docs/how-to/thesis.md": Setting(long={"mueca report": None}),
    "docs/tutorials/first-comparison.md": Setting(long={"mueca report": None}),
}  # fmt: skip


class Reading:
    """A page, read by a `Reader`."""

    def __init__(self, page: str, reader: Reader, full: bool) -> None:
        self.page, self.reader, self.full = page, reader, full
        self.setting = SETTINGS[page]
        #: What was done with each step, for a test that nothing was passed over.
        self.done: list[tuple[str, Step]] = []

    def run(self) -> None:
        if not self.full:
            self.reader.make_smaller(self.setting.smaller, self.setting.recipes)
        self.setting.prepare(self.reader)
        for step in steps(self.page):
            try:
                self.done.append((self.take(step), step))
            except Exception as error:
                error.add_note(str(step))
                raise
        self.setting.after(self.reader)

    def take(self, step: Step) -> str:
        """Do what a step shows; return in a word what was done."""
        if step.kind == "python":
            self.reader.run_python(step)
        elif step.kind == "yaml":
            self.reader.run_recipe(step.text)
        elif step.kind == "output":
            assert any(out.endswith(step.text) for out in self.reader.printed)
        elif step.text in self.setting.printed:
            assert any(step.text in out for out in self.reader.printed)
        elif step.kind == "span" and step.text in self.setting.calls:
            self.reader.call(self.setting.calls[step.text], step.text)
        elif is_command(step):
            return self.command(step)
        else:
            return "prose"
        return "run"

    def command(self, step: Step) -> str:
        code = step.code
        if code in NOT_TYPED or step.words[0] == "dask":
            return "not typed"
        if (stand_in := self.long_one(code)) is not None:
            return stand_in(step)
        if code in self.setting.filled:
            for command in self.setting.filled[code]:
                self.reader.type(command)
        elif step.kind == "span" and (code in MENTIONED or step.is_form or is_gap(step)):
            return "mentioned"
        else:
            assert not step.is_form, "a form in a block: say in `filled` what fills it in"
            self.reader.type(code)
        return "run"

    def long_one(self, code: str) -> Callable[[Step], str] | None:
        """Return what stands for a command that takes long, None for another or when all is run."""
        found = next((b for b in self.setting.long if code.startswith(b)), None)
        if found is None:
            return None
        outcome = self.setting.long[found]
        if self.full:
            # Files that a reader has before such a command are not made by it.
            if outcome is published_weights:
                published_weights(self.reader)
            return None

        def check(step: Step) -> str:
            mentioned = step.kind == "span" and is_gap(step)
            if step.words[0] == "mueca" and not step.is_form and not mentioned:
                check_plan(step.words)
            if outcome is not None and outcome is not published_weights:
                outcome(self.reader)
            return "checked"

        return check


def is_gap(step: Step) -> bool:
    """Say whether a command in a sentence lacks what it needs: it tells of an option only."""
    from typer.exceptions import TyperException

    if step.words[0] != "mueca":
        return False
    try:
        parsed(step.words)
    except TyperException:
        return True
    return False


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    found = Reader(tmp_path, monkeypatch, capsys)
    yield found
    found.leave()


#: Pages of many reports, each half a minute of charts; README.md and tests/test_cli.py have one by default.
OF_REPORTS = ("docs/reports.md",)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[pytest.mark.slow] if p in OF_REPORTS else []) for p in PAGES]
)
def test_a_page_is_read(page, reader):
    Reading(page, reader, full=False).run()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "page", [page for page, setting in SETTINGS.items() if setting.long or setting.recipes]
)
def test_a_page_is_read_in_full(page, reader):
    Reading(page, reader, full=True).run()


def test_the_readmes_command_on_a_folder_without_splits(reader):
    """A plain folder of class/*.jpg."""
    standins.class_folder(reader.folder / "path" / "to" / "faces", splits=False)
    (shown,) = [step.code for step in commands("README.md") if "path/to/faces" in step.code]
    reader.type(shown)


def test_nothing_is_passed_over_but_what_is_listed():
    foreign = {
        step.code
        for page in PAGES
        for step in commands(page)
        if step.words[0] not in ("mueca", "curl", "dask")
        and step.code != "./run demo"
        and not step.code.startswith("./run mueca ")
    }
    filled = {form for setting in SETTINGS.values() for form in setting.filled}
    assert foreign - filled <= set(NOT_TYPED)
    shown = {step.code for page in PAGES for step in [*commands(page), *spans(page)]}
    assert set(NOT_TYPED) <= shown | {step.text for page in PAGES for step in spans(page)}


def test_every_setting_is_of_something_shown():
    assert set(SETTINGS) == set(PAGES)
    for page, setting in SETTINGS.items():
        shown = [step.code for step in commands(page)]
        assert set(setting.filled) <= set(shown), page
        assert set(setting.calls) <= {step.text for step in spans(page)}, page
        assert all(any(code.startswith(beginning) for code in shown) for beginning in setting.long), page
    everywhere = {step.code for page in PAGES for step in commands(page)}
    assert {name for name in MENTIONED if name in everywhere} >= {
        "mueca train",
        "mueca cross-validate",
        "mueca fit",
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_shown_option_is_in_the_help(page):
    for step in commands(page):
        if step.words[0] == "mueca" and step.code not in ("mueca fit --head lda --shrinkage 0.01,0.1",):
            assert command_of(step.words)[1], step
            assert not unknown_options(step), step


#: Options of other programs.
OTHERS = {"--nworkers", "--nthreads", "--memory-limit"}


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_a_sentence_names_is_one_of_ours(page):
    from tests.helpers.options import every_option

    for step in spans(page):
        if step.text.startswith("--"):
            named = {word for word in re.split(r"[\s=]", step.text) if word.startswith("--")}
            assert named <= every_option() | OTHERS, step


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_name_that_a_page_points_to_is_there(page):
    from tests.helpers.names import missing_files, missing_names

    assert not missing_files(page)
    assert not missing_names(page)
