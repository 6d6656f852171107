"""One page for each file of ``docs/results``: its text and its tables, as what measured wrote them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Topic -> beginnings of the files' names.
TOPICS: dict[str, tuple[str, ...]] = {
    "Accuracy": ("best-", "comparison-", "default-", "shipped-", "looks", "near-", "networks", "ablation"),
    "Micro-expressions": ("megc", "clips"),
    "Training": ("training", "epoch", "own-tries", "mobilenet"),
    "Detection": ("detectors", "pasted"),
    "Speed and size": ("grid_search", "drop-in", "svc-", "embedding", "precision", "network-costs", "predict",
                       "report", "serve", "start-up", "channel"),
}  # fmt: skip
HEADER = ("command", "machine", "date", "commit", "versions")


@dataclass(frozen=True)
class Study:
    """One file of results: where it came from, and what it found."""

    name: str
    facts: dict[str, str]
    text: str

    @property
    def title(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ").replace("-", " ").capitalize()


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
    parts = [f"# {study.title}\n", *facts, f"{fence}text\n{study.text}\n{fence}\n"]
    return "\n".join([*parts, f"[The file]({study.name}.txt).\n"])


def _code(text: str) -> str:
    return f"`{text}`"


def _index(studies: dict[str, Study], source: Path) -> str:
    more = sorted(path.stem for path in source.glob("*.md"))
    left, parts = (
        dict.fromkeys([*studies, *more]),
        ["# Results\n\nEvery figure has its command, machine and commit.\n"],
    )
    for topic, beginnings in TOPICS.items():
        names = [name for name in left if name.startswith(beginnings)]
        parts.append(_tree(topic, names))
        for name in names:
            del left[name]
    return "\n".join([*parts, *([_tree("More", list(left))] if left else [])])


def _tree(topic: str, names: list[str]) -> str:
    return "\n".join([f"## {topic}\n", ":::{toctree}", ":maxdepth: 1", "", *names, ":::", ""])
