"""One page for each file of ``docs/results``: its question, what was measured, and how."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Topic -> beginnings of the files' names.
TOPICS: dict[str, tuple[str, ...]] = {
    "Accuracy": ("best-", "comparison-fer", "comparison-own", "comparison-ucm", "comparison-vgg", "default-",
                 "looks", "near-", "ablation", "ferplus", "halves", "published"),
    "Beside other packages": ("as-shipped",),
    "Micro-expressions": ("megc", "comparison-megc", "clips", "leave-sets", "subject-"),
    "Training": ("training", "epoch", "own-tries", "mobilenet"),
    "Detection": ("detectors", "pasted", "framing", "facemesh"),
    "Speed and size": ("grid_search", "drop-in", "svc-", "embedding", "precision", "network", "predict",
                       "report", "serve", "start-up", "channel", "eight-", "fisher-", "installed", "int8",
                       "scale-", "scheduler", "shipped-", "tables"),
}  # fmt: skip
#: Parts of the files' names -> what they are called.
WORDS = {
    "fer2013": "FER2013", "ferplus": "FER+", "megc2019": "MEGC 2019", "mobilenet": "MobileNet", "svc": "SVC",
    "vggface2": "VGGFace2", "ucm": "UCM", "svm": "SVM", "knn": "kNN", "facemesh": "face mesh", "ipn": "IPN",
    "guevara": "Guevara", "huamanga": "Huamanga", "looks": "test-time augmentation",
}  # fmt: skip
HEADER = ("command", "machine", "date", "commit", "versions")


@dataclass(frozen=True)
class Study:
    """One file of results: where it came from, and what it found."""

    name: str
    facts: dict[str, str]
    text: str

    @property
    def question(self) -> str:
        """What it asks: the question of its recipe, else what its script is for, else its first line."""
        first, command = self.text.partition("\n")[0], self.facts.get("command", "")
        recipe = _text(r"(configs/[\w.-]+\.yaml)", command)
        if asked := re.search(r"^question: (.+)$", recipe, re.MULTILINE):
            return asked[1]
        if asked := re.match(r"[^:]+: ([A-Z].*\?)\s*$", first):
            return asked[1]
        said = ast.get_docstring(ast.parse(_text(r"python (benchmarks/\w+\.py)", command)))
        if not said:
            return f"{first.lstrip('# ').rstrip('. ')}."
        return " ".join(said.partition("\n\n")[0].split())

    @property
    def title(self) -> str:
        """Its name in words."""
        name = re.sub("^trainings-train-", "training-of-", self.name)
        said = [WORDS.get(word, word) for word in re.split("[-_]", name)]
        return " ".join([said[0][:1].upper() + said[0][1:], *said[1:]])


def _text(pattern: str, command: str) -> str:
    """Return the text of a file that a command names; nothing where it names none that is here."""
    found = re.search(pattern, command)
    return (ROOT / found[1]).read_text("utf-8") if found and (ROOT / found[1]).is_file() else ""


def read_study(path: Path) -> Study:
    """Return a file of results, its header apart from the rest."""
    facts: dict[str, str] = {}
    lines = path.read_text("utf-8").splitlines()
    while lines and (found := re.match(rf"({'|'.join(HEADER)}): (.*)", lines[0])):
        facts[found[1]] = found[2]
        lines.pop(0)
    return Study(path.stem, facts, "\n".join(lines).strip("\n"))


def write_results(source: Path, folder: Path) -> list[Path]:
    """Write a page for each study and the list of them; return the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    studies = {path.stem: read_study(path) for path in sorted(source.glob("*.txt"))}
    for study in studies.values():
        (folder / f"{study.name}.md").write_text(page_of(study), "utf-8")
    (folder / "index.md").write_text(_index(studies, source), "utf-8")
    return [folder / f"{name}.md" for name in studies]


def page_of(study: Study) -> str:
    """Return the page of a study."""
    facts = [
        f"{name}\n: {_code(value) if name == 'command' else value}\n" for name, value in study.facts.items()
    ]
    fence = "`" * (3 + max([0, *(len(run) for run in re.findall(r"`+", study.text))]))
    parts = [f"# {study.title}\n", f"{study.question}\n", f"{fence}text\n{study.text}\n{fence}\n"]
    measured = ["## How it was measured\n", *facts] if facts else []
    return "\n".join([*parts, *measured, f"[The file]({study.name}.txt), as the command wrote it.\n"])


def _code(text: str) -> str:
    return f"`{text}`"


def _index(studies: dict[str, Study], source: Path) -> str:
    more = sorted(path.stem for path in source.glob("*.md"))
    left = dict.fromkeys([*studies, *more])
    parts = [
        "# Results\n\nOne page a study: what it asks, what came out, and the command, machine, date and "
        "commit. Nothing on these pages is typed by hand.\n"
    ]
    for topic, beginnings in TOPICS.items():
        names = [name for name in left if name.startswith(beginnings)]
        parts.append(_section(topic, names, studies, source))
        for name in names:
            del left[name]
    return "\n".join([*parts, *([_section("More", list(left), studies, source)] if left else [])])


def _section(topic: str, names: list[str], studies: dict[str, Study], source: Path) -> str:
    """Return a topic: a table for readers, and the same pages for the menu."""
    rows = [_row(name, studies, source) for name in names]
    table = ["| study | what it asks |", "| --- | --- |", *rows, ""]
    tree = [":::{toctree}", ":hidden:", "", *names, ":::", ""]
    return "\n".join([f"## {topic}\n", *table, *tree])


def _row(name: str, studies: dict[str, Study], source: Path) -> str:
    if study := studies.get(name):
        return f"| [{study.title}]({name}.md) | {study.question.replace('|', ' ')} |"
    title = (source / f"{name}.md").read_text("utf-8").partition("\n")[0].lstrip("# ")
    return f"| [{title}]({name}.md) | the log of what was tried |"
