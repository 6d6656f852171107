"""The literature behind a result as BibTeX: of its data set, extractors, heads and statistics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from pipelines.results.load import Results

#: Extractor, head or data set -> keys of ``references.bib``.
CITED: dict[str, tuple[str, ...]] = {
    "lbp": ("ojala2002", "ahonen2006"),
    "hog": ("dalal2005",),
    "landmarks": ("kazemi2014", "king2009"),
    "aligned": ("kazemi2014", "king2009", "dalal2005", "ahonen2006", "lowe2004", "arandjelovic2012"),
    "fisher": ("perronnin2010", "simonyan2013", "lowe2004", "arandjelovic2012", "kazemi2014", "king2009"),
    "facemesh": ("kartynnik2019",),
    "dlib-face": ("king2009", "he2016deep"),
    "lbp-top": ("zhao2007",),
    "hog-top": ("chen2014",),
    "flow": ("farneback2003", "kroeger2016"),
    "flow-pixels": ("liong2019",),
    "flow-hoof": ("chaudhry2009",),
    "flow-hog": ("dalal2005",),
    "ststnet": ("liong2019",),
    "own-small": ("he2016identity", "hu2018"),
    "own-large": ("he2016identity", "hu2018"),
    "resnet18": ("he2016deep",),
    "vggface2": ("cao2018", "he2016deep"),
    "vggface2-mobilenet": ("savchenko2019", "howard2017", "cao2018"),
    "softmax": ("cox1958",),
    "svm": ("cortes1995", "fan2005"),
    "forest": ("breiman2001",),
    "knn": ("cover1967",),
    "bagged-svm": ("breiman1996", "cortes1995"),
    "local-svm": ("zhang2006",),
    "linear-svm": ("cortes1995", "fan2008"),
    "nystroem-svm": ("cortes1995", "williams2001"),
    "stack": ("wolpert1992",),
    "fer2013": ("goodfellow2013",),
    "ferplus": ("barsoum2016", "goodfellow2013"),
    "raf-db": ("li2017",),
    "affectnet": ("mollahosseini2019",),
    "ckplus": ("lucey2010",),
    "jaffe": ("lyons1998",),
    "kdef": ("lundqvist1998",),
    "expw": ("zhang2018",),
    "sfew": ("dhall2011",),
    "casme2": ("yan2014",),
    "smic": ("li2013",),
    "samm": ("davison2018",),
    "casme3": ("li2023casme",),
    "cas(me)2": ("qu2018",),
    "samm-lv": ("yap2020", "davison2018"),
    "mmew": ("ben2022",),
    "4dme": ("li2023dme",),
    "megc2019": ("see2019", "yan2014", "li2013", "davison2018"),
}
#: Of every report: intervals, paired tests with their correction, and the library of the heads.
ALWAYS = ("efron1993", "mcnemar1947", "holm1979", "pedregosa2011")


def bibtex(results: Results) -> str:
    """Return the entries of every method of a folder of results, each with what it was used for.

    An extractor without an entry stands with what it says of its own source.
    """
    used: dict[str, list[str]] = {}
    loose: list[str] = []
    for name in _names(results):
        for key in CITED.get(name, ()):
            used.setdefault(key, []).append(name)
        if name not in CITED and (source := _source(name)):
            loose.append(_misc(name, source))
    for key in (*ALWAYS, *(["guo2017"] if _calibrated(results) else [])):
        used.setdefault(key, []).append("how results are measured")
    entries = [f"% {', '.join(dict.fromkeys(used[key]))}\n{_laid_out(entry_of(key))}" for key in used]
    return "\n".join(["% The literature behind these results.\n", *entries, *loose])


def entry_of(key: str) -> str:
    """Return one entry of ``references.bib``."""
    return _entries()[key]


@cache
def _entries() -> dict[str, str]:
    lines = Path(__file__).with_name("references.bib").read_text("utf-8").splitlines()
    return {line[line.index("{") + 1 : line.index(",")]: line for line in lines if line.startswith("@")}


def _laid_out(entry: str) -> str:
    """Return an entry with a line for each field."""
    return re.sub(r", (?=[A-Za-z]+ = )", ",\n  ", entry[:-1]) + "\n}\n"


def _names(results: Results) -> Iterable[str]:
    """Return the registered names behind a result, in order, each once."""
    return dict.fromkeys(_every_name(results))


def _every_name(results: Results) -> Iterator[str]:
    # A name may hold a bracket, as cas(me)2 does.
    known = [name for name in CITED if re.match(rf"{re.escape(name)}(?![\w-])", results.dataset)]
    yield max(known, key=len) if known else results.dataset.partition("(")[0].split()[0]
    for cell in results.cells:
        # A network inside another extractor's parameters counts, too.
        yield from re.findall(
            r"[A-Za-z][\w.-]*", re.sub(r"(\"[^\"]*\"|'[^']*'|\[.*?\])", " ", cell.test.extractor)
        )
        yield cell.test.head


def _source(name: str) -> str:
    from featurize.registry import extractor_class

    try:
        return str(extractor_class(name).source)
    except ValueError:
        return ""


def _misc(name: str, source: str) -> str:
    return f"% {name}\n@misc{{mueca-{name},\n  title = {{{{{name}}}}},\n  note = {{{source}}}\n}}\n"


def _calibrated(results: Results) -> bool:
    return any(cell.predictions is not None and cell.predictions.probabilistic for cell in results.cells)
