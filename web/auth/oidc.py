"""Sign-in at the clinic's own identity provider (OpenID Connect), when one is configured.

Only then are its libraries loaded: they take a tenth of the web server's start.
"""

import logging

from flask import Flask, current_app, url_for
from werkzeug.wrappers import Response

from web.errors import ProviderFailed
from worker.settings import Settings

log = logging.getLogger(__name__)

PROVIDER = "provider"
TIMEOUT_S = 10
# Which claim names a person, in this order.
NAMES = ("name", "preferred_username", "email", "sub")


def set_up(app: Flask, settings: Settings) -> None:
    """Let `app` use the provider of the settings. Without one this does nothing."""
    if not settings.oidc_issuer:
        return
    from authlib.integrations.flask_client import OAuth

    oauth = OAuth(app)
    oauth.register(
        PROVIDER,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "timeout": TIMEOUT_S,
        },
    )
    app.extensions["cxr_oidc"] = oauth


def is_configured() -> bool:
    return "cxr_oidc" in current_app.extensions


def begin() -> Response:
    """Send the browser to the provider. Raises ProviderFailed."""
    try:
        back = url_for("sign_in.from_provider", _external=True)
        return _client().authorize_redirect(back)
    except (*_errors(), ValueError) as error:
        raise _failed(error) from error


def finish() -> tuple[str, str]:
    """Who came back: a subject that is theirs for ever, and a name. Raises ProviderFailed."""
    try:
        claims = _client().authorize_access_token()["userinfo"]
        subject = f"{claims['iss']} {claims['sub']}"
    except (*_errors(), ValueError, KeyError) as error:
        raise _failed(error) from error
    return subject, next(claims[name] for name in NAMES if claims.get(name))


def _errors() -> tuple[type[Exception], ...]:
    """What the libraries raise when the provider does not do as it should."""
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError
    from requests import RequestException

    return AuthlibBaseError, JoseError, RequestException


def _client():
    return current_app.extensions["cxr_oidc"].create_client(PROVIDER)


def _failed(error: Exception) -> ProviderFailed:
    # Its text can hold what the provider sent.
    log.warning("The identity provider did not sign somebody in: %s", type(error).__name__)
    return ProviderFailed("Your organisation's sign-in did not work. Try again.")
