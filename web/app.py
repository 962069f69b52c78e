"""The web application, for `web.door` or any other WSGI server."""

from importlib.metadata import version
from typing import Any

from apiflask import APIFlask
from flask import Response, jsonify
from werkzeug.routing import IntegerConverter, Map

from web import audit, pages, problems, security
from web.api import BLUEPRINTS
from web.api.openapi import describe
from web.auth import oidc
from web.auth.permissions import anyone, check_declared
from web.auth.requests import check_request
from web.auth.throttle import limit_requests
from web.language.asked import translations
from web.pages.frame.assets import serve_assets
from web.services import Services, services
from worker.errors import SettingsError
from worker.settings import MEGABYTE, Settings

# The envelope of a multipart upload (boundaries, headers) is not counted against the limit.
ENVELOPE_BYTES = 16 * MEGABYTE


class RowId(IntegerConverter):
    """A number in an address; one that no database can hold is an address that does not exist."""

    def __init__(self, url_map: Map, *args: Any, **options: Any) -> None:
        super().__init__(url_map, *args, **{"max": 2**63 - 1} | options)


def create_app(settings: Settings | None = None) -> APIFlask:
    """The application of one process. Without `settings` it reads the environment.

    Raises SettingsError when there is no secret key: sessions signed with a made-up one would end
    with every restart, and would differ between two web servers.
    """
    settings = settings or Settings.from_env()
    if not settings.secret_key:
        raise SettingsError(
            "CXR_SECRET_KEY is empty, and the web server signs sessions with it. "
            "Set it to a long random text, or start everything with `cxr up`, which makes one."
        )
    app = APIFlask(
        __name__,
        title="cxr-batch",
        version=version("cxr-batch"),
        static_folder=None,
        template_folder="pages/templates",
        spec_path="/api/v1/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.config.update(
        # Flask's own session holds what a sign-in at a provider needs on its way, and what the next
        # page has to say; nothing else.
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-cxr_passing" if settings.secure_cookies else "cxr_passing",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=settings.max_upload_mb * MEGABYTE + ENVELOPE_BYTES,
    )
    app.json.sort_keys = False
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(
        lambda text: translations().gettext(text),
        lambda one, many, number: translations().ngettext(one, many, number),
        newstyle=True,
        pgettext=lambda context, text: translations().pgettext(context, text),
    )
    app.url_map.converters["int"] = RowId
    app.extensions["cxr"] = Services.make(settings)
    describe(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint, url_prefix="/api/v1")
    for blueprint in pages.BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.get("/healthz")(app.doc(hide=True)(health))
    app.get("/readyz")(app.doc(hide=True)(ready))
    serve_assets(app)
    anyone(app.view_functions["openapi.spec"])  # not ours to decorate
    check_declared(app)
    oidc.set_up(app, settings)
    limit_requests(app, settings)
    app.before_request(check_request)
    app.after_request(security.add_headers)
    app.after_request(audit.record)  # the last one runs first
    problems.register(app)
    return app


@anyone
def health() -> Response:
    """This process lives and answers; it needs nothing else for that."""
    return _not_kept({"status": "ok"}, 200)


@anyone
def ready() -> Response:
    """200 when everything works, else 503 with what is missing."""
    state = services().readiness.state()
    return _not_kept(state.as_json(), 503 if state.missing else 200)


def _not_kept(content: dict[str, Any], status: int) -> Response:
    response = jsonify(content)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
