"""Every error of every address has the one shape, and says what to do."""

import re
from collections import defaultdict
from dataclasses import replace

import pytest

from tests.support.access import TOKEN
from tests.support.databases import migrated_store
from web.app import create_app
from worker.store import DEFAULT_CLINIC

SHAPE = {"type", "title", "status", "detail", "code"}


def assert_problem(answer, status: int | None = None) -> None:
    assert answer.content_type == "application/problem+json", answer.text
    body = answer.json
    assert set(body) >= SHAPE
    assert body["status"] == answer.status_code
    assert status is None or answer.status_code == status
    assert body["detail"]
    assert body["code"] == body["code"].lower()
    assert "Traceback" not in answer.text


# Bodies that a route accepts, so that only what it is asked for is missing.
BODIES = {
    ("PATCH", "/api/v1/jobs/9"): {"name": "another"},
    ("PUT", "/api/v1/images/9/review"): {"verdict": "agree"},
    ("POST", "/api/v1/images/retry"): {"images": [9]},
    ("POST", "/api/v1/images/cancel"): {"images": [9]},
    ("PUT", "/api/v1/jobs/9/blind"): {"blind": True},
    ("PUT", "/api/v1/jobs/9/readers"): {"readers": 2},
}


def api_routes(app) -> list[tuple[str, str]]:
    """Method and path of every route of the API; its documentation is a page."""
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith("docs.")
    ]
    assert len(rules) >= 11
    return [
        (method, re.sub("<[^>]+>", "9", rule.rule))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    ]


# What the routes of resumable uploads ask for first.
TUS = {"Tus-Resumable": "1.0.0"}


def test_without_a_token_every_route_is_closed(app, visitor):
    for method, path in api_routes(app):
        if path != "/api/v1/openapi.json":
            assert_problem(visitor.open(path, method=method), 401)


def test_what_is_not_there_is_a_problem_on_every_route(app, client):
    for method, path in api_routes(app):
        if "/9" in path:
            body = BODIES.get((method, path))
            answer = client.open(path, method=method, json=body, headers=TUS)
            assert_problem(answer, 404)


def test_a_wrong_method_is_a_problem_on_every_route(app, client):
    allowed = defaultdict(set)
    for method, path in api_routes(app):
        allowed[path].add(method)
    for path, methods in allowed.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = client.open(path, method=method)
            assert_problem(answer, 405)
            assert methods <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v1/jobs/x", 404),
        ("GET", "/api/v1/jobs/99999999999999999999999999", 404),
        ("GET", "/api/v1/images/99999999999999999999999999/preview.png", 404),
        ("GET", "/api/v1/jobs?limit=-1", 422),
        ("GET", "/api/v1/jobs?cursor=@@@", 422),
        ("POST", "/api/v1/jobs", 415),
        ("PATCH", "/api/v1/jobs", 405),
        ("PATCH", "/api/v1/jobs/9", 400),
    ],
)
def test_odd_requests(client, method, path, status):
    assert_problem(client.open(path, method=method), status)


def test_pages_answer_with_a_page(reader):
    for path, status in (("/nothing", 404), ("/jobs/9", 404), ("/images/9", 404)):
        answer = reader.get(path)
        assert answer.status_code == status
        assert answer.content_type == "text/html; charset=utf-8"
        assert "Error 404" in answer.text


def test_a_character_that_postgresql_does_not_keep_is_no_failure(migrated_postgres_url, settings):
    store = migrated_store(migrated_postgres_url)
    store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
    app = create_app(replace(settings, database_url=migrated_postgres_url))
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    job = program.post("/api/v1/jobs", json={"open": True}).json["id"]
    answers = [
        program.get("/api/v1/jobs?search=%00"),
        program.get("/api/v1/images?search=%00"),
        program.patch(f"/api/v1/jobs/{job}", json={"name": "a\0b"}),
    ]
    for answer in answers:
        assert_problem(answer, 422)
        assert "U+0000" in answer.json["detail"]
    assert program.get(f"/api/v1/jobs/{job}").status_code == 200
    app.extensions["cxr"].store.close()
    store.close()
