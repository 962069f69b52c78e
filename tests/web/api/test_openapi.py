import jsonschema
import pytest
from openapi_spec_validator import validate

from tests.support.results import rejected, work


@pytest.fixture
def document(visitor) -> dict:
    return visitor.get("/api/v1/openapi.json").json


def test_it_is_a_valid_openapi_3_1_document(document):
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_in_it_with_security_and_problems(app, document):
    routes = {
        rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.endpoint != "openapi.spec"
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


def test_errors_are_as_documented(client, document):
    schema = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    jsonschema.validate(client.get("/api/v1/jobs/9").json, schema)
