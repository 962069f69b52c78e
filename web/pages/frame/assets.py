"""The files of the pages. Their addresses change with their content, so a browser asks for each
only once, and a page never runs the script of another version."""

import hashlib
from functools import cache
from pathlib import Path

from apiflask import APIFlask
from flask import Response, send_from_directory

from web.auth.permissions import anyone

FOLDER = Path(__file__).parents[1] / "static"
KEPT_S = 365 * 86_400  # as long as browsers keep anything


def serve_assets(app: APIFlask) -> None:
    """Let `app` answer `/static/{version}/{filename}`; `url_for("static", filename=…)` gives such
    addresses. Modules import each other by relative paths, so they stay within a version."""
    current = _current_version()

    @anyone
    def static(version: str, filename: str) -> Response:
        # While servers are updated, a page may come from another one: its files are still served.
        is_current = version == current
        answer = send_from_directory(FOLDER, filename, max_age=KEPT_S if is_current else 0)
        answer.cache_control.immutable = is_current or None
        return answer

    app.add_url_rule("/static/<version>/<path:filename>", "static", static)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values.setdefault("version", current)


@cache
def _current_version() -> str:
    return _version(FOLDER)


def _version(folder: Path) -> str:
    """Changes with the name or the content of any file."""
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            found.update(file.relative_to(folder).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:16]
