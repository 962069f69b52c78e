import json
import re

import jsonschema
import pytest
from openapi_spec_validator import validate

from tests.support.access import SECRET_KEY
from tests.support.databases import migrated_store
from tests.support.results import rejected, work
from web.app import create_app
from worker.settings import Settings


@pytest.fixture(scope="module")
def document(tmp_path_factory) -> dict:
    """As it is for whoever asks: read it only."""
    settings = Settings(home=tmp_path_factory.mktemp("openapi") / "home", secret_key=SECRET_KEY)
    migrated_store(settings.database_url).close()
    return create_app(settings).test_client().get("/api/v1/openapi.json").json


def test_it_is_a_valid_openapi_3_1_document(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_reference_leads_somewhere(document):
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
    assert len(references) > 20
    for reference in references:
        found = document
        for step in reference.split("/"):
            found = found[step]
        assert found


def test_files_are_described_as_files(document):
    said = {
        (kind, tuple(sorted(content["schema"].items())))
        for operations in document["paths"].values()
        for operation in operations.values()
        for kind, content in operation["responses"].get("200", {}).get("content", {}).items()
        if kind != "application/json"
    }
    binary = (("format", "binary"), ("type", "string"))
    kinds = ("text/csv", "image/jpeg", "image/png", "application/pdf")
    assert said == {(kind, binary) for kind in kinds}
    assert not [name for name in document["components"]["schemas"] if "Generated" in name]


def test_every_route_is_in_it_with_security_and_problems(app, document):
    routes = {
        rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith(("openapi.", "docs."))
    }
    assert set(document["paths"]) == routes
    assert document["security"] == [{"token": []}, {"session": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert {"401", "500"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]


def test_the_answers_are_as_documented(client, document, upload, store, png):
    upload({"a.png": png, "b.png": b"", "c.png": b"x", "d.png": b"y"})
    work(store, 1)
    work(store, 1, rejected)
    for path, template in {
        "/api/v1/jobs": "/api/v1/jobs",
        "/api/v1/jobs/1": "/api/v1/jobs/{job_id}",
        "/api/v1/jobs/1/images": "/api/v1/jobs/{job_id}/images",
        "/api/v1/jobs/1/results.json": "/api/v1/jobs/{job_id}/results.json",
        "/api/v1/images/1": "/api/v1/images/{image_id}",
        "/api/v1/images/2": "/api/v1/images/{image_id}",
        "/api/v1/images/1/attention.json": "/api/v1/images/{image_id}/attention.json",
        "/api/v1/images/1/maps": "/api/v1/images/{image_id}/maps",
        "/api/v1/images/1/maps/attention.json": "/api/v1/images/{image_id}/maps/{name}.json",
    }.items():
        answer = client.get(path).json
        documented = document["paths"][template]["get"]["responses"]["200"]["content"]
        schema = documented["application/json"]["schema"] | {"components": document["components"]}
        jsonschema.validate(answer, schema, cls=jsonschema.Draft202012Validator)
        assert_nothing_undocumented(answer, schema, document)


def assert_nothing_undocumented(value, schema: dict, document: dict) -> None:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in schema.get("anyOf", []):
        if "$ref" in choice and value is not None:
            assert_nothing_undocumented(value, choice, document)
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) == set(schema["properties"])
        for name, child in value.items():
            assert_nothing_undocumented(child, schema["properties"][name], document)
    elif isinstance(value, list):
        for child in value:
            assert_nothing_undocumented(child, schema.get("items", {}), document)


@pytest.mark.parametrize(
    ("request_", "template", "status"),
    [
        (("GET", "jobs/9", {}), "jobs/{job_id}", 404),
        (("GET", "jobs?limit=0", {}), "jobs", 422),
        (("GET", "images/1/preview.png?max_side=1", {}), "images/{image_id}/preview.png", 422),
        (("POST", "jobs", {"json": [1]}), "jobs", 422),
        (("POST", "jobs", {"data": b"x"}), "jobs", 415),
        (("POST", "jobs", {"data": b"{", "content_type": "application/json"}), "jobs", 400),
        (("POST", "jobs", {"headers": {"Idempotency-Key": " "}}), "jobs", 422),
        (("POST", "jobs/1/images", {"json": {"images": []}}), "jobs/{job_id}/images", 409),
    ],
)
def test_errors_are_as_documented(client, document, upload, request_, template, status):
    upload({"a.png": b"x"})
    method, path, options = request_
    answer = client.open(f"/api/v1/{path}", method=method, **options)
    assert answer.status_code == status
    documented = document["paths"][f"/api/v1/{template}"][method.lower()]["responses"]
    schema = documented[str(status)]["content"]["application/problem+json"]["schema"]
    whole = schema | {"components": document["components"]}
    jsonschema.validate(answer.json, whole, cls=jsonschema.Draft202012Validator)
    problem = document["components"]["schemas"]["Problem"]
    assert set(answer.json) <= set(problem["properties"])


def test_every_operation_is_in_a_group_and_no_group_is_empty(document):
    groups = [tag["name"] for tag in document["tags"]]
    used = [
        tuple(operation.get("tags", ()))
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert set(used) == {(name,) for name in groups}
    assert len(groups) == len(set(groups))
