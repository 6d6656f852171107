"""Build the site: ``./run docs``. Needs no network; a warning or a link that leads nowhere ends it with 1."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

from site_pages import figures, images, links, reference, results  # noqa: E402

#: Pages of the checkout that become pages of the site.
TAKEN = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
}
#: Pages that are called otherwise in the site: Sphinx has a search page of its own.
RENAMED = {"search.md": "grid-search.md"}
#: Ends of links in the checkout -> in the site.
_LINKS = {
    "](results)": "](results/index.md)",
    "](results/)": "](results/index.md)",
    "](search.md": "](grid-search.md",
    "](../gallery/)": "](../examples/index.rst)",
    "](gallery/)": "](examples/index.rst)",
    "](../search.md": "](../grid-search.md",
    **{f"]({a})": f"]({b})" for a, b in TAKEN.items()},
}

#: In the checkout a link leads to the script of an example and to a file of results, in the site to its page.
_EXAMPLE = re.compile(r"gallery/(\w+)\.py\)")
_STUDY = re.compile(r"results/([\w.-]+?)\.txt\)")


def lay_out(folder: Path) -> None:
    """Copy the pages into a folder of their own, and write those that come from the code and from results."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(
        ROOT / "docs", folder, ignore=shutil.ignore_patterns("__pycache__", "site_pages", "build.py")
    )
    for name, page in TAKEN.items():
        if (ROOT / name).is_file():
            text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
            (folder / page).write_text(text, "utf-8")
    for name, page in RENAMED.items():
        (folder / name).rename(folder / page)
    for path in folder.rglob("*.md"):
        text = path.read_text("utf-8")
        for before, after in _LINKS.items():
            text = text.replace(before, after)
        if path.parent.name != "results":
            text = _EXAMPLE.sub(r"examples/\1.rst)", _STUDY.sub(r"results/\1.md)", text))
        path.write_text(text, "utf-8")
    reference.write_reference(folder / "reference")
    results.write_results(ROOT / "docs" / "results", folder / "results")


def build(out: Path, gallery: bool = True) -> int:
    """Build the site into a folder; return the exit code.

    Parameters
    ----------
    out : Path
    gallery : bool
        Whether the examples are run; without it their pages stand without pictures.
    """
    source = out.with_name(f"{out.name}-source")
    lay_out(source)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    code = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(out)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "MUECA_DOCS_GALLERY": str(int(gallery))},
    ).returncode
    wrong = [*links.broken_links(out), *figures.wrong_figures(ROOT)]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{len(list(out.rglob('*.html')))} pages in {out}, {len(wrong)} broken links or wrong figures")
    return code or int(bool(wrong))


def main() -> int:
    """Read the words of the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="where the site is written")
    parser.add_argument("--no-gallery", action="store_true", help="do not run the examples")
    parser.add_argument("--images", action="store_true", help="make docs/images anew, and nothing else")
    given = parser.parse_args()
    if given.images:
        images.write_images(ROOT / "docs" / "images")
        return 0
    return build(given.out.resolve(), gallery=not given.no_gallery)


if __name__ == "__main__":
    raise SystemExit(main())
