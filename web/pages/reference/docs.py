"""The API's documentation, rendered by Swagger UI, whose files come with a package: it works
without the internet."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from apiflask import APIBlueprint
from flask import Response, make_response, render_template, send_from_directory

from web.auth.permissions import signed_in
from web.security import CONTENT_SECURITY_POLICY

blueprint = APIBlueprint("docs", __name__, enable_openapi=False)

A_DAY_S = 86_400
# Its icons are pictures inside of its style sheet.
POLICY = CONTENT_SECURITY_POLICY.replace("img-src 'self'", "img-src 'self' data:")


@blueprint.get("/api/v1/docs")
@signed_in
def docs():
    page = make_response(render_template("docs.html"))
    page.headers["Content-Security-Policy"] = POLICY
    return page


@blueprint.get("/api/v1/docs/swagger-ui.css")
@signed_in
def style() -> Response:
    return send_from_directory(_folder() / "css", "swagger-ui.css", max_age=A_DAY_S)


@blueprint.get("/api/v1/docs/swagger-ui.js")
@signed_in
def script() -> Response:
    return send_from_directory(_folder() / "js", "swagger-ui-bundle.js", max_age=A_DAY_S)


@cache
def _folder() -> Path:
    package = find_spec("flask_openapi3_swagger")
    return Path(package.origin).parent / "templates" / "swagger"
