"""What the doctor says."""

from __future__ import annotations

import pytest

from featurize import engine
from pipelines.diagnostics import doctor


def said(topic, name):
    return next(f for f in doctor.examine() if (f.topic, f.name) == (topic, name))


def test_every_topic_is_looked_at():
    findings = doctor.examine()
    assert {f.topic for f in findings} == {"processor", "networks", "heads", "data", "weights", "folders"}
    records = doctor.as_records(findings)
    assert all(set(r) == {"topic", "name", "state", "advice"} for r in records)
    assert "tensorflow" in said("networks", "keras").state


def test_what_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_DATA", str(tmp_path / "none"))
    assert said("weights", "vggface2").advice == "mueca weights get vggface2"
    assert said("weights", "vggface2-mobilenet").state.startswith("shipped, 6.0 MB")
    names = [f.name for f in doctor.examine() if f.topic == "weights"]
    assert len(names) == len(set(names)), "what ships is not missing"
    assert said("data", "fer2013").advice == "mueca data add fer2013 PATH"


def test_the_choice_is_the_engines_own():
    choice = engine.choose()
    assert said("networks", "engine").state.startswith(choice.engine)
    assert said("networks", "precision").state.startswith(choice.precision)


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setenv("MUECA_CACHE", str(tmp_path))
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: path != tmp_path)
    assert "MUECA_CACHE" in said("folders", "cache").advice
    assert "cannot be written" in said("folders", "cache").state


def test_a_backend_that_is_unknown(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    assert "choose one of tensorflow, jax, torch" in said("networks", "keras").state


@pytest.mark.parametrize("flag", ["avx2", "amx_bf16"])
def test_instructions(monkeypatch, flag):
    monkeypatch.setattr(doctor, "cpu_flags", lambda: frozenset({"avx2"}))
    assert said("processor", flag).state.startswith("yes" if flag == "avx2" else "no")
