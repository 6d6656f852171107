"""No version in the lock has a known hole without a line in SECURITY.md that says why it is not reached."""

from __future__ import annotations

import csv
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.helpers.rooms import ROOT

SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")


def advisories() -> list[dict[str, str]]:
    with (ROOT / "tests" / "advisories.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def locked() -> dict[str, list[Version]]:
    """Return the versions of each package that the lock holds."""
    found: dict[str, list[Version]] = {}
    for name, version in re.findall(
        r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / "requirements.lock").read_text(), re.M
    ):
        found.setdefault(name, []).append(Version(version))
    return found


def is_open(advisory: dict[str, str], versions: list[Version]) -> bool:
    return not advisory["fixed"] or any(version < Version(advisory["fixed"]) for version in versions)


def test_the_list_and_the_lock_are_read():
    assert len(advisories()) > 15 and len(locked()) > 80
    assert all(re.fullmatch(r"(CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3})", a["advisory"]) for a in advisories())
    assert is_open({"fixed": "2.0"}, [Version("1.9")]) and not is_open({"fixed": "2.0"}, [Version("2.0.1")])
    assert is_open({"fixed": ""}, [Version("99")])


@pytest.mark.parametrize("advisory", advisories(), ids=lambda a: a["advisory"])
def test_what_is_open_has_a_line_that_says_why_it_is_not_reached(advisory):
    versions = locked().get(advisory["package"], [])
    lines = [line for line in SECURITY.splitlines() if advisory["advisory"] in line]
    if versions and is_open(advisory, versions):
        assert lines, f"{advisory['package']} {versions[0]}: {advisory['advisory']} needs a line"
        assert all(len(line.split("|")) >= 4 and len(line.split("|")[3].split()) > 5 for line in lines)
    else:
        assert not lines, f"{advisory['advisory']} is mended in the lock: take its line away"


def test_the_floors_are_over_what_is_known():
    """What pyproject takes at least has no hole that a later version mends."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    given = project["project"]["dependencies"] + sum(project["project"]["optional-dependencies"].values(), [])
    lowest = {
        r.name: Version(s.version) for r in map(Requirement, given) for s in r.specifier if s.operator == ">="
    }
    for advisory in advisories():
        if advisory["fixed"] and advisory["package"] in lowest:
            assert lowest[advisory["package"]] >= Version(advisory["fixed"]), advisory
    for name, version in lowest.items():  # and the lock has what they ask for
        assert all(found >= version for found in locked().get(name.lower(), []))
