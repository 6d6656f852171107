"""The page, its files, the reports, the OpenAPI page: what is served, and that nothing else is."""

import json
import re
from dataclasses import replace

import pytest

from pipelines.models.model import model_folder
from pipelines.prediction.predictor import Predictor
from pipelines.web.model_summary import by_class, facts_of


def test_health(client):
    assert client.ask("GET", "/health")[::2] == (200, b'{"status":"ok"}')


def text_of(page):
    return " ".join(re.sub(r"<[^>]+>", "", page.decode()).replace("&nbsp;", " ").split())


def shipped_card():
    card = json.loads((model_folder(None) / "card.json").read_text("utf-8"))
    return {name: card[name] for name in ("title", "data", "scores", "recall", "classes")}


def test_the_page_says_the_limits(serve, site):
    """As it stands with the model that ships, by its card."""
    own = site.predictor.model
    predictor = Predictor(replace(own, card=own.card | shipped_card()), site.predictor.find)
    status, headers, body = serve(predictor=predictor, model=None).ask("GET", "/")
    text = text_of(body)
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert "synthetic faces" not in text
    for words in ("annotators' views", "not a feeling", "not a lie", "Article 5(1)(f)", "not represented"):
        assert words in text
    right, low, high = (100 * shipped_card()["scores"]["test"][k] for k in ("accuracy", "ci_low", "ci_high"))
    assert f"right on {right:.1f} % (95 % interval {low:.1f} to {high:.1f})" in text
    for name, share in shipped_card()["recall"].items():
        assert f"{name}{100 * share:.0f} %" in text


def test_a_model_of_drawn_faces_says_so(client):
    assert "learned from synthetic faces" in text_of(client.ask("GET", "/")[2])


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_no_page_asks_for_anything_elsewhere_or_holds_a_script(client, path):
    body = client.ask("GET", path)[2].decode()
    assert not re.search(r"""(src|href|action)=["']?(https?:)?//""", body)
    assert not re.search(r"<script(?![^>]*\bsrc=)", body)
    assert not re.search(r"\son\w+=|\sstyle=|<style", body)
    for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', body):
        status, headers, found = client.ask("GET", name)
        assert (status, headers["x-content-type-options"]) == (200, "nosniff")
        assert not re.search(rb"https?://(?!www\.w3\.org/)", found)


def test_the_openapi_page_is_drawn_from_what_is_served(client):
    found = json.loads(client.ask("GET", "/openapi.json")[2])
    assert set(found["paths"]) == {"/predict", "/health", "/models"}
    answers = found["components"]["schemas"]
    assert set(answers["PhotoAnswer"]["properties"]) >= {"name", "faces", "skipped", "width", "height"}
    kinds = set(found["paths"]["/predict"]["post"]["requestBody"]["content"])
    assert kinds >= {"multipart/form-data", "video/*"}


@pytest.mark.parametrize(
    "path", ["/redoc", "/static/app.py", "/static/../app.py", "/static/%2e%2e/app.py", "/nothing",
             "/docs/oauth2-redirect"]
)  # fmt: skip
def test_nothing_else_is_served(client, path):
    status, _, body = client.ask("GET", path)
    assert status == 404
    assert list(json.loads(body)) == ["error"]


def test_a_defect_shows_no_inside(serve, monkeypatch, face, caplog):
    def broken(*_):
        raise RuntimeError("secret inside")

    server = serve()
    monkeypatch.setattr(Predictor, "look", broken)
    status, answer = server.predict(("a.jpg", face))
    assert status == 500
    assert "secret" not in answer["error"]
    assert "secret inside" in caplog.text
    assert server.left() == []


@pytest.fixture
def results(tmp_path):
    """Return a folder of results: one with a report, one without, and what must not be served."""
    root = tmp_path / "results"
    for name in ("demo", "no report", "<b>"):
        (root / name).mkdir(parents=True)
        (root / name / "rows.csv").write_text("run\n")
    (root / "demo" / "report").mkdir()
    (root / "demo" / "report" / "report.html").write_text("<!doctype html><title>demo</title>")
    (tmp_path / "secret.html").write_text("secret")
    (root / "link" / "report").mkdir(parents=True)
    (root / "link" / "report" / "report.html").symlink_to(tmp_path / "secret.html")
    return root


def test_reports_of_a_folder(serve, results):
    server = serve(reports=results)
    body = server.ask("GET", "/")[2].decode()
    assert 'href="/reports/demo"' in body
    assert f"mueca report {results}/no report" in body
    assert "&lt;b&gt;" in body
    assert "<b>" not in re.sub(r"<b>[A-Z0-9]", "", body)
    assert "/reports/link" not in body
    status, headers, page = server.ask("GET", "/reports/demo")
    assert (status, page) == (200, b"<!doctype html><title>demo</title>")
    assert headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert "connect" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["link", "no%20report", "../secret.html", "..%2fsecret.html", "%2e%2e/secret.html", "/etc/passwd",
             "demo/report/report.html", "demo/rows.csv", ""]
)  # fmt: skip
def test_only_reports_that_are_listed(serve, results, path):
    assert serve(reports=results).ask("GET", f"/reports/{path}")[0] == 404


def test_with_a_token_all_but_health_asks_for_it(serve, site, face):
    server = serve(access=replace(site.access, token="the-owners-own-token"))
    for path in ("/", "/docs", "/openapi.json", "/static/page.js"):
        assert server.ask("GET", path)[0] == 401
    assert server.predict(("a.jpg", face))[0] == 401
    assert server.predict(("a.jpg", face), authorization="Bearer the-owners-own-token")[0] == 200
    assert server.ask("GET", "/health")[0] == 200


def test_foreign_pages_and_names(client, face):
    assert client.predict(("a.jpg", face), origin="http://evil.example")[0] == 403
    assert client.ask("GET", "/", host="evil.example")[0] == 421
    assert client.predict(("a.jpg", face), origin=client.url)[0] == 200


def test_recall_by_class(tmp_path):
    """From the card; from the predictions beside it; nothing where neither is."""
    from pipelines.api import fit

    model, outcome = fit("synthetic", "hog", "knn", out=tmp_path / "m")
    found = by_class({"classes": []}, tmp_path / "m")
    assert found == model.card["recall"]
    p = outcome.predictions
    hits = {name: (p.predicted[p.true == k] == k).mean() for k, name in enumerate(p.classes)}
    assert found == pytest.approx(hits, abs=1e-4)
    assert by_class({"recall": {"happy": 0.5}}, tmp_path / "m") == {"happy": 0.5}
    assert by_class({}, tmp_path) == {}
    facts = facts_of(shipped_card())
    shares = [c["recall"] for c in facts["classes"]]
    assert sum(shares) / 7 == pytest.approx(facts["scores"]["test"]["uar"], abs=1e-3)


def test_openapi_has_examples_that_are_such_answers(client):
    from pipelines.web.schemas import PredictAnswer

    found = json.loads(client.ask("GET", "/openapi.json")[2])
    example = found["components"]["schemas"]["PredictAnswer"]["example"]
    assert PredictAnswer.model_validate(example).files[0].kind == "photo"
    post = found["paths"]["/predict"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"]["files"]
    assert post["responses"]["200"]["content"]["text/event-stream"]["example"].startswith("event: progress")
