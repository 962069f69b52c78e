"""The OpenAPI 3.1 document: what APIFlask cannot read from the views."""

import json
import re
from typing import Any

from apiflask import APIFlask

from web.api.inputs.uploads import InlineImage, InlineJob
from web.api.records.problems import Problem
from web.api.records.record import INT64

DESCRIPTION = """
Upload chest X-rays in bulk, watch the job, read a result and an attention map for each image.
Research and triage support, not a diagnosis.

Every error is `application/problem+json` (RFC 9457) with a `code` for programs. Lists are paged:
send `next_cursor` back as `cursor`. Answers carry an ETag: send it as `If-None-Match` when polling.
"""
SECURITY_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from `cxr token create`, or that of the token file of `cxr up`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "cxr_session",
        "description": "Set by /sign-in, for the pages.",
    },
}
PROBLEM_JSON = "application/problem+json"
# What any operation can answer, besides its own.
COMMON = {
    "400": "The request is not valid HTTP.",
    "401": "The token is missing or not valid.",
    "403": "A permission is missing, or a session was used from another site's page.",
    "405": "The address does not take this method, or holds a number that nothing can have.",
    "414": "The address of the request is too long.",
    "429": "Too many requests or waiting images. `Retry-After` tells when to ask again.",
    "431": "The headers of the request are too large.",
    "500": "The server failed.",
    "503": "The database cannot be reached.",
}
NOT_MODIFIED = {304: {"description": "The client has this version (If-None-Match)."}}
HELD = {409: "The job is held until somebody releases it."}
_FILES = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "description": "JPEG, PNG, WEBP, TIFF, DICOM, or zip archives of them.",
}
_JSON = {
    "schema": {"$ref": "#/components/schemas/InlineJob"},
    "example": {
        "name": "Monday morning",
        "images": [{"filename": "chest.png", "data": "data:image/png;base64,iVBORw0KGgo="}],
    },
}


def _body(required: list[str], json: dict[str, Any], **fields: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": {"files": _FILES, **fields}}
    schema["additionalProperties"] = False
    content = {"multipart/form-data": {"schema": schema}, "application/json": json}
    return {"required": True, "content": content}


# How a job is sent, and how files are added to one.
UPLOAD_BODY = _body(
    [],
    _JSON,
    name={"type": "string", "maxLength": 200},
    urgent={"type": "boolean", "default": False},
    open={
        "type": "boolean",
        "default": False,
        "description": "More files will be added; without it, `files` is required.",
    },
)
ADD_BODY = _body(["files"], _JSON | {"example": {"images": _JSON["example"]["images"]}})


def describe(app: APIFlask) -> None:
    """Settings and finishing touches of the document."""
    app.description = DESCRIPTION.strip()
    app.security_schemes = SECURITY_SCHEMES
    app.config.update(
        HTTP_ERROR_SCHEMA={},  # `_finish` says that every error is a problem
        VALIDATION_ERROR_SCHEMA={},
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=True,
        NOT_FOUND_DESCRIPTION="No such thing in the clinic of this token.",
    )
    app.spec_processor(_finish)


def _finish(spec: dict[str, Any]) -> dict[str, Any]:
    """Each record once, security on every operation, and every error as a problem."""
    spec = _with_records_once(spec)
    # Two blueprints may share one.
    spec["tags"] = [{"name": name} for name in dict.fromkeys(one["name"] for one in spec["tags"])]
    spec["security"] = [{"token": []}, {"session": []}]
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in spec["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                    # As in web.app.RowId.
                    parameter["schema"] |= INT64 | {"maximum": 2**63 - 1}
                if parameter["schema"].get("type") == "array":
                    parameter["explode"] = False  # listed with commas
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            answers = operation["responses"]
            for status, description in COMMON.items():
                answers.setdefault(status, {"description": description})
            for status, answer in answers.items():
                if int(status) >= 400:
                    answer["content"] = {PROBLEM_JSON: problem}
                elif not answer.get("content"):
                    answer.pop("content", None)
    return spec


def _with_records_once(spec: dict[str, Any]) -> dict[str, Any]:
    """APIFlask names a record in a record "JobPage.Job": it becomes "Job", as it is by itself."""
    spec = json.loads(re.sub(r"(#/components/schemas/)\w+\.", r"\1", json.dumps(spec)))
    schemas = {
        name.rpartition(".")[2]: schema
        for name, schema in sorted(spec["components"]["schemas"].items())
        if schema
    }
    for own in (Problem, InlineImage, InlineJob):
        schema = own.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas[own.__name__] = {key: value for key, value in schema.items() if key != "$defs"}
    spec["components"]["schemas"] = schemas
    return spec
